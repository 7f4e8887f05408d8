import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Config } from "../config/config.ts";
import { CONFIG_NAME } from "../config/find-config.ts";
import { parseConfig } from "../config/parse-config.ts";
import { CrmledgerError } from "../domain/errors.ts";
import type { Style } from "../report/style.ts";
import type { Invocation, RunCommand } from "./command.ts";
import { configText, type InitAnswers } from "./config-text.ts";
import { cronLine, shellWord } from "./cron-line.ts";
import { answersOf, type InitFlags } from "./init-flags.ts";
import { currentUser, type LocalUser } from "./local-user.ts";
import { isOwnerOnly, vendors } from "./read-config.ts";
import { createRealClock } from "./real-clock.ts";
import { makeSpool } from "./spool-folder.ts";
import { SERVICE_NAME, systemdUnits, TIMER_NAME } from "./systemd-units.ts";
import { webRootOf } from "./web-root.ts";
import { refuseUnwritable, writeWhole } from "./write-whole.ts";

/** What was written, and what is for the user to do. */
interface Made {
  config: Config;
  /** The ledger was there already, and stays as it was. */
  hadLedger: boolean;
  spools: string[];
  cron: string;
  units: { service: string; timer: string };
  /** Where the units were written; empty: nowhere. */
  unitFiles: string[];
  answers: InitAnswers;
}

/** `crmledger init`: writes the config, makes the spool folders and the ledger, and says what comes next. */
export const run: RunCommand = async (invocation) => {
  const { globals, io, talk } = invocation;
  const file = resolve(io.cwd, globals.config ?? io.env.CRMLEDGER_CONFIG ?? CONFIG_NAME);
  const flags = invocation.flags as InitFlags;
  if (existsSync(file) && !flags.force) {
    throw new CrmledgerError("usage", `${file} is there already`, {
      hint: "Nothing was changed. Replace it with --force.",
    });
  }
  // Asked before the questions: whoever has answered them all should not learn it at the end.
  if (existsSync(dirname(file))) refuseUnwritable(file);
  const { answers, newToken } = await answersOf(invocation, flags, dirname(file));
  const text = configText(answers);
  const config = readBack(invocation, text, file, answers);
  const spools = Object.values(config.sources).flatMap((source) => source.spool ?? []);
  const user = io.user ?? currentUser();
  const units = systemdUnits({ config, launcher: io.launcher, user: user.name, tokenEnv: answers.tokenEnv });
  // The config is the last that can fail: where it is, the rest is.
  for (const spool of spools) orRefuse(spool, () => makeSpool(spool));
  const hadLedger = existsSync(config.ledger);
  await makeLedger(config.ledger);
  const unitFiles = flags.systemd === undefined ? [] : writeUnits(resolve(io.cwd, flags.systemd), units);
  makeFolder(dirname(file));
  if (newToken !== null) writeToken(config, newToken);
  if (flags.force && existsSync(file)) {
    keepOld(file);
    writeWhole(file, text, process.pid, 0o600);
    talk.say(`The config that was there is kept as ${file}.old`);
  } else writeFileSync(file, text, { mode: 0o600, flag: "wx" });
  for (const warning of warningsOf(invocation, config, answers, spools, user)) talk.warn(warning);
  const made = { config, hadLedger, spools, cron: cronLine(io.launcher, file), units, unitFiles, answers };
  return { json: documentOf(made), text: (style) => pageOf(made, style), exitCode: 0 };
};

/** It may hold a secret, and somebody's evening of maps: whoever forced too much has it back. */
function keepOld(file: string): void {
  writeWhole(`${file}.old`, readFileSync(file, "utf8"), process.pid, 0o600);
}

/** What would go wrong later, for another reason than the config. */
function warningsOf(
  { io }: Invocation,
  config: Config,
  { tokenEnv }: InitAnswers,
  spools: readonly string[],
  user: LocalUser,
): string[] {
  const { token } = config.crm;
  const facts = token.type === "file" ? statSync(token.path, { throwIfNoEntry: false }) : undefined;
  const path = token.type === "file" ? shellWord(token.path) : "";
  const inPublic = spools.filter((spool) => webRootOf(spool) !== null);
  return [
    ...(token.type === "file" && facts === undefined
      ? [`put the CRM's API token into ${path} and run: chmod 600 ${path}`]
      : []),
    ...(facts !== undefined && !isOwnerOnly(facts)
      ? [`others can read the token, so it is refused: chmod 600 ${path}`]
      : []),
    ...(tokenEnv !== null && !io.env[tokenEnv]
      ? [`the environment variable ${tokenEnv} is not set here; cron needs it too`]
      : []),
    ...inPublic.map((spool) => `${spool} lies where a web server seems to hand files out: choose a folder outside`),
    ...(user.uid === 0
      ? ["this is root: crmledger needs none of its rights. Better make a user for it, and run init as that user"]
      : []),
    ...(io.launcher.some((word) => word.includes("/_npx/"))
      ? ["npx keeps its copy for a while only: install crmledger (npm install -g), then run init again for cron"]
      : []),
  ];
}

/** The text as every later command will read it. A variable that is not set yet is no fault of the file. */
function readBack({ io }: Invocation, text: string, file: string, answers: InitAnswers): Config {
  const env = {
    ...io.env,
    ...(answers.tokenEnv !== null && { [answers.tokenEnv]: io.env[answers.tokenEnv] ?? "later" }),
  };
  try {
    return parseConfig(text, { file, env, ownerOnly: true, vendors: vendors() });
  } catch (error) {
    if (!(error instanceof CrmledgerError)) throw error;
    // Places in a file that nobody has yet help nobody.
    const message = error.message
      .split("\n")
      .map((line) => (line.startsWith(`${file}:`) ? line.slice(file.length).replace(/^:\d+:\d+: /, "") : line));
    throw new CrmledgerError(error.code, message.join("\n"), { hint: "No config was written.", cause: error });
  }
}

const makeFolder = (path: string): void => orRefuse(path, () => mkdirSync(path, { recursive: true }));

/** Throws `usage` where the file or folder can't be made. */
function orRefuse(path: string, make: () => void): void {
  try {
    make();
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    throw new CrmledgerError(code === "ENOSPC" ? "diskFull" : "usage", `${path} can't be made (${code})`, {
      hint: "Something else has its place, or this user may not write there. No config was written.",
      cause: error,
    });
  }
}

/** Only its owner can read it, from its first byte on. */
function writeToken(config: Config, token: string): void {
  const { token: place } = config.crm;
  if (place.type !== "file") return;
  if (existsSync(place.path)) chmodSync(place.path, 0o600);
  writeFileSync(place.path, `${token}\n`, { mode: 0o600 });
}

async function makeLedger(path: string): Promise<void> {
  makeFolder(dirname(path));
  const { openSqliteLedger } = await import("../ledger/sqlite/open.ts");
  const ledger = await openSqliteLedger({
    path,
    create: true,
    nowMs: createRealClock().wallMs(),
    uid: process.getuid?.(),
  });
  await ledger.close();
}

function writeUnits(folder: string, { service, timer }: Made["units"]): string[] {
  makeFolder(folder);
  const files = [
    [join(folder, SERVICE_NAME), service],
    [join(folder, TIMER_NAME), timer],
  ] as const;
  for (const [path, text] of files) orRefuse(path, () => writeFileSync(path, text));
  return files.map(([path]) => path);
}

function documentOf({ config, spools, cron, units, unitFiles, answers: { found } }: Made) {
  const account = found === null ? null : { name: found.account, user: found.user };
  return { config: config.file, ledger: config.ledger, spools, cron, systemd: { ...units, files: unitFiles }, account };
}

function pageOf({ config, hadLedger, spools, cron, units, unitFiles, answers }: Made, style: Style): string {
  const install =
    unitFiles.length > 0
      ? [`Or let systemd: ${unitFiles.join(" and ")} are written. As root, with both in /etc/systemd/system:`]
      : [
          `Or let systemd (--systemd FOLDER writes these two files). /etc/systemd/system/${SERVICE_NAME}:`,
          "",
          ...indented(units.service),
          "",
          `/etc/systemd/system/${TIMER_NAME}:`,
          "",
          ...indented(units.timer),
          "",
          "Then, as root:",
        ];
  return [
    `Wrote ${style.bold(config.file)} and ${hadLedger ? "kept" : "made"} the ledger ${config.ledger}`,
    ...spools.map((spool) => `Put submissions as .json, .jsonl, .csv or .form files into ${spool}`),
    ...(spools.length > 0
      ? [
          "Only you may write there yet. Is the web server another user? docs/cron-and-systemd.md, Which user, lets it in.",
        ]
      : []),
    "",
    "Next:",
    `  ${style.bold("crmledger doctor --fix")}   checks everything and creates the CRM's stamp fields`,
    `  ${style.bold("crmledger sync --dry-run")} shows what would be sent`,
    "",
    "Then let cron run it every 5 minutes (crontab -e, as this user; no flock: an overlap leaves by itself):",
    `  ${cron}`,
    ...(answers.tokenEnv === null
      ? []
      : [
          `cron knows nothing of ${answers.tokenEnv}: put ${answers.tokenEnv}=TOKEN, with the token itself, on a line above it.`,
        ]),
    "To get errors by mail, put MAILTO=you@example.com on the line above it and leave out 2>&1.",
    "",
    ...install,
    `  systemctl daemon-reload && systemctl enable --now ${TIMER_NAME}`,
    "",
  ].join("\n");
}

const indented = (text: string): string[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => (line === "" ? "" : `  ${line}`));
