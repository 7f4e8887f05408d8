import { describe, expect, test } from "vitest";
import type { CountedBatch } from "../../src/ledger/accounts.ts";
import type { IncomingSubmission } from "../../src/ledger/rows.ts";
import { claimed, incoming, keysOf, START_MS, stateOf, take } from "../support/ledger-fixture.ts";
import type { Subject } from "./ledger-suite.ts";

const DAY_MS = 86_400_000;
const CUTOFF_MS = START_MS - 7 * DAY_MS;

export function backfillTests(subject: Subject): void {
  const bench = () => subject.bench;
  const hold = (source: string) =>
    bench().ledger.holdBack(bench().run, source, CUTOFF_MS, bench().now, "older than a week");

  const held = (submissions: IncomingSubmission[]): CountedBatch => ({
    ...{ runId: bench().run, submissions, rejects: [], progress: null, closesRejects: [] },
    holdBack: { beforeMs: CUTOFF_MS, detail: "older than a week" },
  });
  const takeHeld = (submissions: IncomingSubmission[]) => bench().ledger.ingest(held(submissions), bench().now);

  describe("a backlog that is kept back", () => {
    test("waits until it is let go; fresh ones of its source, and of its persons, flow", async () => {
      const old = { submittedAtMs: START_MS - 30 * DAY_MS };
      await take(bench(), incoming({ key: "old", email: "ada@example.com", ...old }));
      await take(bench(), incoming({ key: "fresh", email: "ada@example.com", submittedAtMs: START_MS }));
      await take(bench(), incoming({ key: "other", source: "shop", email: "bob@example.com", ...old }));
      expect(await hold("website")).toBe(1);
      expect(await hold("website")).toBe(0);
      expect(
        keysOf(await claimed(bench()))
          .flat()
          .sort(),
      ).toEqual(["fresh", "other"]);
      expect(await bench().ledger.queue()).toMatchObject({ waiting: 1, inProgress: 2 });
    });

    test("is told in its story, and comes back whole", async () => {
      await take(bench(), incoming({ key: "old", submittedAtMs: START_MS - 30 * DAY_MS }));
      await hold("website");
      bench().pass(400 * DAY_MS);
      expect(await claimed(bench())).toEqual([]);
      const [found] = await bench().ledger.findByName("website/old", []);
      const story = await bench().ledger.story(found!.id);
      expect(story?.waits).toMatchObject([{ kind: "backfill", untilMs: null, detail: "older than a week" }]);
      expect(await bench().ledger.letGo("shop", bench().now)).toBe(0);
      expect(await bench().ledger.letGo(null, bench().now)).toBe(1);
      expect(await stateOf(bench(), found!.id)).toMatchObject({ state: "pending" });
      expect(keysOf(await claimed(bench()))).toEqual([["old"]]);
    });

    test("moves in chunks, however long it is", async () => {
      const many = Array.from({ length: 450 }, (_, index) => `k${index}`);
      const old = (key: string) =>
        incoming({ key, email: `${key}@example.com`, submittedAtMs: START_MS - 30 * DAY_MS });
      await take(bench(), ...many.map(old));
      expect(await hold("website")).toBe(450);
      expect(await bench().ledger.letGo("website", bench().now)).toBe(450);
      expect(await bench().ledger.queue()).toMatchObject({ pending: 450, waiting: 0 });
    });

    test("is kept back as it comes in, where its batch says so: what is older waits, all else of the batch flows", async () => {
      const old = { submittedAtMs: CUTOFF_MS - 1 };
      const submissions = [
        incoming({ key: "old", email: "ada@example.com", ...old }),
        incoming({ key: "fresh", email: "ada@example.com", submittedAtMs: CUTOFF_MS }),
        incoming({ key: "past", history: true, ...old }),
        incoming({ key: "timeless", submittedAtMs: null }),
      ];
      expect((await takeHeld(submissions)).verdicts).toEqual([
        { type: "new", heldBack: true },
        { type: "new" },
        { type: "history" },
        { type: "new" },
      ]);
      expect((await takeHeld(submissions)).verdicts.map(({ type }) => type)).toEqual(Array(4).fill("duplicate"));
      // Nothing is left to be moved: it is as if the verb had done it.
      expect(await hold("website")).toBe(0);
      expect(await bench().ledger.queue()).toMatchObject({ waiting: 1, pending: 2, history: 1 });
      bench().pass(400 * DAY_MS);
      expect(
        keysOf(await claimed(bench()))
          .flat()
          .sort(),
      ).toEqual(["fresh", "timeless"]);
      const [found] = await bench().ledger.findByName("website/old", []);
      const story = await bench().ledger.story(found!.id);
      expect(story?.waits).toMatchObject([{ kind: "backfill", untilMs: null, detail: "older than a week" }]);
    });

    test("that was kept back as it came in is let go with the others of its source", async () => {
      const old = { submittedAtMs: CUTOFF_MS - DAY_MS };
      await take(bench(), incoming({ key: "moved", email: "bob@example.com", ...old }));
      await hold("website");
      await takeHeld([incoming({ key: "inserted", email: "ada@example.com", ...old })]);
      await takeHeld([incoming({ key: "other", source: "shop", email: "cy@example.com", ...old })]);
      expect(await bench().ledger.letGo("website", bench().now)).toBe(2);
      expect(await bench().ledger.queue()).toMatchObject({ pending: 2, waiting: 1 });
      expect(
        keysOf(await claimed(bench()))
          .flat()
          .sort(),
      ).toEqual(["inserted", "moved"]);
    });

    test("that was refused before ends its reject, held back or not", async () => {
      const refused = { rawHash: "r1", raw: "{}", reason: "no e-mail or phone", origin: { file: "a.csv", line: 2 } };
      const rejects = [{ source: "website", ...refused }];
      await bench().ledger.ingest({ ...held([]), rejects }, bench().now);
      const [verdict] = (await takeHeld([incoming({ rawHash: "r1", submittedAtMs: CUTOFF_MS - 1 })])).verdicts;
      expect(verdict).toEqual({ type: "new", heldBack: true });
      expect(await bench().ledger.queue()).toMatchObject({ rejected: 0, waiting: 1 });
    });
  });
}
