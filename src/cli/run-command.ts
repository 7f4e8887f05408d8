import type { CommanderError } from "commander";
import { CrmledgerError, EXIT_CODES } from "../domain/errors.ts";
import { jsonText } from "../intake/json-text.ts";
import { safeJson, terminalText } from "../report/safe-text.ts";
import { createStyle } from "../report/style.ts";
import type { Globals, Invocation, Reply } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { errorDocument } from "./error-document.ts";
import { exitCodeOfError, exitCodeOfSignal } from "./exit-code.ts";
import type { Io } from "./io.ts";
import type { Parsed } from "./program.ts";
import { watchSignals } from "./signals.ts";
import { createTalk, type Talk } from "./talk.ts";

/** Loads and runs what the line asks for, prints its reply, and gives the exit code. */
export async function runCommand(parsed: Parsed, io: Io): Promise<number> {
  const { globals } = parsed;
  const talk = createTalk(io.stderr, styleOf(io, io.stderr, globals), globals);
  const signals = watchSignals(io, talk);
  const print = (reply: Reply): void => {
    const text = globals.json ? `${safeJson(jsonText(reply.json))}\n` : reply.text(styleOf(io, io.stdout, globals));
    io.stdout.write(talk.redact(io.stdout.isTTY ? terminalText(text) : text));
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

/** Says why a line is none, in JSON too where that is asked for. */
export function refuseLine(
  { error, written, hint: help }: { error: CommanderError; written: string; hint: string },
  io: Io,
  json: boolean,
): number {
  const talk = createTalk(io.stderr, styleOf(io, io.stderr, { color: true }), { quiet: false, verbose: false });
  const noCommand = error.code === "commander.help";
  if (noCommand && !json) io.stderr.write(written);
  const [message = "", ...rest] = (noCommand ? "no command given" : error.message.replace(/^error: /, "")).split("\n");
  const said = rest
    .join(" ")
    .replace(/^\(|\)$/g, "")
    .trim();
  complain(new CrmledgerError("usage", message, { hint: said || help }), talk, json, io, false);
  return EXIT_CODES.usage;
}

function complain(error: unknown, talk: Talk, json: boolean, io: Io, verbose: boolean): void {
  const { code, message, hint } = errorDocument(error);
  if (json) io.stdout.write(`${talk.redact(safeJson(JSON.stringify({ error: { code, message, hint } })))}\n`);
  talk.error(message, hint ?? undefined);
  if (verbose && error instanceof Error && error.stack !== undefined) talk.detail(error.stack);
}

function styleOf(io: Io, stream: Io["stdout"], wanted: Pick<Globals, "color">) {
  return createStyle({ isTTY: stream.isTTY === true, columns: stream.columns }, wanted, io.env);
}
