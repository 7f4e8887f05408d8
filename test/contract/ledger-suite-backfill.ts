import { describe, expect, test } from "vitest";
import { claimed, incoming, keysOf, START_MS, stateOf, take } from "../support/ledger-fixture.ts";
import type { Subject } from "./ledger-suite.ts";

const DAY_MS = 86_400_000;
const CUTOFF_MS = START_MS - 7 * DAY_MS;

export function backfillTests(subject: Subject): void {
  const bench = () => subject.bench;
  const hold = (source: string) =>
    bench().ledger.holdBack(bench().run, source, CUTOFF_MS, bench().now, "older than a week");

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
  });
}
