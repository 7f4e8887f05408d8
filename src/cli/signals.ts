import type { Signals } from "./command.ts";
import { exitCodeOfSignal } from "./exit-code.ts";
import type { Io, StopSignal } from "./io.ts";
import type { Talk } from "./talk.ts";

/** Listens for SIGINT and SIGTERM as `Signals` promises. `stop` ends the listening. */
export function watchSignals(io: Io, talk: Talk): Signals & { stop(): void } {
  const controller = new AbortController();
  let graceful = false;
  let first: StopSignal | null = null;
  const stop = io.onSignal((name) => {
    if (!graceful || first !== null) io.exit(exitCodeOfSignal(first ?? name));
    first = name;
    // First, so that a progress bar has left its line.
    controller.abort();
    talk.say("Stopping: what is in flight is finished and recorded first. Once more leaves at once.");
  });
  return {
    graceful: () => {
      graceful = true;
      return controller.signal;
    },
    received: () => first,
    stop,
  };
}
