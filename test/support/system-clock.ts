import type { Clock } from "../../src/domain/clock.ts";

/** The machine's own time, for tests over real sockets. `faster` shortens every sleep by that factor. */
export function createSystemClock(faster = 1): Clock {
  return {
    bootId: "this-boot",
    wallMs: () => Date.now(),
    monoMs: () => performance.now(),
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) {
          resolve();
          return;
        }
        const timer = setTimeout(done, ms / faster);
        function done() {
          clearTimeout(timer);
          signal?.removeEventListener("abort", done);
          resolve();
        }
        signal?.addEventListener("abort", done, { once: true });
      }),
  };
}
