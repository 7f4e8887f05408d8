/**
 * A process on a disk that fails on order (see `faulty-disk.c`): one command, again and again in a new world, and each time
 * the next call fails, until a try comes to its end without the fault. After each the disk is well again, and nothing may be
 * lost, doubled or damaged. Arguments: an order of tries as JSON. Says one line of JSON for each.
 */
import { existsSync } from "node:fs";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { type CliWorld, createCliWorld, lead, type Ran } from "./cli-world.ts";
import { DISK_SCENARIOS, type DiskSeries, type DiskTry } from "./disk-scenarios.ts";
import type { Given } from "./drain-rig.ts";
import { type DiskFault, healDisk, orderFault } from "./faulty-disk.ts";
import { judge } from "./oracle.ts";
import { misbehaved } from "./program.ts";

const series = JSON.parse(process.argv[2]!) as DiskSeries;
const CONFIG =
  "retry: { settle: [100ms, 200ms], baseDelay: 20ms }\nsources:\n  website:\n    spool: ./spool\n    lane: operational\n";
const RUNS_MAX = 12;

for (let nth = 1; nth <= series.nthMax; nth += 1 + Math.floor(Math.max(0, nth - series.dense) * series.stride)) {
  const done = await tryOnce({ call: series.call, nth, error: series.error, stays: series.stays });
  process.stdout.write(`${JSON.stringify(done)}\n`);
  if (!done.fired) break;
}

async function tryOnce(fault: DiskFault): Promise<DiskTry> {
  const world = await createCliWorld();
  try {
    world.config(CONFIG);
    const { args, codes, prepare, ids } = DISK_SCENARIOS[series.scenario]!;
    await prepare(world);
    orderFault(world.folder, fault);
    const ran = await world.run(...args, "--json");
    const fired = healDisk();
    // Config and token are read before anything else.
    const known = fault.call === "read" ? [...codes, 78] : codes;
    const found = [...complaintsOf(ran, known), ...(await after(world, args, ids))];
    return { nth: fault.nth, fired, code: ran.code, error: errorOf(ran), found };
  } finally {
    await world.close();
  }
}

function errorOf({ json }: Ran): string | null {
  return json.error?.code ?? null;
}

function complaintsOf(ran: Ran, codes: readonly number[]): string[] {
  const why = misbehaved({ ...ran, signal: null }, codes);
  if (why !== null) return [`${why}: ${ran.out}${ran.err}`];
  if (ran.code === 0) return [];
  const { message, hint } = (ran.json as { error?: { message: string; hint: string | null } }).error ?? {};
  return message && hint ? [] : [`no message with a hint: ${ran.out}${ran.err}`];
}

/** On a disk that is well again: the same command works, everything gets to the CRM once, the ledger is whole. */
async function after(world: CliWorld, args: readonly string[], ids: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  const again = await world.run(...args, "--json");
  const isThere = args[0] === "backup" && existsSync(world.path(args[1]!));
  if (again.code !== 0 && !(isThere && again.code === 64)) found.push(`again: ${again.code}: ${again.out}${again.err}`);
  let remaining = -1;
  for (let run = 0; run < RUNS_MAX && remaining !== 0; run += 1) {
    const sync = await world.run("sync", "--json");
    if (sync.code !== 0) found.push(`sync after it: ${sync.code}: ${sync.out}${sync.err}`);
    remaining = sync.json.remaining ?? -1;
  }
  const given = ids.map((id) => ({ key: id, content: lead(id) }) as unknown as Given);
  const { lost, doubled } = judge(world.simulator, given);
  found.push(...lost.map((one) => `lost: ${one}`), ...doubled.map((one) => `doubled: ${one}`));
  const ledger = await openSqliteLedger({ path: world.path("crmledger.db"), create: false, nowMs: Date.now() });
  found.push(...(await ledger.check()));
  const { done, ...others } = await ledger.queue();
  if (done !== ids.length || Object.values(others).some((count) => count !== 0))
    found.push(`queue: ${done} done, ${JSON.stringify(others)}`);
  await ledger.close();
  return found;
}
