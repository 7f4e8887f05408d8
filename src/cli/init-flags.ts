import { relative, resolve } from "node:path";
import { IMPORT_SOURCE } from "../config/source-settings.ts";
import { CrmledgerError } from "../domain/errors.ts";
import type { Invocation } from "./command.ts";
import type { InitAnswers, InitSource } from "./config-text.ts";
import type { CrmFound } from "./init-contact.ts";
import { type Answered, askAnswers, pipelineNamed, type Undated } from "./init-questions.ts";
import { checkAddress } from "./init-rules.ts";
import { tryToken } from "./init-token.ts";
import { localPlace } from "./local-place.ts";
import { canAsk } from "./questions.ts";
import { readTokenText } from "./read-config.ts";
import { createRealClock } from "./real-clock.ts";
import { sendFroms } from "./send-from.ts";

export interface InitFlags {
  baseUrl?: string;
  tokenFile?: string;
  tokenEnv?: string;
  plan?: string;
  seats?: number;
  /** `NAME` or `NAME=FOLDER`. */
  source?: string[];
  spool?: string;
  country?: string;
  timezone?: string;
  pipeline?: string;
  systemd?: string;
  offline?: boolean;
  force?: boolean;
}

/** All from flags where they name the token's place, else by asking. Rejects with `usage` where nobody is there to ask. */
export async function answersOf(invocation: Invocation, flags: InitFlags, folder: string): Promise<Answered> {
  const { io, globals } = invocation;
  if (flags.tokenFile !== undefined && flags.tokenEnv !== undefined) {
    throw new CrmledgerError("usage", "--token-file and --token-env exclude each other");
  }
  const place = localPlace(io.env);
  const ledger = globals.ledger === undefined ? "./crmledger.db" : fromFolder(io.cwd, folder, globals.ledger);
  // A day begins where the forms are, which may be told only now.
  const dated = ({ answers, newToken }: Undated): Answered => ({
    answers: {
      ...answers,
      ...sendFroms((io.clock ?? createRealClock()).wallMs(), answers.timezone ?? place.timezone),
    },
    newToken,
  });
  const sources = sourcesOf(flags, io.cwd, folder);
  if (flags.tokenFile !== undefined || flags.tokenEnv !== undefined) {
    return dated({ answers: await fromFlags(invocation, flags, folder, { ledger, sources }), newToken: null });
  }
  if (canAsk(io) && !globals.json) {
    const { baseUrl, plan, seats, country, timezone, pipeline } = flags;
    const named = flags.source !== undefined || flags.spool !== undefined;
    const given = { baseUrl, plan, seats, country, timezone, pipeline, ...(named && { sources }) };
    return dated(await askAnswers(invocation, given, ledger, place, folder));
  }
  throw new CrmledgerError("usage", "init needs --token-file FILE or --token-env NAME where it can't ask", {
    hint: "Optional: --base-url, --plan, --seats, --source, --spool, and others (see --help). At a terminal it asks for them.",
  });
}

async function fromFlags(
  invocation: Invocation,
  flags: InitFlags,
  folder: string,
  rest: Pick<InitAnswers, "ledger" | "sources">,
): Promise<Undated["answers"]> {
  const { io } = invocation;
  const baseUrl = flags.baseUrl ?? null;
  if (baseUrl !== null) checkAddress(baseUrl);
  const token = tokenOf(invocation, flags);
  const asked = token === null || flags.offline ? null : await tryToken(invocation, baseUrl, token);
  const found = asked?.found ?? null;
  return {
    ...rest,
    baseUrl,
    tokenFile: flags.tokenFile === undefined ? null : fromFolder(io.cwd, folder, flags.tokenFile),
    tokenEnv: flags.tokenEnv ?? null,
    plan: flags.plan ?? null,
    seats: flags.seats ?? null,
    country: flags.country ?? null,
    timezone: flags.timezone ?? null,
    pipeline: flags.pipeline === undefined ? null : checkedPipeline(flags.pipeline, found),
    found,
  };
}

function checkedPipeline(name: string, found: CrmFound | null): string {
  return found === null
    ? name
    : pipelineNamed(
        name,
        found.pipelines.map((pipeline) => pipeline.name),
      );
}

/** The token where it is there already; null where it comes later. Rejects with `usage` where this user can't look. */
function tokenOf({ io }: Invocation, flags: InitFlags): string | null {
  if (flags.tokenEnv !== undefined) return io.env[flags.tokenEnv] || null;
  return flags.tokenFile === undefined ? null : readTokenText(resolve(io.cwd, flags.tokenFile));
}

/** `--source NAME=FOLDER` as often as there are sources; `--spool` is the folder of a single one. */
function sourcesOf(flags: InitFlags, cwd: string, folder: string): InitSource[] {
  const names = flags.source ?? ["website"];
  if (flags.spool !== undefined && (names.length > 1 || names[0]?.includes("="))) {
    throw new CrmledgerError("usage", "--spool is for one --source NAME", { hint: "--source NAME=FOLDER, for each." });
  }
  const taken = new Set([IMPORT_SOURCE]);
  return names.map((text) => {
    const at = text.indexOf("=");
    const name = at === -1 ? text : text.slice(0, at);
    if (taken.has(name) || name === "__proto__") throw new CrmledgerError("usage", ...nameRefused(name));
    taken.add(name);
    const path = at === -1 ? flags.spool : text.slice(at + 1);
    return { name, spool: path === undefined ? `./spool/${name}` : fromFolder(cwd, folder, path) };
  });
}

function nameRefused(name: string): [string, { hint: string }] {
  if (name === IMPORT_SOURCE)
    return [
      `--source ${name}: init writes that source itself, for files by \`crmledger import\``,
      { hint: "Choose another name." },
    ];
  const why = name === "__proto__" ? "can't be the name of a source" : "is named twice";
  return [`--source ${name} ${why}`, { hint: "Give each source a name of its own." }];
}

/** Paths on the command line start at the working folder, paths in the file at the file's folder. */
function fromFolder(cwd: string, folder: string, path: string): string {
  const inside = relative(folder, resolve(cwd, path));
  return inside.startsWith("..") ? resolve(cwd, path) : `./${inside}`;
}
