/**
 * Whether the queue's verbs stay flat: a million done beside a hundred thousand pending, against a small ledger.
 * Run: npx tsx test/bench/ledger-queue.ts [done] [pending]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { type Bench, benchOn, claimed, incoming, START_MS, take, turned } from "../support/ledger-fixture.ts";

const DONE = Number(process.argv[2] ?? 1_000_000);
const PENDING = Number(process.argv[3] ?? 100_000);
const CHUNK = 1_000;

async function fill(bench: Bench, path: string, done: number, pending: number): Promise<void> {
  const raw = JSON.stringify({ fields: { message: "x".repeat(400) } });
  let chunkMs = 0;
  for (let from = 0; from < done + pending; from += CHUNK) {
    const records = Array.from({ length: Math.min(CHUNK, done + pending - from) }, (_, index) =>
      incoming({
        key: `k${from + index}`,
        raw,
        lane: (from + index) % 3 === 0 ? "background" : "operational",
        submittedAtMs: START_MS - ((from + index) % 7_000) * 60_000,
      }),
    );
    const started = performance.now();
    await take(bench, ...records);
    chunkMs = Math.max(chunkMs, performance.now() - started);
    if (from + CHUNK <= done) setDone(path, from);
  }
  console.log(`  longest transaction of ${CHUNK} records: ${chunkMs.toFixed(0)} ms`);
}

/** By hand: going through the queue would take an hour, and end in the same rows. */
function setDone(path: string, from: number): void {
  const db = new Database(path);
  db.pragma("synchronous = OFF");
  db.prepare("UPDATE submissions SET state = 'done' WHERE id > ? AND state = 'pending'").run(from);
  db.close();
}

async function timed(name: string, work: () => Promise<unknown>): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < 30; round += 1) {
    const started = performance.now();
    await work();
    times.push(performance.now() - started);
  }
  times.sort((a, b) => a - b);
  console.log(`  ${name.padEnd(24)} median ${times[15]!.toFixed(2)} ms, worst ${times[29]!.toFixed(2)} ms`);
}

for (const [done, pending] of [
  [1_000, 1_000],
  [DONE, PENDING],
] as const) {
  const folder = mkdtempSync(join(tmpdir(), "crmledger-bench-"));
  const path = join(folder, "ledger.db");
  const bench = await benchOn(await openSqliteLedger({ path, create: true, nowMs: START_MS }));
  console.log(`${done} done, ${pending} pending`);
  await fill(bench, path, done, pending);
  await timed("claim 16", () => claimed(bench, { limit: 16 }));
  await timed("empty turn", () => turned(bench));
  await timed("queue", () => bench.ledger.queue());
  await timed("nextDueAtMs", () => bench.ledger.nextDueAtMs({ source: null, lane: null }));
  await timed("lag", () => bench.ledger.lag(START_MS));
  await timed("peek 100", () => bench.ledger.peek(100, START_MS, { source: null, lane: null }));
  await bench.ledger.close();
  rmSync(folder, { recursive: true, force: true });
}
