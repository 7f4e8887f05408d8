/** Doubles, copies and unknown stamps, and differences over checks: part of the ledger's suite. */
import { describe, expect, test } from "vitest";
import type { CrmId, StepId } from "../../src/domain/ids.ts";
import { stampOf } from "../../src/domain/stamp.ts";
import type { FoundDiscrepancy, RepairOrder } from "../../src/ledger/checks.ts";
import {
  allOf,
  type Delivered,
  deliver,
  difference,
  EVERYTHING,
  openCheck,
  see,
  sighting,
  stamped,
  tried,
} from "../support/check-fixture.ts";
import { claimed, incoming, plan, START_MS, take, turned } from "../support/ledger-fixture.ts";
import type { Subject } from "./ledger-suite.ts";

const HOUR = 3_600_000;
const FAILED = { to: "failed" as const, error: { code: "CRM_REFUSED", message: "no" } };

export function extraTests(subject: Subject): void {
  const bench = () => subject.bench;
  const ledger = () => subject.bench.ledger;
  const extras = (check: { id: number }, limit = 1) =>
    allOf((after, most) => ledger().extraRecords(check.id, after, most), limit);

  describe("stamped records that are no step's", () => {
    test("a double is told with its step, whether the step's own record is there, and the creates that may have made it", async () => {
      const record = incoming();
      await take(bench(), record);
      const [claim] = await claimed(bench());
      const [[person]] = (await plan(bench(), claim!, "person")) as [[never]];
      const { claimId } = claim!;
      const at = { claimId, stepId: (person as { id: StepId }).id };
      await tried(bench(), claimId, person, { outcome: "refused" });
      await turned(bench(), { steps: [{ ...at, from: "begun", to: "open" }] });
      bench().pass(1_000);
      await tried(bench(), claimId, person, { outcome: "uncertain" });
      await turned(bench(), { steps: [{ ...at, from: "begun", to: "open" }] });
      bench().pass(1_000);
      await tried(bench(), claimId, person, { outcome: "applied" });
      const id = claim!.submissions[0]!.id;
      await turned(bench(), {
        steps: [{ ...at, from: "begun", to: "done", crmId: "5" }],
        submissions: [{ claimId, submissionId: id, to: "done" }],
        release: [claimId],
      });
      const check = await openCheck(bench());
      const mark = { stamp: stampOf(record.source, record.key), stampedFor: id };
      await see(bench(), check, sighting("person", "5", mark), sighting("person", "6", mark));
      const times = [START_MS + 1_000, START_MS + 2_000].map((sentAtMs) => ({ sentAtMs, answeredAtMs: sentAtMs }));
      const [extra, ...others] = await extras(check);
      expect(others).toEqual([]);
      expect(extra).toMatchObject({ sighting: { crmId: "6" }, step: { crmId: "5", name: "person" }, ownIsThere: true });
      expect(extra!.tries).toEqual(times);
      await see(bench(), check, sighting("person", "5", { state: "gone" }));
      expect((await extras(check))[0]).toMatchObject({ ownIsThere: false, submission: { submissionId: id } });
    });

    test("notes are held against the step of their part", async () => {
      const made = await deliver(bench(), { person: "5", "note.1": "71", "note.2": "72" });
      const check = await openCheck(bench());
      const notes = ["71", "72", "73"].map((id, at) => stamped(made, "note", id, { part: at === 2 ? 2 : at + 1 }));
      await see(bench(), check, ...notes, stamped(made, "deal", "61"));
      expect(await extras(check)).toMatchObject([
        { sighting: { crmId: "61" }, step: null, ownIsThere: false, tries: [], submission: { key: made.key } },
        { sighting: { crmId: "73" }, step: { name: "note.2", crmId: "72" }, ownIsThere: true },
      ]);
    });

    test("what a run or the next look finds by itself is left out; what a repair is queued for is not", async () => {
      const open = { id: null };
      const busy = await deliver(bench(), { person: open }, {}, { to: "inProgress" });
      const doubt = { to: "uncertain", dueAtMs: START_MS + HOUR } as const;
      const doubtful = await deliver(bench(), { person: { id: null, lost: true }, deal: open }, {}, doubt);
      const failed = await deliver(bench(), { person: open }, {}, FAILED);
      const check = await openCheck(bench());
      const of = [busy, doubtful, failed];
      await see(bench(), check, ...of.map((one, at) => stamped(one, "person", `${at}`)));
      // A step that waits behind an uncertain one was never sent: no look would find its record.
      await see(bench(), check, stamped(doubtful, "deal", "3"));
      expect((await extras(check)).map(({ sighting: { crmId } }) => crmId)).toEqual(["3", "2"]);
    });

    test("stamps that the ledger does not know are told by source, and not where they are too old for the check", async () => {
      const known = await deliver(bench(), { person: "5" });
      const check = await openCheck(bench(), { source: "website", sinceMs: START_MS, untilMs: null });
      const unknown = (id: CrmId, stamp: string, createdAtMs: number | null) =>
        sighting("deal", id, { stamp, createdAtMs });
      await see(
        bench(),
        check,
        unknown("1", "website/x", null),
        unknown("2", "website/x", START_MS - 1),
        unknown("3", "shop/x", null),
        stamped(known, "person", "5"),
      );
      expect(await extras(check)).toMatchObject([{ sighting: { crmId: "1" }, step: null, submission: null }]);
    });
  });
}

export function discrepancyTests(subject: Subject): void {
  const bench = () => subject.bench;
  const ledger = () => subject.bench.ledger;

  /** One check from its beginning to its end. */
  async function checkOnce(found: FoundDiscrepancy[], scope = EVERYTHING): Promise<number> {
    bench().pass(1_000);
    const { id } = await openCheck(bench(), scope);
    await ledger().saveDiscrepancies(id, found, bench().now.wallMs);
    await ledger().finishCheck(id, {}, bench().now.wallMs);
    return id;
  }
  const states = async (filter = {}) =>
    (await allOf((after, most) => ledger().discrepancies(filter, after, most), 1)).map(({ state }) => state);

  describe("discrepancies", () => {
    test("are new, then open, then gone, and new again when they come back", async () => {
      const order = { type: "x" };
      const found = difference({ expected: { a: 1 }, order, safe: true });
      await checkOnce([found, found]);
      const { rows } = await ledger().discrepancies({}, null, 10);
      const seen = { firstSeenAtMs: START_MS + 1_000, lastSeenAtMs: START_MS + 1_000 };
      expect(rows).toEqual([{ ...found, id: rows[0]!.id, state: "new", ...seen, why: null, repairs: 0 }]);
      await checkOnce([{ ...found, message: "still" }]);
      expect((await ledger().discrepancies({}, null, 10)).rows).toMatchObject([
        {
          id: rows[0]!.id,
          state: "open",
          message: "still",
          firstSeenAtMs: START_MS + 1_000,
          lastSeenAtMs: START_MS + 2_000,
        },
      ]);
      await checkOnce([]);
      expect(await states()).toEqual(["gone"]);
      await checkOnce([found]);
      expect(await states()).toEqual(["new"]);
    });

    test("a check closes what it would have found again, and nothing else", async () => {
      const website = await deliver(bench(), { person: "5" });
      const shop = await deliver(bench(), { person: "6" }, { source: "shop" });
      const of = ({ id, source, key }: Delivered, fingerprint: string) =>
        difference({ fingerprint, submissionId: id, source, key });
      const unknown = difference({ fingerprint: "unknown", source: "website", key: "never" });
      const nameless = difference({ fingerprint: "nameless", source: null });
      await checkOnce([of(website, "a"), of(shop, "b"), unknown, nameless]);
      await checkOnce([], { source: "website", sinceMs: START_MS, untilMs: START_MS + 1 });
      expect(await states()).toEqual(["gone", "new", "new", "new"]);
      await checkOnce([], { ...EVERYTHING, source: "website" });
      expect(await states()).toEqual(["gone", "new", "gone", "new"]);
      await checkOnce([]);
      expect(await states()).toEqual(["gone", "gone", "gone", "gone"]);
    });

    test("one that a repair was queued for is repaired once it is gone, and counts its repairs", async () => {
      const made = await deliver(bench(), { person: "5", deal: { id: null } }, {}, FAILED);
      const found = difference({ submissionId: made.id });
      await checkOnce([found]);
      const [row] = (await ledger().discrepancies({}, null, 1)).rows;
      const order: RepairOrder = { type: "resume", submissionId: made.id };
      const repairs = [row!.id, row!.id, "999"].map((discrepancyId) => ({ discrepancyId, order }));
      const verdicts = await ledger().queueRepairs(bench().account, repairs, bench().now.wallMs);
      expect(verdicts).toEqual(["queued", "queued", "changed"]);
      await checkOnce([found]);
      expect((await ledger().discrepancies({}, null, 1)).rows).toMatchObject([{ state: "open", repairs: 1 }]);
      await checkOnce([]);
      expect(await states()).toEqual(["repaired"]);
      expect(await ledger().queueRepairs(bench().account, repairs.slice(0, 1), START_MS)).toEqual(["changed"]);
      await checkOnce([found]);
      await checkOnce([]);
      expect(await states()).toEqual(["gone"]);
    });

    test("accepted ones stay accepted while they are found; filters and counts agree", async () => {
      const kinds = ["deal-missing", "deal-drift", "copied"];
      const found = kinds.map((kind, at) =>
        difference({ fingerprint: kind, kind, class: at === 0 ? "break" : "edit", crmId: `${at}` }),
      );
      const first = await checkOnce(found);
      expect(await ledger().acceptDiscrepancies({ kinds: ["deal-drift", "copied"] }, "fine", START_MS)).toBe(2);
      expect(await ledger().acceptDiscrepancies({ kinds: ["copied"] }, "again", START_MS)).toBe(0);
      const second = await checkOnce(found.slice(0, 2));
      const rows = await allOf((after, most) => ledger().discrepancies({ states: ["accepted"] }, after, most), 1);
      expect(rows).toMatchObject([{ kind: "deal-drift", why: "fine" }]);
      const count = (filter: object) => ledger().countDiscrepancies(filter);
      expect(await count({})).toEqual([
        { class: "break", kind: "deal-missing", state: "open", count: 1 },
        { class: "edit", kind: "copied", state: "gone", count: 1 },
        { class: "edit", kind: "deal-drift", state: "accepted", count: 1 },
      ]);
      expect(await count({ check: first })).toMatchObject([{ kind: "copied" }]);
      expect(await count({ check: second })).toHaveLength(3);
      expect(await count({ class: "edit", states: ["gone"] })).toHaveLength(1);
      const { rows: named } = await ledger().discrepancies({ ids: [rows[0]!.id, "x1", "1e0"] }, null, 10);
      expect(named).toMatchObject([{ kind: "deal-drift" }]);
      await checkOnce([]);
      await checkOnce(found.slice(1, 2));
      expect(await count({ kinds: ["deal-drift"] })).toMatchObject([{ state: "new" }]);
    });
  });
}
