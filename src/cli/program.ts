import { createRequire } from "node:module";
import type { Command as CommandNode } from "commander";
import { CrmledgerError } from "../domain/errors.ts";
import type { CommandRow, Globals } from "./command.ts";

// Required: for an import Node reads a CommonJS package twice, which is a twentieth of what `--version` takes in all.
const commander = createRequire(import.meta.url)("commander") as typeof import("commander");
const { Command, InvalidArgumentError, Option } = commander;

export const { CommanderError } = commander;

export interface Parsed {
  row: CommandRow;
  args: string[];
  flags: Record<string, unknown>;
  globals: Globals;
}

/** Where commander writes. */
export interface ProgramOutput {
  out(text: string): void;
  err(text: string): void;
}

/** What every command takes. */
export const GLOBAL_OPTIONS: readonly (readonly [flags: string, description: string])[] = [
  ["--config <file>", "the config; default: ./crmledger.yaml, then the user's config folder"],
  ["--ledger <file>", "the ledger, instead of the config's"],
  ["--json", "print one JSON document on standard output"],
  ["--quiet", "no talk on standard error but errors"],
  ["--verbose", "more talk on standard error"],
  ["--no-color", "no colour (NO_COLOR does the same)"],
  ["--no-progress", "no progress bar"],
];

const EXIT_CODES_HELP = `
Exit codes: 0 done, 2 breaks are open, 3 records need attention, 4 another sync is running, 64 wrong usage,
65 unreadable input, 74 this machine (disk, ledger, spool), 75 held for later, 77 credentials refused,
78 config or CRM set-up, 1 unexpected.`;

/** Builds the command line from the table. `chosen` is called with what was parsed; commander runs nothing itself. */
export function buildProgram(
  rows: readonly CommandRow[],
  version: string,
  output: ProgramOutput,
  chosen: (parsed: Parsed) => void,
): CommandNode {
  const program = new Command("crmledger")
    .description("Gets website submissions into a CRM, each exactly once.")
    .version(version, "--version", "print the version")
    .helpOption("-h, --help", "show help")
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({ writeOut: output.out, writeErr: output.err, outputError: () => undefined })
    .addHelpText("after", EXIT_CODES_HELP);
  for (const [flags, description] of GLOBAL_OPTIONS) program.option(flags, description);
  program.configureHelp({ showGlobalOptions: true, styleTitle: (title) => title });
  for (const row of rows) addCommand(program, row, chosen);
  program.commandsGroup("Help:").helpCommand("help [command]", "show help for a command");
  return program;
}

function addCommand(program: CommandNode, row: CommandRow, chosen: (parsed: Parsed) => void): void {
  const command = program.command(row.name).summary(row.summary).description(row.summary).helpGroup(`${row.group}:`);
  for (const [syntax, description] of row.args ?? []) command.argument(syntax, description);
  for (const { flags, description, read, choices, many, hidden } of row.options ?? []) {
    const option = new Option(flags, description);
    if (choices !== undefined) option.choices([...choices]);
    if (hidden) option.hideHelp();
    if (read !== undefined) option.argParser((text: string) => readOption(read, text));
    if (many) option.argParser((text: string, before: string[] | undefined) => [...(before ?? []), text]);
    command.addOption(option);
  }
  command.addHelpText("after", examplesText(row));
  command.action((...given: unknown[]) => {
    const own = given.pop() as CommandNode;
    const { config, ledger, json, quiet, verbose, color, progress } = own.optsWithGlobals();
    const globals: Globals = {
      ...{ config, ledger, color, progress },
      json: json === true,
      quiet: quiet === true,
      verbose: verbose === true,
    };
    chosen({ row, args: own.args, flags: own.opts(), globals });
  });
}

function readOption(read: (text: string) => unknown, text: string): unknown {
  try {
    return read(text);
  } catch (error) {
    throw error instanceof CrmledgerError ? new InvalidArgumentError(error.message) : error;
  }
}

function examplesText(row: CommandRow): string {
  const width = Math.max(...row.examples.map(([line]) => line.length));
  const lines = row.examples.map(([line, what]) => `  crmledger ${line.padEnd(width)}  # ${what}`);
  return `\nExamples:\n${lines.join("\n")}`;
}
