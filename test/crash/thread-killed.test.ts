/** The built program with a thread that writes the ledger, killed without warning wherever it is; then the ordinary sync. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, expect, it } from "vitest";
import { type CliWorld, createCliWorld, lead } from "../support/cli-world.ts";
import type { Given } from "../support/drain-rig.ts";
import { ROOT } from "../support/house-source.ts";
import { judge } from "../support/oracle.ts";
import { randomOf } from "../support/soak-world.ts";

const BIN = join(ROOT, "bin/crmledger.js");
const SOON =
  "retry: { settle: [300ms, 600ms], baseDelay: 100ms }\nsources:\n  website:\n    spool: ./spool\n    lane: operational\n";
const LEADS = Array.from({ length: 160 }, (_, n) =>
  lead(String(n), {
    person: { name: `Person ${n % 120}`, email: `person.${n % 120}@example.com` },
    ...(n % 6 === 0 && { organization: { name: `Engines ${n % 4}` } }),
  }),
);
const TIMEOUT_MS = 120_000;

let world: CliWorld;
let child: ChildProcess | null = null;
afterEach(async () => {
  child?.kill("SIGKILL");
  await world.close();
});

/** Runs a sync until the CRM has so many deals and a little longer, then kills it; true where it died of that. */
async function killedAt(deals: number, laterMs: number): Promise<boolean> {
  const running = spawn(process.execPath, [BIN, "sync", "--join", "--quiet"], { cwd: world.folder, stdio: "ignore" });
  child = running;
  const ended = new Promise<NodeJS.Signals | null>((resolve) => running.once("exit", (_, signal) => resolve(signal)));
  let over = false;
  void ended.then(() => {
    over = true;
  });
  while (!over && world.simulator.records.deals.length < deals) await wait(2);
  await wait(laterMs);
  running.kill("SIGKILL");
  return (await ended) === "SIGKILL";
}

it.skipIf(!existsSync(join(ROOT, "dist/ledger/sqlite/write-thread.js"))).each([1, 2])(
  "killed again and again in the middle of its turns, everything arrives once (%s)",
  async (seed) => {
    const random = randomOf(seed);
    world = await createCliWorld({ roundTripMs: 3, seed });
    world.config(SOON, ", concurrency: 16");
    const config = readFileSync(world.path("crmledger.yaml"), "utf8");
    world.write("crmledger.yaml", config.replace("crm:\n", "crm:\n  timeout: 1s\n"));
    world.write("spool/a.json", JSON.stringify(LEADS));
    await world.run("ingest");
    let deaths = 0;
    for (const deals of [10, 35, 60, 85]) if (await killedAt(deals, random() * 12)) deaths += 1;
    expect(deaths).toBeGreaterThanOrEqual(3);
    const next = await world.run("sync", "--json");
    expect(next.json).toMatchObject({ remaining: 0, drained: { failed: 0, uncertain: 0 } });
    const given = LEADS.map(({ id, ...content }) => ({ key: String(id), content }) as Given);
    expect(judge(world.simulator, given)).toEqual({ lost: [], doubled: [] });
    const { persons, deals, notes } = world.simulator.records;
    expect([persons.length, deals.length, notes.length]).toEqual([120, 160, 160]);
  },
  TIMEOUT_MS,
);
