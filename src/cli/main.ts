import { createRequire } from "node:module";
import { CommanderError } from "commander";
import { CrmledgerError, EXIT_CODES } from "../domain/errors.ts";
import { jsonText } from "../intake/json-text.ts";
import { createStyle } from "../report/style.ts";
import type { Globals, Invocation, Reply } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { errorDocument } from "./error-document.ts";
import { exitCodeOfError, exitCodeOfSignal } from "./exit-code.ts";
import { type Io, processIo } from "./io.ts";
import { buildProgram, type Parsed } from "./program.ts";
import { watchSignals } from "./signals.ts";
import { createTalk, type Talk } from "./talk.ts";

/**
 * Runs one command line and gives its exit code. Standard output gets data only, with `--json` exactly one document, also
 * when the command fails; standard error gets talk. Never throws.
 */
export async function main(argv: readonly string[], io: Io = processIo()): Promise<number> {
  const json = asksForJson(argv);
  const parsed = parseLine(argv, io, json);
  return typeof parsed === "number" ? parsed : await runCommand(parsed, io);
}

async function runCommand(parsed: Parsed, io: Io): Promise<number> {
  const { globals } = parsed;
  const talk = createTalk(io.stderr, styleOf(io, io.stderr, globals), globals);
  const signals = watchSignals(io, talk);
  const print = (reply: Reply): void => {
    const text = globals.json ? `${jsonText(reply.json)}\n` : reply.text(styleOf(io, io.stdout, globals));
    io.stdout.write(talk.redact(text));
  };
  const { args, flags } = parsed;
  const invocation: Invocation = { commands: COMMANDS, args, flags, globals, io, talk, signals, print };
  try {
    const { run } = await parsed.row.load();
    const reply = await run(invocation);
    if (reply !== null) print(reply);
    const signal = signals.received();
    return signal === null ? (reply?.exitCode ?? 0) : exitCodeOfSignal(signal);
  } catch (error) {
    const signal = signals.received();
    complain(error, talk, globals.json, io, globals.verbose);
    return signal === null ? exitCodeOfError(error) : exitCodeOfSignal(signal);
  } finally {
    signals.stop();
  }
}

/** Gives what to run, or the exit code where there is nothing to run: help, version, wrong usage. */
function parseLine(argv: readonly string[], io: Io, json: boolean): Parsed | number {
  const written: string[] = [];
  let parsed: Parsed | null = null;
  const output = { out: (text: string) => void written.push(text), err: (text: string) => void written.push(text) };
  const program = buildProgram(COMMANDS, readVersion(), output, (chosen) => {
    parsed = chosen;
  });
  try {
    program.parse([...argv], { from: "user" });
    if (parsed !== null) return parsed;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return endOfParsing(error, written.join(""), io, json, argv);
  }
  return EXIT_CODES.usage;
}

function endOfParsing(error: CommanderError, written: string, io: Io, json: boolean, argv: readonly string[]): number {
  if (error.exitCode === 0) {
    const name = error.code === "commander.version" ? "version" : "help";
    io.stdout.write(json ? `${JSON.stringify({ [name]: written.trim() })}\n` : written);
    return 0;
  }
  const talk = createTalk(io.stderr, styleOf(io, io.stderr, { color: true }), { quiet: false, verbose: false });
  const noCommand = error.code === "commander.help";
  if (noCommand && !json) io.stderr.write(written);
  const [message = "", ...rest] = (noCommand ? "no command given" : error.message.replace(/^error: /, "")).split("\n");
  const hint =
    rest
      .join(" ")
      .replace(/^\(|\)$/g, "")
      .trim() || `See: crmledger ${commandIn(argv)}--help`;
  complain(new CrmledgerError("usage", message, { hint }), talk, json, io, false);
  return EXIT_CODES.usage;
}

/** The command that the line names, for the help that is pointed to. */
function commandIn(argv: readonly string[]): string {
  const name = argv.find((word) => COMMANDS.some((row) => row.name === word));
  return name === undefined ? "" : `${name} `;
}

function complain(error: unknown, talk: Talk, json: boolean, io: Io, verbose: boolean): void {
  const { code, message, hint } = errorDocument(error);
  if (json) io.stdout.write(`${talk.redact(JSON.stringify({ error: { code, message, hint } }))}\n`);
  talk.error(message, hint ?? undefined);
  if (verbose && error instanceof Error && error.stack !== undefined) talk.detail(error.stack);
}

/** Looked at before parsing, because parsing may fail and must then answer in JSON too. */
function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return (end === -1 ? argv : argv.slice(0, end)).includes("--json");
}

function styleOf(io: Io, stream: Io["stdout"], wanted: Pick<Globals, "color">) {
  return createStyle({ isTTY: stream.isTTY === true, columns: stream.columns }, wanted, io.env);
}

function readVersion(): string {
  // The same path from src/cli and from dist/cli.
  return (createRequire(import.meta.url)("../../package.json") as { version: string }).version;
}
