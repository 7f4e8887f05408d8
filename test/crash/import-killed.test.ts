/** The built program, killed in the middle of a large CSV that a thread of its own maps: the same import again takes the rest. */
import { existsSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { type CliWorld, createCliWorld } from "../support/cli-world.ts";
import { ROOT } from "../support/house-source.ts";
import { BUILT, documentOf, type Program, startProgram } from "../support/program.ts";
import { randomOf } from "../support/soak-world.ts";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

let world: CliWorld;
let program: Program | null = null;
beforeEach(async () => {
  world = await createCliWorld();
  world.config();
});
afterEach(async () => {
  program?.process.kill("SIGKILL");
  await world.close();
});

const LINE = ["import", "missed.csv", "--source", "website", "--rejects", "rejects.csv"];
const ROWS = 9_000;
/** Above what is mapped in the same thread as the rest. */
const BYTES_MIN = 4 * 1024 * 1024;
/** Of these no submission can be made. */
const isReject = (n: number): boolean => n % 1_000 === 999;
const REJECTS = ROWS / 1_000;

function largeCsv(): string {
  // Lately: what is old waits for a word.
  const at = new Date(Date.now() - 3 * 86_400_000).toISOString();
  const note = "what they wrote, over\nseveral lines ".repeat(13);
  const rows = Array.from(
    { length: ROWS },
    (_, n) => `${n},${at},${isReject(n) ? "" : `p${n}@example.com`},"${n} ${note}"\n`,
  );
  return `id,submittedAt,person.email,notes.0\n${rows.join("")}`;
}

function start(...args: string[]): Program {
  program = startProgram(BUILT, [...args, "--json"], { cwd: world.folder, env: { HOME: world.folder } });
  return program;
}

function count(sql: string): number {
  if (!existsSync(world.path("crmledger.db"))) return 0;
  const db = new Database(world.path("crmledger.db"), { readonly: true });
  try {
    return db.prepare<[], number>(sql).pluck().get() ?? 0;
  } finally {
    db.close();
  }
}

it.skipIf(!existsSync(join(ROOT, "dist/cli/map-worker.js")))(
  "nothing is lost, nothing is there twice, and the counts add up",
  async () => {
    const random = randomOf(1);
    const csv = largeCsv();
    expect(csv.length).toBeGreaterThan(BYTES_MIN);
    world.write("missed.csv", csv);
    await world.run("ingest");
    let deaths = 0;
    for (const share of [0.05, 0.3, 0.6]) {
      const running = start(...LINE);
      let over = false;
      void running.ended.then(() => {
        over = true;
      });
      const wanted = Math.floor((share + random() * 0.2) * ROWS);
      await vi.waitUntil(() => over || count("SELECT max(id) FROM submissions") >= wanted, {
        timeout: 120_000,
        interval: 2,
      });
      running.process.kill("SIGKILL");
      if ((await running.ended).signal === "SIGKILL") deaths += 1;
    }
    expect(deaths).toBeGreaterThanOrEqual(2);
    const before = count("SELECT count(*) FROM submissions");
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(ROWS - REJECTS);
    const again = await start(...LINE).ended;
    expect(again.code, again.err).toBe(3);
    const counts = documentOf(again.out);
    expect(counts).toMatchObject({ rows: ROWS, new: ROWS - REJECTS - before, conflict: 0, history: 0, skipped: 0 });
    expect(counts.new + counts.duplicate + counts.rejected).toBe(ROWS);
    await isWhole();
    // Whatever was known before: the file of rejects holds all of them.
    const rejects = readFileSync(world.path("rejects.csv"), "utf8");
    for (let n = 999; n < ROWS; n += 1_000) expect(rejects).toContain(`"${n} what they wrote`);
    const known = documentOf((await start(...LINE).ended).out);
    expect(known).toMatchObject({ new: 0, rejected: 0, duplicate: ROWS });
    await isWhole();
  },
);

it.skipIf(!existsSync(join(ROOT, "dist/cli/map-worker.js")))(
  "what was half-way in is taken back by the next run, whatever this machine is called by then and whoever has the number of its process",
  async () => {
    world.write("missed.csv", largeCsv());
    await world.run("ingest");
    for (const [host, pid] of [
      ["a container of before", 1],
      [hostname(), process.pid],
    ] as const) {
      const running = start(...LINE);
      await vi.waitUntil(() => count("SELECT count(*) FROM arriving") > 0, { timeout: 120_000, interval: 2 });
      running.process.kill("SIGKILL");
      await running.ended;
      expect(count("SELECT count(*) FROM arriving")).toBeGreaterThan(0);
      const db = new Database(world.path("crmledger.db"));
      db.prepare("UPDATE runs SET host = ?, pid = ? WHERE ended_at_ms IS NULL").run(host, pid);
      db.close();
      expect((await world.run("ingest")).code).toBe(0);
      expect(count("SELECT count(*) FROM arriving")).toBe(0);
      expect(count("SELECT count(*) FROM runs WHERE ended_at_ms IS NULL")).toBe(0);
    }
    expect((await start(...LINE).ended).code).toBe(3);
    await isWhole();
  },
);

async function isWhole(): Promise<void> {
  expect(count("SELECT count(DISTINCT key) FROM submissions")).toBe(ROWS - REJECTS);
  expect(count("SELECT count(*) FROM submissions")).toBe(ROWS - REJECTS);
  const { queue } = (await world.run("status", "--json")).json;
  expect(queue).toMatchObject({ pending: ROWS - REJECTS, rejected: REJECTS, conflict: 0 });
  const ledger = await openSqliteLedger({ path: world.path("crmledger.db"), create: false, nowMs: Date.now() });
  expect(await ledger.check()).toEqual([]);
  await ledger.close();
}
