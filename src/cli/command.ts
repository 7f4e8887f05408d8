import type { Style } from "../report/style.ts";
import type { Io, StopSignal } from "./io.ts";
import type { Talk } from "./talk.ts";

/** Flags that every command takes. */
export interface Globals {
  config?: string;
  ledger?: string;
  json: boolean;
  quiet: boolean;
  verbose: boolean;
  color: boolean;
  progress: boolean;
}

/** A bar is for a terminal, and would cut through the lines of --verbose. */
export function showsProgress({ io, globals }: Pick<Invocation, "io" | "globals">): boolean {
  return io.stderr.isTTY === true && globals.progress && !globals.quiet && !globals.verbose;
}

/** What a command answers: one document, or the same as text for people. */
export interface Reply {
  json: unknown;
  text: (style: Style) => string;
  exitCode: number;
}

/** One call of a command. */
export interface Invocation {
  /** The whole table, for the completion scripts. */
  commands: readonly CommandRow[];
  args: readonly string[];
  flags: Readonly<Record<string, unknown>>;
  globals: Globals;
  io: Io;
  talk: Talk;
  signals: Signals;
  /** Prints a reply at once, for commands that go on after it. Then the command gives null. */
  print(reply: Reply): void;
}

export interface Signals {
  /**
   * From here on the first SIGINT or SIGTERM fires this signal and the command ends by itself; a second one leaves at once.
   * A command that never asks is left at the first.
   */
  graceful(): AbortSignal;
  received(): StopSignal | null;
}

export type RunCommand = (invocation: Invocation) => Promise<Reply | null>;

/** One row of the command table. */
export interface CommandRow {
  name: string;
  group: "Every day" | "When something is wrong" | "Getting things in" | "Set-up";
  summary: string;
  /** Syntax as commander reads it, what it is, and words that a shell can propose for it. */
  args?: readonly (readonly [syntax: string, description: string, words?: readonly string[]])[];
  options?: readonly CommandOption[];
  /** Command lines without `crmledger`, and what they do. */
  examples: readonly (readonly [line: string, what: string])[];
  /** Loads the command's own code, so that `--help` and `--version` load none. */
  load: () => Promise<{ run: RunCommand }>;
}

export interface CommandOption {
  /** As commander reads it: `--max-wait <duration>`. */
  flags: string;
  description: string;
  /** Reads the value; throws `usage` where it is not what is accepted. */
  read?: (text: string) => unknown;
  choices?: readonly string[];
  /** It may be given several times; its value is the list. */
  many?: boolean;
  /** For the program itself: neither help nor completion shows it. */
  hidden?: boolean;
}
