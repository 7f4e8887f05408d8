import { describe, expect, test } from "vitest";
import type { Claim, IncomingSubmission } from "../../src/ledger/rows.ts";
import { claimed, columnsOf, incoming, keysOf, START_MS, take, turned } from "../support/ledger-fixture.ts";
import type { Subject } from "./ledger-suite.ts";

const DAY_MS = 86_400_000;

export function arrivingTests(subject: Subject): void {
  const bench = () => subject.bench;
  const arrive = (...items: IncomingSubmission[]) =>
    bench().ledger.arrive([columnsOf(items, bench().run)], bench().now);
  const admit = (whole: boolean) => bench().ledger.admit(bench().run, "website", 100, { whole }, bench().now);
  const admitAll = async (): Promise<number> => {
    for (let fresh = 0; ; ) {
      const admitted = await admit(true);
      fresh += admitted.new;
      expect(admitted.contested).toEqual([]);
      if (!admitted.more) return fresh;
    }
  };

  const deliver = async ({ claimId, submissions }: Claim): Promise<void> => {
    const ends = submissions.map(({ id }) => ({ claimId, submissionId: id, to: "done" as const }));
    expect((await turned(bench(), { submissions: ends, release: [claimId] })).fenced).toEqual([]);
  };

  describe("records of a large import", () => {
    test("are nobody's until they are let in, and then submissions like others", async () => {
      await arrive(incoming({ key: "one", email: "ada@example.com" }), incoming({ key: "two" }));
      expect(await admit(false)).toMatchObject({ more: false, new: 0 });
      expect(await bench().ledger.queue()).toMatchObject({ pending: 0 });
      expect(await claimed(bench())).toEqual([]);
      expect(await bench().ledger.findByName("website/one", [])).toEqual([]);
      expect(await admitAll()).toBe(2);
      expect(await bench().ledger.queue()).toMatchObject({ pending: 2 });
      expect(await bench().ledger.findByName("ada@example.com", ["email:ada@example.com"])).toMatchObject([
        { source: "website", key: "one" },
      ]);
      expect(
        keysOf(await claimed(bench()))
          .flat()
          .sort(),
      ).toEqual(["one", "two"]);
    });

    test("keep the order of their person with what was there before", async () => {
      const ada = (key: string, hours: number) =>
        incoming({ key, email: "ada@example.com", submittedAtMs: START_MS - hours * 3_600_000 });
      await take(bench(), ada("second", 2));
      await arrive(ada("third", 1), ada("first", 3));
      await admitAll();
      expect(keysOf(await claimed(bench()))).toEqual([["first", "second", "third"]]);
    });

    test("are a duplicate's original, however far they have come", async () => {
      const record = incoming({ key: "one" });
      for (const pieces of [0, 1, 2, 4]) {
        const one = { ...record, key: `one-${pieces}`, rawHash: `raw-${pieces}` };
        await arrive(one);
        for (let piece = 0; piece < pieces; piece += 1) await admit(true);
        const taken = await take(bench(), one, { ...one, rawHash: `raw-${pieces}-again` });
        const verdicts = [...taken];
        for (let more = true; more; ) {
          const admitted = await admit(true);
          more = admitted.more;
          if (admitted.contested.length === 0) continue;
          verdicts.push(...(await take(bench(), ...admitted.contested)));
        }
        expect(verdicts.every(({ type }) => type === "new" || type === "duplicate")).toBe(true);
        expect(await bench().ledger.findByName(`website/one-${pieces}`, [])).toHaveLength(1);
      }
      expect(await bench().ledger.queue()).toMatchObject({ pending: 4 });
    });

    test("are taken back with the end or the death of their run, and come in another time", async () => {
      const items = [incoming({ key: "one" }), incoming({ key: "two" })];
      await arrive(...items);
      await admit(true);
      await admit(true);
      expect(await bench().ledger.recover([bench().run], bench().now, 0)).toMatchObject({ discarded: 2 });
      expect(await bench().ledger.knownRaw("website", [items[0]!.rawHash])).toEqual(new Set());
      expect(await take(bench(), ...items)).toEqual([{ type: "new" }, { type: "new" }]);
      expect(await bench().ledger.queue()).toMatchObject({ pending: 2 });
    });

    test("keep nobody waiting whom others let in and delivered meanwhile", async () => {
      const one = incoming({ key: "one", email: "ada@example.com" });
      // Each piece of the import may have been the last one before.
      for (const pieces of [1, 2, 3, 4, 5, 6]) {
        const record = { ...one, key: `one-${pieces}`, rawHash: `raw-${pieces}`, contentHash: `content-${pieces}` };
        await arrive(record);
        for (let piece = 0; piece < pieces; piece += 1) await admit(true);
        await take(bench(), { ...record, rawHash: `raw-${pieces}-again` });
        for (const claim of await claimed(bench())) await deliver(claim);
        for (let more = true; more; ) {
          const admitted = await admit(true);
          more = admitted.more;
          await take(bench(), ...admitted.contested);
        }
        await take(bench(), incoming({ key: `two-${pieces}`, email: "ada@example.com" }));
        const [claim] = await claimed(bench());
        expect(claim?.submissions.map(({ key }) => key)).toEqual([`two-${pieces}`]);
        await deliver(claim!);
      }
    });

    test("that others let in meanwhile are counted once, among those that came in", async () => {
      const items = ["one", "two", "three"].map((key) => incoming({ key }));
      await arrive(...items);
      for (let piece = 0; piece < 3; piece += 1) await admit(true);
      expect(await take(bench(), { ...items[1]!, rawHash: "other bytes" })).toEqual([
        { type: "duplicate", otherSource: null },
      ]);
      expect(await bench().ledger.queue()).toMatchObject({ pending: 1 });
      expect(await admitAll()).toBe(3);
      expect(await bench().ledger.queue()).toMatchObject({ pending: 3 });
      const ingested = (await bench().ledger.counters()).filter(({ name }) => name === "ingested");
      expect(ingested.find(({ labels }) => labels.verdict === "new")?.value).toBe(3);
    });

    test("are no person's yet for whoever asks who somebody is", async () => {
      await arrive(incoming({ key: "one", email: "ada@example.com" }));
      for (let piece = 0; piece < 6; piece += 1) await admit(true);
      const asked = { keys: ["email:ada@example.com" as const], submissions: [] };
      expect((await bench().ledger.findPerson(asked)).submissions).toEqual([]);
      await admitAll();
      expect((await bench().ledger.findPerson(asked)).submissions).toMatchObject([{ key: "one" }]);
    });

    test("of an import that was taken for dead are not let in behind its back: it ends", async () => {
      const record = incoming({ key: "one" });
      for (const pieces of [0, 1, 2, 3, 5, 6]) {
        const run = await bench().ledger.openRun({
          kind: "import",
          pid: 1,
          host: "h",
          lockName: null,
          now: bench().now,
        });
        await bench().ledger.arrive([columnsOf([record], run)], bench().now);
        const piece = () => bench().ledger.admit(run, "website", 100, { whole: true }, bench().now);
        for (let at = 0; at < pieces; at += 1) await piece();
        const other = await subject.again();
        expect(await other.recover([run], bench().now, 0)).toMatchObject({ discarded: 1 });
        await expect(piece().then(piece)).rejects.toMatchObject({ code: "ledgerLocked" });
        await expect(bench().ledger.arrive([columnsOf([record], run)], bench().now)).rejects.toMatchObject({
          code: "ledgerLocked",
        });
        expect(await other.knownRaw("website", [record.rawHash])).toEqual(new Set());
        subject.bench = { ...bench(), ledger: other };
      }
      expect(await take(bench(), record)).toEqual([{ type: "new" }]);
    });

    test("wait where too many of them are old; those below the limit do not", async () => {
      const old = (key: string) => incoming({ key, submittedAtMs: START_MS - 30 * DAY_MS });
      const holdBack = { beforeMs: START_MS - 7 * DAY_MS, above: 2, detail: "older than a week" };
      const admitHeld = async () => {
        const total = { new: 0, heldBack: 0, old: 0 };
        for (let more = true; more; ) {
          const one = await bench().ledger.admit(bench().run, "website", 100, { whole: true, holdBack }, bench().now);
          total.new += one.new;
          total.heldBack += one.heldBack;
          total.old += one.old;
          more = one.more;
        }
        return total;
      };
      await arrive(old("a"), old("b"), incoming({ key: "c" }));
      expect(await admitHeld()).toEqual({ new: 3, heldBack: 0, old: 2 });
      await arrive(old("d"), old("e"), old("f"), incoming({ key: "g" }));
      expect(await admitHeld()).toEqual({ new: 4, heldBack: 3, old: 3 });
      expect(await bench().ledger.queue()).toMatchObject({ pending: 4, waiting: 3 });
      const [held] = await bench().ledger.findByName("website/d", []);
      expect((await bench().ledger.story(held!.id))?.waits).toMatchObject([{ kind: "backfill" }]);
      expect(await bench().ledger.letGo("website", bench().now)).toBe(3);
      expect(await bench().ledger.queue()).toMatchObject({ pending: 7, waiting: 0 });
    });
  });
}
