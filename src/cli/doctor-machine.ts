import { accessSync, chmodSync, constants, existsSync, mkdirSync, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { type Config, unusedKeys } from "../config/config.ts";
import { ledgerPlace } from "../config/find-config.ts";
import { EXIT_CODES } from "../domain/errors.ts";
import type { SourceSettings } from "../domain/settings.ts";
import { count } from "../report/human.ts";
import type { Invocation } from "./command.ts";
import { withShop } from "./compose.ts";
import { type Finding, fail, fromError, ok, warn } from "./doctor-finding.ts";
import { isOwnerOnly, readConfig, readToken } from "./read-config.ts";

const { R_OK, W_OK, X_OK } = constants;
/** Less than this and a busy day could fill the disk. */
const FREE_BYTES_LOW = 200_000_000;
/** Magic numbers of statfs(2): locks and shared memory of SQLite's WAL don't work over these. */
const NETWORK_FILESYSTEMS: Record<number, string> = {
  26985: "NFS",
  4283649346: "CIFS",
  4266872130: "SMB2",
  1702057286: "FUSE",
};

/** Reads config and token. With `fix` the token file's mode is put right first. */
export function checkConfig(
  { globals, io, talk }: Invocation,
  fix: boolean,
): { config: Config | null; found: Finding[] } {
  let config: Config;
  try {
    config = readConfig(globals, io);
  } catch (error) {
    return { config: null, found: [fromError("config", error)] };
  }
  const found = [ok("config", config.file)];
  const unused = unusedKeys(config);
  if (unused.length > 0) {
    found.push(
      warn("config", `${unused.join(", ")}: not used by this version yet`, "Nothing needs doing; they are kept."),
    );
  }
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

/** Spool folders: there, readable, and writable where files are archived or deleted. */
export function checkSpools(config: Config, fix: boolean): Finding[] {
  const found = Object.values(config.sources).flatMap((source) =>
    source.spool === null ? [] : [checkSpool(source, source.spool, fix)],
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

function checkSpool(source: SourceSettings, spool: string, fix: boolean): Finding {
  const name = `spool ${source.name}`;
  if (!existsSync(spool)) {
    if (!fix)
      return fail(
        name,
        `${spool} is not there`,
        `mkdir -p ${spool}, or crmledger doctor --fix`,
        EXIT_CODES.spoolUnreadable,
      );
    mkdirSync(spool, { recursive: true, mode: 0o700 });
    return ok(name, `${spool} (created)`);
  }
  try {
    if (!statSync(spool).isDirectory()) return fail(name, `${spool} is no folder`, null, EXIT_CODES.spoolUnreadable);
    accessSync(spool, R_OK | X_OK);
  } catch {
    const fix = `chmod u+rwx ${spool}, as its owner`;
    return fail(name, `${spool} can't be used: this user may not read there`, fix, EXIT_CODES.spoolUnreadable);
  }
  if (source.after === "keep" || mayWrite(spool)) return ok(name, spool);
  const message = `${spool} is read, but its files can't be moved away: this user may not write there`;
  return warn(name, message, `chmod u+rwx ${spool}, as its owner, or set after: keep`);
}

function mayWrite(folder: string): boolean {
  try {
    accessSync(folder, W_OK);
    return true;
  } catch {
    return false;
  }
}

/** The ledger: opens, durable, whole, private, on a local disk with room. */
export async function checkLedger(invocation: Invocation, config: Config, fix: boolean): Promise<Finding[]> {
  const path = ledgerPlace(invocation.globals.ledger, invocation.io.env, invocation.io.cwd, config.ledger)!;
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
    found.push(durability(facts.synchronous, facts.journalMode), ...placeOf(path));
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

function placeOf(path: string): Finding[] {
  const found: Finding[] = [];
  if (!isOwnerOnly(statSync(path)))
    found.push(warn("ledger mode", `${path} can be read by others`, `chmod 600 ${path}`));
  const disk = statfsSync(dirname(path));
  const network = NETWORK_FILESYSTEMS[disk.type];
  if (network !== undefined) {
    found.push(warn("disk", `${path} is on ${network}, where locks may fail`, "Move the ledger to a local disk."));
  }
  const free = disk.bavail * disk.bsize;
  if (free < FREE_BYTES_LOW)
    found.push(warn("disk", `only ${count(free)} bytes are free`, "Make room before it is full."));
  return found.length > 0 ? found : [ok("disk", `${count(Math.round(free / 1_000_000))} MB free`)];
}
