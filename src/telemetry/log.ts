/** The log: one JSON line for each thing that was committed, written before the program goes on. */
import { createRequire } from "node:module";
import type { Logger, pino as Pino } from "pino";
import type { Clock } from "../domain/clock.ts";
import type { LedgerListener } from "./ledger-events.ts";
import { LOG_FIELDS, type LogLine, logLines, newLogMemory } from "./log-lines.ts";

export interface LogDeps {
  path: string;
  /** Gives the file's descriptor, for writes at its end. Throws where the run might have to wait for it. */
  openFile: (path: string) => number;
  clock: Clock;
  /** Told once, when the log can't be written. */
  warn: (message: string) => void;
}

/**
 * A log file. It is opened at the first line, so that commands that change nothing make none, and by every process anew. Each line
 * is one write at the file's end: a killed process loses none, and processes that share the file do not mix theirs.
 */
export function createLog(deps: LogDeps): LedgerListener {
  const memory = newLogMemory();
  let logger: Logger | null = null;
  return {
    tell(event) {
      const lines = logLines(memory, event, deps.clock.wallMs());
      if (lines.length === 0) return;
      logger ??= openLogger(deps);
      for (const line of lines) logger[line.level](allowed(line));
    },
  };
}

const FIELDS: ReadonlySet<string> = new Set(LOG_FIELDS);

/** What is not on the list is left out, whoever put it there. */
function allowed({ event, fields }: LogLine): object {
  const known = Object.entries(fields).filter(([name, value]) => FIELDS.has(name) && value !== undefined);
  return { event, ...Object.fromEntries(known) };
}

function openLogger({ path, openFile, clock, warn }: LogDeps): Logger {
  // Required, for the first line can't wait, and who writes no log loads nothing.
  const { pino } = createRequire(import.meta.url)("pino") as { pino: typeof Pino };
  let isTold = false;
  const complain = (error: unknown): void => {
    if (!isTold) warn(`the log ${path} can't be written: ${error instanceof Error ? error.message : String(error)}`);
    isTold = true;
  };
  const file = opened(() => pino.destination({ dest: openFile(path), sync: true }), complain);
  file.on("error", complain);
  const options = {
    base: null,
    timestamp: () => `,"time":"${new Date(clock.wallMs()).toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, file);
}

/** Who can't open it hears no more of the ledger. */
function opened<File>(open: () => File, complain: (error: unknown) => void): File {
  try {
    return open();
  } catch (error) {
    complain(error);
    throw error;
  }
}
