/**
 * What one turn for a group of requests is worth, at concurrency 8, with synchronous=FULL: requests a second against a
 * local server, bare, with four transactions a request, with one, and with one for whatever is ready (see design.md 8).
 * Run: npx tsx test/bench/ledger-turns.ts [requests]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request } from "undici";
import type { RequestId } from "../../src/domain/ids.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { type Bench, benchOn, bucket, finished, intent, START_MS, turned } from "../support/ledger-fixture.ts";

const REQUESTS = Number(process.argv[2] ?? 4_000);
const CONCURRENCY = 8;
const CHARGES = [
  { bucket: "burst", amount: 1 },
  { bucket: "day", amount: 10 },
];

const server = createServer((_, response) => response.end('{"success":true,"data":{"id":1}}'));
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

async function send(): Promise<void> {
  const { body } = await request(url, { method: "POST", body: '{"name":"Ada"}' });
  await body.text();
}

/** Requests a second of `CONCURRENCY` workers that each do `one` again and again. */
async function rate(one: () => Promise<void>): Promise<number> {
  let left = REQUESTS;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await one();
    }
  };
  const from = process.hrtime.bigint();
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  return REQUESTS / (Number(process.hrtime.bigint() - from) / 1e9);
}

async function begin(bench: Bench): Promise<RequestId> {
  bench.pass(1);
  return (await turned(bench, { begin: [intent(1, { charges: CHARGES })] })).granted[0]!.requestId;
}

/** Slots and steps in transactions of their own: what a breaker's row costs stands for the two more. */
async function four(bench: Bench): Promise<void> {
  const breaker = { group: "persons" as const, state: "closed" as const, openedAtMs: null, recent: [] };
  await bench.ledger.saveBreaker(bench.account, breaker);
  const id = await begin(bench);
  await send();
  await turned(bench, { finished: [finished(bench, id)] });
  await bench.ledger.saveBreaker(bench.account, breaker);
}

async function two(bench: Bench): Promise<void> {
  const id = await begin(bench);
  await send();
  await turned(bench, { finished: [finished(bench, id)] });
}

/** What ended since the last turn and what is to begin goes in one: a worker waits for the turn that is next. */
function grouped(bench: Bench): () => Promise<void> {
  let ended: RequestId[] = [];
  let waiting: ((id: RequestId) => void)[] = [];
  let due = false;
  const turn = async (): Promise<void> => {
    due = false;
    const [ends, begins] = [ended, waiting];
    [ended, waiting] = [[], []];
    bench.pass(1);
    const result = await turned(bench, {
      finished: ends.map((id) => finished(bench, id)),
      begin: begins.map((_, ref) => intent(ref, { charges: CHARGES })),
    });
    for (const { ref, requestId } of result.granted) begins[ref]!(requestId);
  };
  const plan = (): void => {
    if (due) return;
    due = true;
    setImmediate(turn);
  };
  return async () => {
    const id = await new Promise<RequestId>((resolve) => {
      waiting.push(resolve);
      plan();
    });
    await send();
    ended.push(id);
    plan();
  };
}

async function measured(name: string, bare: number, make: (bench: Bench) => () => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "crmledger-bench-"));
  const ledger = await openSqliteLedger({ path: join(folder, "ledger.db"), create: true, nowMs: START_MS });
  const bench = await benchOn(ledger);
  const day = bucket("day", { kind: "day", capacity: 1e12 });
  await turned(bench, { buckets: [bucket("burst", { capacity: 80, windowMs: 5 }), day] });
  const perSecond = await rate(make(bench));
  console.log(
    `${name.padEnd(28)} ${perSecond.toFixed(0).padStart(7)}/s  ${((100 * perSecond) / bare).toFixed(0)} % of bare`,
  );
  // The turn that records the last outcome is still to come.
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  await ledger.close();
  rmSync(folder, { recursive: true, force: true });
}

await rate(send);
const bare = await rate(send);
console.log(`${"bare undici loop".padEnd(28)} ${bare.toFixed(0).padStart(7)}/s`);
await measured("four transactions a request", bare, (bench) => () => four(bench));
await measured("two turns a request", bare, (bench) => () => two(bench));
await measured("one turn for a group", bare, grouped);
server.close();
