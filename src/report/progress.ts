import { Presets, SingleBar } from "cli-progress";

/** A bar on a terminal while work goes on. Does nothing where `shown` is false. */
export interface Progress {
  update(done: number, total: number, note: string): void;
  /** Takes the bar away, for good. */
  stop(): void;
}

/** `stream` is standard error: progress is talk. The bar appears with the first update and leaves no trace. */
export function createProgress(stream: NodeJS.WritableStream, title: string, shown: boolean): Progress {
  if (!shown) return { update: () => {}, stop: () => {} };
  let bar: SingleBar | null = null;
  let stopped = false;
  return {
    update: (done, total, note) => {
      if (stopped) return;
      if (bar === null) {
        const format = `${title} {bar} {value}/{total} {note}`;
        bar = new SingleBar(
          { format, stream, hideCursor: false, clearOnComplete: true, fps: 5 },
          Presets.shades_classic,
        );
        bar.start(total, done, { note });
      }
      bar.setTotal(total);
      bar.update(done, { note });
    },
    stop: () => {
      stopped = true;
      bar?.stop();
      bar = null;
    },
  };
}
