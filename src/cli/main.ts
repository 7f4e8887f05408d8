import type { CommanderError as LineError } from "commander";
import { COMMANDS } from "./commands.ts";
import { type Io, processIo } from "./io.ts";
import { buildProgram, CommanderError, type Parsed } from "./program.ts";
import { readVersion } from "./version.ts";

/**
 * Runs one command line and gives its exit code. Standard output gets data only, with `--json` exactly one document, also
 * when the command fails; standard error gets talk. Never throws.
 *
 * Only what reads the line is loaded for every line: help and the version are answered by it alone.
 */
export async function main(argv: readonly string[], io: Io = processIo()): Promise<number> {
  const json = asksForJson(argv);
  const read = readLine(argv);
  if (read.type === "answer") {
    io.stdout.write(json ? `${JSON.stringify({ [read.name]: read.text.trim() })}\n` : read.text);
    return 0;
  }
  const { refuseLine, runCommand } = await import("./run-command.ts");
  return read.type === "refused"
    ? refuseLine({ ...read, hint: helpOf(argv) }, io, json)
    : await runCommand(read.parsed, io);
}

type Line =
  | { type: "command"; parsed: Parsed }
  | { type: "answer"; name: "help" | "version"; text: string }
  | { type: "refused"; error: LineError; written: string };

function readLine(argv: readonly string[]): Line {
  const written: string[] = [];
  let parsed: Parsed | null = null;
  const output = { out: (text: string) => void written.push(text), err: (text: string) => void written.push(text) };
  const program = buildProgram(COMMANDS, readVersion(), output, (chosen) => {
    parsed = chosen;
  });
  try {
    program.parse([...argv], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const text = written.join("");
    const [first, asked] = program.args;
    // Help for a command that is not there: what the line with that command alone would say.
    if (error.code === "commander.help" && error.exitCode !== 0 && first === "help" && asked !== undefined)
      return readLine([asked]);
    if (error.exitCode !== 0) return { type: "refused", error, written: text };
    return { type: "answer", name: error.code === "commander.version" ? "version" : "help", text };
  }
  return parsed === null
    ? { type: "refused", error: new CommanderError(1, "commander.help", ""), written: written.join("") }
    : { type: "command", parsed };
}

/** What to read instead: the help of the command that the line names. */
function helpOf(argv: readonly string[]): string {
  const name = argv.find((word) => COMMANDS.some((row) => row.name === word));
  return `See: crmledger ${name === undefined ? "" : `${name} `}--help`;
}

/** Looked at before parsing, because parsing may fail and must then answer in JSON too. */
function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return (end === -1 ? argv : argv.slice(0, end)).includes("--json");
}
