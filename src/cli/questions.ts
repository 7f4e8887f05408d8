import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { CrmledgerError } from "../domain/errors.ts";
import { exitCodeOfSignal } from "./exit-code.ts";
import type { Io } from "./io.ts";

/** Gives what was typed, without outer spaces. Rejects with `usage` where the input ends instead. */
export type Ask = (question: string, hidden?: boolean) => Promise<string>;

/** Whether somebody is there to answer. */
export function canAsk(io: Pick<Io, "stdin" | "stderr">): boolean {
  return io.stdin.isTTY === true && io.stderr.isTTY === true;
}

/** One reader for all questions, so that what was typed ahead is not lost between them. Close it at the end. */
export function openQuestions(io: Io): { ask: Ask; close(): void } {
  let muted = false;
  const echo = new Writable({
    write(chunk, _encoding, done) {
      if (!muted) io.stderr.write(chunk);
      done();
    },
  });
  const lines = createInterface({ input: io.stdin, output: echo, terminal: true });
  // In raw mode the terminal sends no signal for Ctrl-C; nothing is written before the last answer.
  lines.on("SIGINT", () => {
    io.stderr.write("\nStopped.\n");
    io.exit(exitCodeOfSignal("SIGINT"));
  });
  const answers = lines[Symbol.asyncIterator]();
  return {
    ask: async (question, hidden = false) => {
      io.stderr.write(question);
      muted = hidden;
      const { value, done } = await answers.next();
      muted = false;
      if (hidden) io.stderr.write("\n");
      if (done) throw new CrmledgerError("usage", "The questions were not answered", { hint: "Nothing was written." });
      return value.trim();
    },
    close: () => lines.close(),
  };
}
