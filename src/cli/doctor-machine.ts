import { chmodSync, existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Config } from "../config/config.ts";
import { ledgerPlace } from "../config/find-config.ts";
import { EXIT_CODES } from "../domain/errors.ts";
import { count } from "../report/human.ts";
import type { Invocation } from "./command.ts";
import { withShop } from "./compose.ts";
import { shellWord } from "./cron-line.ts";
import { checkDisks } from "./doctor-disk.ts";
import { type Finding, fail, fromError, ok, warn } from "./doctor-finding.ts";
import { checkOwners, checkSecretPlaces } from "./doctor-owners.ts";
import { checkSpool } from "./doctor-spool.ts";
import { goneSources } from "./gone-sources.ts";
import type { LocalUser } from "./local-user.ts";
import { isOwnerOnly, readConfig, readToken } from "./read-config.ts";

/** Reads config and token. With `fix` the token file's mode is put right first. */
export function checkConfig(
  { globals, io, talk }: Invocation,
  fix: boolean,
): { config: Config | null; found: Finding[] } {
  let config: Config;
  try {
    config = readConfig(globals, io, talk);
  } catch (error) {
    return { config: null, found: [fromError("config", error)] };
  }
  const found = [ok("config", config.file)];
  try {
    const { token } = config.crm;
    if (fix && token.type === "file" && existsSync(token.path) && !isOwnerOnly(statSync(token.path)))
      chmodSync(token.path, 0o600);
    talk.keepSecret(readToken(config));
    found.push(ok("token", token.type === "file" ? token.path : "crm.apiToken"));
  } catch (error) {
    found.push(fromError("token", error));
  }
  return { config, found };
}

/** Every spool as this user finds it. */
export function checkSpools(config: Config, user: LocalUser, fix: boolean): Finding[] {
  const found = Object.values(config.sources).flatMap((source) =>
    source.spool === null ? [] : checkSpool(source, source.spool, user, fix),
  );
  if (found.length > 0) return found;
  return [
    warn(
      "spools",
      "no source has a spool: sync only sends what was imported",
      "sources: { NAME: { spool: ./FOLDER } }",
    ),
  ];
}

/** Whose everything is, what strangers could read, and the room that is left. */
export function checkSurroundings(invocation: Invocation, config: Config, user: LocalUser): Finding[] {
  const ledger = ledgerOf(invocation, config);
  const spools = Object.values(config.sources).flatMap(({ name, spool }) =>
    spool === null ? [] : [{ name: `spool ${name}`, folder: spool }],
  );
  return [
    ...checkOwners(config, ledger, user),
    ...checkSecretPlaces(config, ledger),
    ...checkDisks(dirname(ledger), spools),
  ];
}

function ledgerOf({ globals, io }: Invocation, config: Config): string {
  return ledgerPlace(globals.ledger, io.env, io.cwd, config.ledger)!;
}

/** The ledger: opens, durable, whole, private. */
export async function checkLedger(invocation: Invocation, config: Config, fix: boolean): Promise<Finding[]> {
  const path = ledgerOf(invocation, config);
  if (!existsSync(path) && !fix)
    return [warn("ledger", `${path} is not there yet`, "The first sync makes it; so does crmledger doctor --fix.")];
  return await withShop(invocation, fix ? "create" : "open", async ({ ledger }) => {
    const facts = await ledger.facts();
    const problems = await ledger.check();
    const found: Finding[] = [];
    if (problems.length > 0) {
      const fixText = "Stop all runs, keep a copy of the file, and restore the newest backup.";
      found.push(fail("ledger", `damaged: ${problems.slice(0, 3).join("; ")}`, fixText, EXIT_CODES.ledgerDamaged));
    } else found.push(ok("ledger", `${path}, version ${facts.version}, ${count(facts.bytes)} bytes, whole`));
    found.push(durability(facts.synchronous, facts.journalMode), ...modeOf(path));
    for (const { message, fix } of await goneSources({ ledger, config })) found.push(warn("sources", message, fix));
    return found;
  });
}

function durability(synchronous: string, journalMode: string): Finding {
  const full = /^(2|3|full|extra)$/i.test(synchronous);
  const message = `synchronous=${synchronous}, journal ${journalMode}`;
  if (full) return ok("durability", message);
  return fail(
    "durability",
    message,
    "Reinstall better-sqlite3: npm rebuild better-sqlite3",
    EXIT_CODES.ledgerUnreadable,
  );
}

function modeOf(path: string): Finding[] {
  if (isOwnerOnly(statSync(path))) return [];
  return [warn("ledger mode", `${path} can be read by others`, `chmod 600 ${shellWord(path)}`)];
}
