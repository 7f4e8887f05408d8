import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { CONFIG_NAME } from "../config/find-config.ts";
import { parseConfig } from "../config/parse-config.ts";
import { CrmledgerError } from "../domain/errors.ts";
import type { Invocation, RunCommand } from "./command.ts";
import { configText, type InitAnswers } from "./config-text.ts";
import { askAnswers } from "./init-questions.ts";
import { canAsk } from "./questions.ts";
import { vendors } from "./read-config.ts";
import { createRealClock } from "./real-clock.ts";

interface InitFlags {
  baseUrl?: string;
  tokenFile?: string;
  tokenEnv?: string;
  plan?: string;
  seats?: number;
  source?: string;
  spool?: string;
  force?: boolean;
}

/** `crmledger init`: writes the config, makes the spool folder and the ledger, and says what comes next. */
export const run: RunCommand = async (invocation) => {
  const { globals, io, talk } = invocation;
  const file = resolve(io.cwd, globals.config ?? io.env.CRMLEDGER_CONFIG ?? CONFIG_NAME);
  const flags = invocation.flags as InitFlags;
  if (existsSync(file) && !flags.force) {
    throw new CrmledgerError("usage", `${file} is there already`, {
      hint: "Nothing was changed. Replace it with --force.",
    });
  }
  const answers = await answersOf(invocation, flags, dirname(file));
  const text = configText(answers);
  const env = {
    ...io.env,
    ...(answers.tokenEnv !== null && { [answers.tokenEnv]: io.env[answers.tokenEnv] ?? "later" }),
  };
  const config = parseConfig(text, { file, env, ownerOnly: true, vendors: vendors() });
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text, { mode: 0o600, flag: flags.force ? "w" : "wx" });
  const spools = Object.values(config.sources).flatMap((source) => source.spool ?? []);
  for (const spool of spools) mkdirSync(spool, { recursive: true, mode: 0o700 });
  await makeLedger(config.ledger);
  const cron = cronLine(io.launcher, file);
  if (config.crm.token.type === "file" && !existsSync(config.crm.token.path)) {
    talk.warn(`put the CRM's API token into ${config.crm.token.path} and run: chmod 600 ${config.crm.token.path}`);
  }
  if (answers.tokenEnv !== null && !io.env[answers.tokenEnv]) {
    talk.warn(`the environment variable ${answers.tokenEnv} is not set here; cron needs it too`);
  }
  return {
    json: { config: file, ledger: config.ledger, spools, cron },
    text: (style) =>
      [
        `Wrote ${style.bold(file)} and made the ledger ${config.ledger}`,
        ...spools.map((spool) => `Put submissions as .json, .jsonl or .csv files into ${spool}`),
        "",
        "Next:",
        `  ${style.bold("crmledger doctor --fix")}   checks everything and creates the CRM's stamp fields`,
        `  ${style.bold("crmledger sync --dry-run")} shows what would be sent`,
        "",
        "Then let cron run it every 5 minutes (crontab -e):",
        `  ${cron}`,
        "",
      ].join("\n"),
    exitCode: 0,
  };
};

async function answersOf(invocation: Invocation, flags: InitFlags, folder: string): Promise<InitAnswers> {
  const { io } = invocation;
  if (flags.tokenFile !== undefined && flags.tokenEnv !== undefined) {
    throw new CrmledgerError("usage", "--token-file and --token-env exclude each other");
  }
  const source = flags.source ?? "website";
  const answers: InitAnswers = {
    ledger: invocation.globals.ledger ?? "./crmledger.db",
    baseUrl: flags.baseUrl ?? null,
    tokenFile: flags.tokenFile === undefined ? null : fromFolder(io.cwd, folder, flags.tokenFile),
    tokenEnv: flags.tokenEnv ?? null,
    plan: flags.plan ?? null,
    seats: flags.seats ?? null,
    source,
    spool: flags.spool === undefined ? `./spool/${source}` : fromFolder(io.cwd, folder, flags.spool),
  };
  if (answers.tokenFile !== null || answers.tokenEnv !== null) return answers;
  if (canAsk(io) && !invocation.globals.json) return await askAnswers(answers, io, folder);
  throw new CrmledgerError("usage", "init needs --token-file FILE or --token-env NAME where it can't ask", {
    hint: "Optional: --base-url, --plan, --seats, --source, --spool. At a terminal it asks for them.",
  });
}

/** Paths on the command line start at the working folder, paths in the file at the file's folder. */
function fromFolder(cwd: string, folder: string, path: string): string {
  const inside = relative(folder, resolve(cwd, path));
  return inside.startsWith("..") ? resolve(cwd, path) : `./${inside}`;
}

async function makeLedger(path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const { openSqliteLedger } = await import("../ledger/sqlite/open.ts");
  const ledger = await openSqliteLedger({
    path,
    create: true,
    nowMs: createRealClock().wallMs(),
    uid: process.getuid?.(),
  });
  await ledger.close();
}

function cronLine(launcher: readonly string[], file: string): string {
  const log = join(dirname(file), "crmledger.log");
  const words = [...launcher, "sync", "--config", file, "--quiet"].map(shellWord);
  // In a crontab an unescaped % is a line end.
  return `*/5 * * * * ${words.join(" ")} >> ${shellWord(log)} 2>&1`.replaceAll("%", "\\%");
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
