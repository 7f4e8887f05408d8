import { safeText, terminalText } from "../report/safe-text.ts";
import { createStyle } from "../report/style.ts";
import type { Invocation, Reply } from "./command.ts";
import type { Shop } from "./compose.ts";

const WATCH_MS = 2_000;
/** Of a screen that does not say how high it is. */
const ROWS_ELSEWHERE = 24;

const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const REST_OF_LINE = "\u001b[K";
const REST_OF_SCREEN = "\u001b[J";
/** One picture at a time, where a terminal knows that; the others take no notice. */
const [FRAME, SHOWN] = ["\u001b[?2026h", "\u001b[?2026l"];

/**
 * Asks again and again until a signal. On a terminal in place, on a screen of its own that leaves the last answer behind;
 * elsewhere each answer that differs from the one before.
 */
export async function watchStatus(
  { clock }: Pick<Shop, "clock">,
  invocation: Invocation,
  ask: () => Promise<Reply>,
): Promise<Reply | null> {
  const signal = invocation.signals.graceful();
  if (!invocation.io.stdout.isTTY) {
    await followChanges(clock, invocation, ask, signal);
    return null;
  }
  const { stdout } = invocation.io;
  let resized = new AbortController();
  const onResize = (): void => resized.abort();
  stdout.on("resize", onResize);
  stdout.write(ENTER);
  let last: Reply | null = null;
  try {
    while (!signal.aborted) {
      resized = new AbortController();
      last = await ask();
      stdout.write(frameOf(last, invocation));
      await clock.sleep(WATCH_MS, AbortSignal.any([signal, resized.signal]));
    }
  } finally {
    stdout.off("resize", onResize);
    stdout.write(LEAVE);
  }
  return last;
}

async function followChanges(
  clock: Shop["clock"],
  invocation: Invocation,
  ask: () => Promise<Reply>,
  signal: AbortSignal,
): Promise<void> {
  let before = "";
  while (!signal.aborted) {
    const reply = await ask();
    const text = JSON.stringify(reply.json);
    if (text !== before) invocation.print(reply);
    before = text;
    await clock.sleep(WATCH_MS, signal);
  }
}

/** Over the one before, line by line: nothing is cleared that is not drawn anew at once. */
function frameOf(reply: Reply, { io, globals }: Invocation): string {
  const { stdout, env } = io;
  const rows = (stdout as { rows?: number }).rows ?? ROWS_ELSEWHERE;
  const style = createStyle({ isTTY: true, columns: stdout.columns }, { color: globals.color }, env);
  const help = style.dim(safeText("Every 2 seconds. Ctrl-C ends it."));
  const all = terminalText(reply.text(style)).trimEnd().split("\n");
  const room = Math.max(1, rows - 2);
  const shown =
    all.length > room ? [...all.slice(0, room - 1), style.dim(`and ${all.length - room + 1} more lines`)] : all;
  const lines = [...shown, "", help].slice(0, rows);
  return `${FRAME}${HOME}${lines.map((line) => line + REST_OF_LINE).join("\r\n")}${REST_OF_SCREEN}${SHOWN}`;
}
