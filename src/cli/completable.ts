/** What can follow on a command line, read off the command table: for the completion scripts and the manual page. */
import type { CommandRow } from "./command.ts";
import { GLOBAL_OPTIONS } from "./program.ts";

/** What a flag's value is; `nothing` where it takes none. */
export type Takes = "nothing" | "file" | "text" | readonly string[];

export interface Flag {
  /** `--lane`. */
  name: string;
  description: string;
  /** As help shows it: `<time>`, `[how]`; empty where it takes none. */
  value: string;
  takes: Takes;
  /** Its value may be left out, and then stands behind `=`: `--repair=merge`. */
  optional: boolean;
}

export interface Completable {
  name: string;
  summary: string;
  flags: readonly Flag[];
  /** Words that may stand as its first argument. */
  words: readonly string[];
  files: boolean;
}

export const SHELLS = ["bash", "zsh", "fish", "man"] as const;

export const GLOBAL: readonly Flag[] = [
  ...GLOBAL_OPTIONS.map(([flags, description]) => flagOf(flags, description)),
  { name: "--help", description: "show help", value: "", takes: "nothing", optional: false },
];

export function completable(rows: readonly CommandRow[]): Completable[] {
  const names = rows.map(({ name }) => name);
  const help = { name: "help", summary: "show help for a command", flags: [], words: names, files: false };
  return [...rows.map(ofRow), help];
}

function ofRow({ name, summary, args, options }: CommandRow): Completable {
  const shown = (options ?? []).filter(({ hidden }) => !hidden);
  return {
    name,
    summary,
    flags: shown.map(({ flags, description, choices }) => flagOf(flags, description, choices)),
    words: (args ?? []).flatMap(([, , words]) => words ?? []),
    files: (args ?? []).some(([syntax]) => syntax.includes("file")),
  };
}

function flagOf(flags: string, description: string, choices?: readonly string[]): Flag {
  const [name = "", value = ""] = flags.split(" ");
  return { name, description, value, takes: takes(value, choices), optional: value.startsWith("[") };
}

function takes(value: string, choices: readonly string[] | undefined): Takes {
  if (value === "") return "nothing";
  if (choices !== undefined) return choices;
  return /file|folder/.test(value) ? "file" : "text";
}

/** For a shell: nothing in it is a variable or a command. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
