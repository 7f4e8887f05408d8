/**
 * Ledgers that were damaged, in worlds that are each like the first: the files are copied, and the CRM is given the same
 * records in the same order, which gives them the same ids.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import type { LogEntry } from "../../src/simulator/log.ts";
import type { Simulator } from "../../src/simulator/simulator.ts";
import { startChild } from "./children.ts";
import { type CliWorld, createCliWorld, lead } from "./cli-world.ts";
import type { Given } from "./drain-rig.ts";
import { judge } from "./oracle.ts";
import { misbehaved } from "./program.ts";

const CONFIG =
  "retry: { settle: [100ms, 200ms], baseDelay: 20ms }\nsources:\n  website:\n    spool: ./spool\n    lane: operational\n";
const LEDGER = "crmledger.db";
const LEDGER_FILE = /^crmledger\.db/;

/** A moment to which each try goes back. */
export interface Moment {
  /** Files of the ledger, by name. */
  files: ReadonlyMap<string, Buffer>;
  /** Files of the spool and its archive, by path. */
  spool: ReadonlyMap<string, Buffer>;
  log: readonly LogEntry[];
  ids: readonly string[];
}

/** One way to damage files of a ledger. */
export interface Damage {
  name: string;
  /** Name of the file, as in `Moment.files`. */
  file: string;
  /** Cut off at so many bytes. */
  cut?: number;
  /** Bits that are turned, counted from the file's first. */
  flip?: readonly number[];
}

/** A ledger that was closed well: some done, some still to be sent. */
export async function calmMoment(): Promise<Moment> {
  const world = await damagedWorld(null);
  try {
    const past = ["p1", "p2", "p3", "p4"];
    world.write("spool/past.json", JSON.stringify(past.map((id) => lead(id))));
    await must(world, "sync");
    const next = ["n1", "n2"];
    world.write("spool/next.json", JSON.stringify(next.map((id) => lead(id))));
    await must(world, "ingest");
    return momentOf(world, [...past, ...next]);
  } finally {
    await world.close();
  }
}

/**
 * A ledger whose run was killed: the last commits are in its write-ahead log alone. With `past`, records that an orderly run
 * sent just before.
 */
export async function killedMoment(nth = 17, past: readonly string[] = []): Promise<Moment> {
  const world = await damagedWorld(null);
  try {
    if (past.length > 0) {
      world.write("spool/past.json", JSON.stringify(past.map((id) => lead(id))));
      await must(world, "sync");
    }
    const ids = ["a", "b", "c", "d", "e", "f"];
    world.write("spool/all.json", JSON.stringify(ids.map((id) => lead(id))));
    const child = startChild("sync-child.ts", [world.folder, "kill", "send.after", String(nth)]);
    const { signal, err } = await child.ended;
    if (signal !== "SIGKILL") throw new Error(`the run was not killed: ${err}`);
    // What it had sent arrives all the same.
    await new Promise((done) => setTimeout(done, 200));
    return momentOf(world, [...past, ...ids]);
  } finally {
    await world.close();
  }
}

async function must(world: CliWorld, command: string): Promise<void> {
  const { code, err } = await world.run(command);
  if (code !== 0) throw new Error(`${command} left with ${code}: ${err}`);
}

function momentOf(world: CliWorld, ids: readonly string[]): Moment {
  const names = readdirSync(world.folder).filter((name) => LEDGER_FILE.test(name) && !name.endsWith("-shm"));
  const files = new Map(names.map((name) => [name, readFileSync(world.path(name))]));
  const spooled = readdirSync(world.path("spool"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(world.folder, join(entry.parentPath, entry.name)));
  const spool = new Map(spooled.map((name) => [name, readFileSync(world.path(name))]));
  return { files, spool, log: [...world.simulator.log], ids };
}

/** A world as it was at that moment; null: at its beginning. */
export async function damagedWorld(moment: Moment | null): Promise<CliWorld> {
  const world = await createCliWorld({ seed: 5 });
  world.config(CONFIG);
  if (moment === null) return world;
  putBack(world, moment);
  for (const [name, bytes] of moment.spool) {
    mkdirSync(dirname(world.path(name)), { recursive: true });
    writeFileSync(world.path(name), bytes);
  }
  await replay(world.simulator, moment.log);
  return world;
}

export function putBack(world: CliWorld, moment: Moment): void {
  for (const name of readdirSync(world.folder)) if (LEDGER_FILE.test(name)) rmSync(world.path(name));
  for (const [name, bytes] of moment.files) writeFileSync(world.path(name), bytes, { mode: 0o600 });
}

const PATHS = {
  person: "/api/v2/persons",
  organization: "/api/v2/organizations",
  deal: "/api/v2/deals",
  note: "/v1/notes",
};

async function replay(simulator: Simulator, log: readonly LogEntry[]): Promise<void> {
  for (const { entity, action, body } of log) {
    if (action !== "create") throw new Error(`${action} can't be replayed`);
    const result = await simulator.handle({
      method: "POST",
      url: `https://acme.pipedrive.com${PATHS[entity]}`,
      headers: { "x-api-token": simulator.tokens[0]!, "content-type": "application/json" },
      body: JSON.stringify(body),
      timeoutMs: 5_000,
      bytesMax: 1_000_000,
    });
    if (result.type !== "response" || result.status >= 300) throw new Error(`replay: ${JSON.stringify(result)}`);
  }
}

export interface DamageTry {
  name: string;
  /** Exit code, and the error's code. */
  end: string;
  /** What must never be: code 1, something sent twice, a ledger begun afresh. */
  found: string[];
  /** It went on as if nothing was wrong, and something is not in the CRM. */
  lost: string[];
  /** What the integrity check says of the damaged file. */
  seen: boolean;
}

const REFUSED = [74];
const WORKED = [0, 3, 75];

/** Damages, runs one command, looks; then puts the good files back where nothing was sent, and runs on. */
export async function tryDamage(
  moment: Moment,
  damage: Damage,
  args: readonly string[] = ["sync"],
): Promise<DamageTry> {
  const world = await damagedWorld(moment);
  try {
    doDamage(world.path(damage.file), damage);
    const sentBefore = world.simulator.log.length;
    const seen = await isSeen(world);
    const ran = await world.run(...args, "--json");
    const found: string[] = [];
    const why = misbehaved({ ...ran, signal: null }, [...REFUSED, ...WORKED]);
    if (why !== null) found.push(`${why}: ${ran.out}${ran.err}`.slice(0, 2_000));
    const error = ran.code === 74 ? String(ran.json.error?.code) : "";
    if (ran.code === 74 && !(ran.json.error?.hint ?? "")) found.push(`74 without a hint: ${ran.out}`);
    found.push(...judge(world.simulator, []).doubled.map((one) => `doubled: ${one}`));
    const given = givenOf(moment);
    let lost: string[] = [];
    if (ran.code === 74 && world.simulator.log.length === sentBefore) found.push(...(await afterRepair(world, moment)));
    else if (ran.code === 75 && ran.json.hold?.kind === "staleLedger")
      found.push(...(await afterReconcile(world, moment)));
    else if (args[0] === "sync" && ran.code === 0 && ran.json.remaining === 0)
      lost = judge(world.simulator, given).lost;
    return { name: damage.name, end: `${ran.code}${error === "" ? "" : ` ${error}`}`, found, lost, seen };
  } finally {
    await world.close();
  }
}

const givenOf = ({ ids }: Moment): Given[] => ids.map((id) => ({ key: id, content: lead(id) }) as unknown as Given);

export function doDamage(path: string, { cut, flip = [] }: Damage): void {
  const bytes = readFileSync(path);
  for (const bit of flip) bytes[bit >> 3]! ^= 1 << (bit & 7);
  writeFileSync(path, bytes);
  if (cut !== undefined) truncateSync(path, cut);
}

/** Whether the ledger's own check, which `doctor` runs, sees the damage; on copies of the files. */
async function isSeen(world: CliWorld): Promise<boolean> {
  const copy = world.path("copy");
  const names = readdirSync(world.folder).filter((name) => LEDGER_FILE.test(name));
  for (const name of names) cpSync(world.path(name), join(copy, name));
  try {
    const ledger = await openSqliteLedger({ path: join(copy, LEDGER), create: false, nowMs: Date.now() });
    try {
      return (await ledger.check()).length > 0;
    } finally {
      await ledger.close();
    }
  } catch {
    return true;
  } finally {
    rmSync(copy, { recursive: true });
  }
}

/** What the ledger does not know is adopted: then it goes on as if it had never been damaged. */
async function afterReconcile(world: CliWorld, moment: Moment): Promise<string[]> {
  const repaired = await world.run("reconcile", "--repair", "--yes", "--json");
  if (repaired.code !== 0 && repaired.code !== 2)
    return [`reconcile: ${repaired.code}: ${repaired.out}${repaired.err}`];
  return runOut(world, moment, "after reconcile");
}

/** The undamaged files are back: the same command goes on, nothing is lost or doubled. */
async function afterRepair(world: CliWorld, moment: Moment): Promise<string[]> {
  putBack(world, moment);
  return runOut(world, moment, "with the good files back");
}

async function runOut(world: CliWorld, moment: Moment, when: string): Promise<string[]> {
  for (let run = 0; run < 10; run += 1) {
    const { code, json, out, err } = await world.run("sync", "--json");
    if (code !== 0) return [`${when}: ${code}: ${out}${err}`];
    if (json.remaining === 0) break;
  }
  const { lost, doubled } = judge(world.simulator, givenOf(moment));
  return [...lost.map((one) => `${when} lost: ${one}`), ...doubled.map((one) => `${when} doubled: ${one}`)];
}
