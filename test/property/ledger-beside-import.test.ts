/** Whatever else is done to the ledger while large imports are half-way in, what finds submissions finds just them. */
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import type { IdentityKey } from "../../src/domain/identity.ts";
import type { IncomingSubmission } from "../../src/ledger/rows.ts";
import {
  admitPiece,
  adoptRecord,
  arriveAt,
  DAY_MS,
  dies,
  endClaim,
  finish,
  openWorld,
  shelve,
  takeIn,
  type World,
} from "../support/beside-import.ts";
import { claimed, LEASE_MS, START_MS } from "../support/ledger-fixture.ts";
import { unsound, unsoundMeanwhile } from "../support/ledger-soundness.ts";

vi.setConfig({ testTimeout: 120_000 });

const PERSONS = 3;
const LONG = "x".repeat(260);
const KEYS = ["a", "b", "c", "d", "a~r2", LONG];
const emailOf = (n: number): IdentityKey => `email:p${n}@example.com`;

interface Given {
  key: number;
  content: number;
  bytes: number;
  person: number;
  history: boolean;
  day: number;
}

const given = fc.record<Given>({
  key: fc.nat(KEYS.length - 1),
  content: fc.nat(1),
  bytes: fc.nat(1),
  person: fc.nat(PERSONS - 1),
  history: fc.nat(7).map((n) => n === 0),
  day: fc.nat(20),
});

/** Who it is and what it says hangs on the raw record alone. */
function recordOf(source: string, one: Given): IncomingSubmission {
  const key = KEYS[one.key]!;
  const person = (one.key + one.content + one.person) % PERSONS;
  const text = `${one.key}-${one.content}-${person}`;
  return {
    ...{ source, key, lane: "operational", targetMs: 1_000 },
    ...{ rawHash: `raw-${text}-${one.bytes}`, contentHash: `content-${text}`, raw: "{}" },
    content: { person: { email: `p${person}@example.com` }, notes: [text] },
    submittedAtMs: START_MS - one.day * DAY_MS,
    identityKeys: [emailOf(person), `phone:+4917100000${one.key % 2}`],
    origin: { file: "a.csv", line: one.key },
    history: one.history,
  };
}

const source = fc.constantFrom("website", "website", "shop");
const which = fc.nat(1);
const many = fc.array(given, { minLength: 1, maxLength: 5 });
const command = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant("arrive" as const), which, records: many }) },
  {
    weight: 10,
    arbitrary: fc.record({
      type: fc.constant("admit" as const),
      which,
      size: fc.integer({ min: 1, max: 3 }),
      pieces: fc.integer({ min: 1, max: 6 }),
      above: fc.constantFrom(100, 100, 0, 2),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("die" as const), which }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("fence" as const), which }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("full" as const), which }) },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("take" as const),
      source,
      records: fc.array(given, { minLength: 1, maxLength: 3 }),
      amends: fc.boolean(),
      window: fc.constantFrom(0, 0, DAY_MS),
      holds: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("refuse" as const), source, record: given }) },
  { weight: 5, arbitrary: fc.record({ type: fc.constant("claim" as const), limit: fc.integer({ min: 1, max: 6 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("end" as const),
      nth: fc.nat(5),
      to: fc.constantFrom(
        "done" as const,
        "done" as const,
        "failed" as const,
        "waiting" as const,
        "uncertain" as const,
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant("pass" as const), minutes: fc.constantFrom(1, 10, 20_000, -30) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant("retry" as const), person: fc.nat(PERSONS), sample: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant("decide" as const), person: fc.nat(PERSONS - 1), nth: fc.nat(3) }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("remap" as const), person: fc.nat(PERSONS - 1) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("hold" as const), which: fc.nat(2), go: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("thin" as const) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("forget" as const), person: fc.nat(PERSONS - 1) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("adopt" as const), source, key: fc.nat(KEYS.length - 1) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("takeOver" as const),
      source,
      key: fc.nat(KEYS.length - 1),
      rest: fc.constantFrom("leave" as const, "write" as const, "keep" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("ask" as const), person: fc.nat(PERSONS - 1) }) },
);
type Command = typeof command extends fc.Arbitrary<infer One> ? One : never;

async function carryOut(world: World, one: Command): Promise<void> {
  const { bench, store } = world;
  const { ledger, now } = bench;
  switch (one.type) {
    case "arrive":
      return await arriveAt(
        world,
        one.which,
        one.records.map((record) => recordOf("website", record)),
      );
    case "admit":
      for (let at = 0; at < one.pieces && (await admitPiece(world, one.which, one.size, one.above)); at += 1);
      return;
    case "die":
      return await dies(world, one.which);
    case "full":
      world.imports[one.which]!.disk.isFull = true;
      return;
    case "fence":
      if (world.imports[one.which]!.isOver) return;
      world.imports[one.which]!.isFenced = true;
      await ledger.recover([world.imports[one.which]!.run], now, 0);
      return;
    case "take": {
      const { amends, window, holds } = one;
      const records = one.records.map(
        (record): IncomingSubmission => ({
          ...recordOf(one.source, record),
          ...(amends ? { revisions: "update" as const } : {}),
          ...(window > 0 ? { sameWithinMs: window } : {}),
        }),
      );
      await takeIn(world, records, holds ? { beforeMs: START_MS - 7 * DAY_MS, detail: "old" } : undefined);
      return;
    }
    case "refuse": {
      const { rawHash, raw, origin } = recordOf(one.source, one.record);
      const reject = { source: one.source, rawHash, raw, reason: "no", origin };
      await ledger.ingest(
        { runId: bench.run, submissions: [], rejects: [reject], progress: null, closesRejects: [] },
        now,
      );
      return;
    }
    case "claim":
      world.claims.push(...(await claimed(bench, { limit: one.limit })));
      return;
    case "end": {
      const [claim] = world.claims.splice(one.nth % Math.max(1, world.claims.length), 1);
      if (claim !== undefined) await endClaim(world, claim, one.to);
      return;
    }
    case "pass":
      bench.pass(one.minutes * 60_000);
      world.claims = world.claims.filter(() => one.minutes * 60_000 < LEASE_MS);
      await ledger.recoverExpired(now, 60_000);
      return;
    case "retry": {
      const ids = (await ledger.failed({})).map(({ id }) => id);
      const replacement = { content: { person: { email: "p@example.com" } }, identityKeys: [emailOf(one.person)] };
      if (one.sample && ids.length > 0) await ledger.sendSample({ cause: "BAD", ids, content: null, by: null }, now);
      else await ledger.requeue(ids, new Map(ids.slice(0, 1).map((id) => [id, replacement])), now);
      const ready = await ledger.sampled(100);
      await ledger.settleSamples(now, new Map(ready.map(({ id }) => [id, null])));
      return;
    }
    case "decide": {
      const [failed] = await ledger.failed({});
      if (failed !== undefined && one.nth === 0) await ledger.drop(failed.id, "no", now);
      const rows = (await ledger.rejects(100)).rows;
      const row = rows[one.nth % Math.max(1, rows.length)];
      if (row === undefined) return;
      const mapped = { content: { person: { email: "p@example.com" } }, identityKeys: [emailOf(one.person)] };
      if (row.kind === "conflict" && one.nth < 3) await ledger.acceptConflict(row.id, mapped, now);
      else await ledger.closeReject(row.id, "no", now);
      return;
    }
    case "remap": {
      const rows = await ledger.unplanned("website", null, 10);
      const replacement = { content: { person: {} }, identityKeys: [emailOf(one.person)], contentHash: "mapped-anew" };
      await ledger.replaceUnplanned(new Map(rows.slice(0, 2).map(({ id }) => [id, replacement])), now);
      return;
    }
    case "hold":
      if (one.go) await ledger.letGo(null, now);
      else {
        const run = one.which === 2 ? bench.run : world.imports[one.which]!.run;
        await ledger.holdBack(run, "website", START_MS - 7 * DAY_MS, now, "old");
      }
      return;
    case "thin":
      await ledger.thin({ payloadsMs: now.wallMs, rejectsMs: now.wallMs }, 100);
      return;
    case "forget": {
      const keys = [emailOf(one.person)];
      const person = await ledger.findPerson({ keys, submissions: [] });
      // Nobody is erased while an import works.
      for (const at of [0, 1]) await dies(world, at);
      const result = await ledger.forget(person, keys, now);
      if (result.type === "forgotten")
        for (const { source: from, key } of person.submissions) world.names.delete(`${from}/${key}`);
      return;
    }
    case "adopt":
      return adoptRecord(world, one.source, KEYS[one.key]!);
    case "takeOver":
      return await shelve(world, one.source, KEYS[one.key]!, one.rest);
    case "ask": {
      const keys = [emailOf(one.person)];
      for (const { id } of await ledger.findByName("website/a", keys)) await ledger.story(id);
      await ledger.findPerson({ keys, submissions: [] });
      await ledger.queue();
      expect(store.all("PRAGMA foreign_key_check")).toEqual([]);
    }
  }
}

function expectOneHand({ claims }: World): void {
  const taken = claims.flatMap(({ submissions }) => [...new Set(submissions.flatMap((one) => one.identityKeys))]);
  expect(taken.length).toBe(new Set(taken).size);
}

function expectNamed({ store, names }: World): void {
  const there = new Set(
    store.all<{ name: string }>("SELECT source || '/' || key AS name FROM submissions").map(({ name }) => name),
  );
  expect([...names].filter((name) => !there.has(name))).toEqual([]);
}

/** Nothing stays behind a key that nobody gives back. */
async function finishAll(world: World): Promise<void> {
  const { bench } = world;
  for (const at of [0, 1]) await finish(world, at);
  expect(unsound(world.store.db)).toEqual({});
  await bench.ledger.letGo(null, bench.now);
  for (let rounds = 0; rounds < 100; rounds += 1) {
    for (const claim of world.claims.splice(0)) await endClaim(world, claim, "done");
    world.claims.push(...(await claimed(bench)));
    if (world.claims.length > 0) continue;
    bench.pass(10 * 60_000);
    await bench.ledger.recoverExpired(bench.now, 60_000);
    const { pending, waiting, uncertain, inProgress } = await bench.ledger.queue();
    if (pending + waiting + uncertain + inProgress === 0) return;
  }
  expect(await bench.ledger.queue()).toMatchObject({ pending: 0, waiting: 0, uncertain: 0, inProgress: 0 });
}

test("names, raw records and persons find just what is there, whatever is done beside large imports", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 40 }), async (commands) => {
      const world = await openWorld();
      try {
        for (const one of commands) {
          await carryOut(world, one);
          expect(unsoundMeanwhile(world.store.db), one.type).toEqual({});
          expectNamed(world);
          expectOneHand(world);
        }
        await finishAll(world);
        expectNamed(world);
        expect(unsound(world.store.db)).toEqual({});
        expect(await world.bench.ledger.check()).toEqual([]);
      } finally {
        world.close();
      }
    }),
    { numRuns: 80 },
  );
});
