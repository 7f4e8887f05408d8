/** Differences over checks, and what is done about them: part of the ledger's suite. */
import { describe, expect, test } from "vitest";
import type { CrmId, StepId, SubmissionId } from "../../src/domain/ids.ts";
import { stampOf } from "../../src/domain/stamp.ts";
import type { RepairOrder } from "../../src/ledger/checks.ts";
import {
  allOf,
  deliver,
  difference,
  EVERYTHING,
  openCheck,
  see,
  sighting,
  stamped,
  tried,
} from "../support/check-fixture.ts";
import {
  claimed,
  crmRecord,
  incoming,
  plan,
  planned,
  START_MS,
  stateOf,
  take,
  turned,
} from "../support/ledger-fixture.ts";
import type { Subject } from "./ledger-suite.ts";

const HOUR = 3_600_000;
const LATER = { to: "waiting" as const, dueAtMs: START_MS + HOUR };
const FAILED = { to: "failed" as const, error: { code: "CRM_REFUSED", message: "no" } };

export function repairTests(subject: Subject): void {
  const bench = () => subject.bench;
  const ledger = () => subject.bench.ledger;

  async function repaired(order: RepairOrder) {
    const { id } = await openCheck(bench());
    const found = difference({ fingerprint: JSON.stringify(order) });
    await ledger().saveDiscrepancies(id, [found], bench().now.wallMs);
    const rows = await allOf((after, most) => ledger().discrepancies({ check: id }, after, most));
    const discrepancyId = rows.find(({ fingerprint }) => fingerprint === found.fingerprint)!.id;
    const [verdict] = await ledger().queueRepairs(bench().account, [{ discrepancyId, order }], bench().now.wallMs);
    return verdict;
  }
  const story = async (id: SubmissionId) => (await ledger().story(id))!;
  /** Claims the one that is due, and gives its steps as a run finds them. */
  async function found() {
    const [claim, ...others] = await claimed(bench());
    expect(others).toEqual([]);
    return { claimId: claim!.claimId, ...claim!.submissions[0]! };
  }
  const gone = { source: "website", key: "lost", submittedAtMs: START_MS - HOUR, explanation: "its stamp names it" };
  const queueIs = async (state: "pending" | "done" | "failed" | "waiting", count: number) =>
    expect((await ledger().queue())[state]).toBe(count);

  describe("resume", () => {
    test("a failed one goes on with its plan; what failed of it is planned anew", async () => {
      const made = await deliver(bench(), { person: "5", deal: { id: null } }, {}, { ...FAILED, attempts: 5 });
      expect(await repaired({ type: "resume", submissionId: made.id })).toBe("queued");
      await queueIs("failed", 0);
      const again = await found();
      expect(again).toMatchObject({ id: made.id, attempts: 0, planned: true, error: null, failedAtMs: null });
      expect(again.steps.map(({ state }) => state)).toEqual(["done", "open"]);
      const { claimId } = again;
      const [, deal] = again.steps;
      await turned(bench(), {
        steps: [{ claimId, stepId: deal!.id, from: "open", to: "failed" }],
        submissions: [{ claimId, submissionId: made.id, ...FAILED }],
        release: [claimId],
      });
      expect(await repaired({ type: "resume", submissionId: made.id })).toBe("queued");
      const third = await found();
      expect(third).toMatchObject({ planned: false });
      expect(third.steps.map(({ state }) => state)).toEqual(["done", "open"]);
      expect(await repaired({ type: "resume", submissionId: made.id })).toBe("busy");
    });

    test("one that waits is due now; one that a person holds back, or that is done, is left alone", async () => {
      const waiting = await deliver(bench(), { person: { id: null } }, {}, LATER);
      const done = await deliver(bench(), { person: "5" });
      expect(await repaired({ type: "resume", submissionId: done.id })).toBe("changed");
      expect(await repaired({ type: "resume", submissionId: 999 as SubmissionId })).toBe("changed");
      expect(await repaired({ type: "resume", submissionId: waiting.id })).toBe("queued");
      expect(await repaired({ type: "resume", submissionId: waiting.id })).toBe("queued");
      expect((await found()).id).toBe(waiting.id);
      await take(bench(), incoming({ key: "old", submittedAtMs: START_MS - HOUR }));
      await ledger().holdBack(bench().run, "website", START_MS, bench().now, "old");
      const [held] = await ledger().findByName("old", []);
      expect(await repaired({ type: "resume", submissionId: held!.id })).toBe("changed");
    });
  });

  describe("recreate", () => {
    test("opens the step again, forgets its record, and keeps when the submission was delivered first", async () => {
      const made = await deliver(bench(), { person: "5", deal: "61" });
      const deal = crmRecord({ entity: "deal", id: "61", stamp: made.stamp });
      const batch = { accountId: bench().account, entity: "deal" as const, keys: {}, gone: [], state: null, nowMs: 1 };
      await ledger().mirrorSave({ ...batch, records: [{ ...deal, stamp: "a/b" }] });
      bench().pass(HOUR);
      const order: RepairOrder = { type: "recreate", stepId: made.steps.deal!.id, crmId: "61" };
      expect(await repaired({ ...order, crmId: "60" })).toBe("changed");
      expect(await repaired(order)).toBe("queued");
      expect(await repaired(order)).toBe("changed");
      const { submission, steps } = await story(made.id);
      expect(submission).toMatchObject({ state: "pending", planned: true, doneAtMs: START_MS });
      expect(steps).toMatchObject([
        { name: "person", state: "done", crmId: "5" },
        { name: "deal", state: "open", action: null, crmId: null, attempts: 0 },
      ]);
      expect(steps[1]!.explanation).toContain("61");
      const { claimId, steps: mine } = await found();
      await tried(bench(), claimId, mine[1]!, { outcome: "applied" });
      await turned(bench(), {
        steps: [{ claimId, stepId: mine[1]!.id, from: "begun", to: "done", crmId: "90" }],
        submissions: [{ claimId, submissionId: made.id, to: "done" }],
        release: [claimId],
      });
      expect((await story(made.id)).submission).toMatchObject({ state: "done", doneAtMs: START_MS });
    });

    test("does not make a delivered submission late", async () => {
      const made = await deliver(bench(), { person: "5" });
      bench().pass(HOUR);
      expect(await repaired({ type: "recreate", stepId: made.steps.person!.id, crmId: "5" })).toBe("queued");
      expect(await ledger().lag(bench().now.wallMs)).toEqual({
        oldestSeconds: null,
        p50Seconds: null,
        p95Seconds: null,
      });
      await take(bench(), incoming({ submittedAtMs: bench().now.wallMs - 60_000 }));
      expect(await ledger().lag(bench().now.wallMs)).toEqual({ oldestSeconds: 60, p50Seconds: 60, p95Seconds: 60 });
      const rows = await allOf((after, most) => ledger().unfinished(EVERYTHING, after, most));
      expect(rows.map(({ submissionId, repairedAtMs }) => [submissionId, repairedAtMs])).toEqual([
        [made.id, bench().now.wallMs],
        [expect.any(Number), null],
      ]);
    });

    test("keeps off what a run works on, and off what was set aside", async () => {
      const busy = await deliver(bench(), { person: "5" }, {}, { to: "inProgress" });
      expect(await repaired({ type: "recreate", stepId: busy.steps.person!.id, crmId: "5" })).toBe("busy");
      const dropped = await deliver(bench(), { person: "6", deal: { id: null } }, {}, FAILED);
      await ledger().drop(dropped.id, "no", bench().now);
      expect(await repaired({ type: "recreate", stepId: dropped.steps.person!.id, crmId: "6" })).toBe("changed");
      expect(await stateOf(bench(), dropped.id)).toMatchObject({ state: "dropped", steps: { person: "done" } });
    });
  });

  describe("follow", () => {
    test("moves every done step to the survivor, and forgets the record that went", async () => {
      const one = await deliver(bench(), { person: "5", deal: "5" });
      const two = await deliver(bench(), { person: { id: "5", action: "match" } });
      const record = crmRecord({ entity: "person", id: "5", emails: ["a@example.com"] });
      const batch = {
        accountId: bench().account,
        entity: "person" as const,
        keys: {},
        gone: [],
        state: null,
        nowMs: 1,
      };
      await ledger().mirrorSave({ ...batch, records: [record] });
      const order: RepairOrder = { type: "follow", entity: "person", from: "5", to: "8" };
      expect(await repaired(order)).toBe("done");
      expect(await repaired(order)).toBe("changed");
      for (const { id } of [one, two]) expect((await story(id)).steps[0]).toMatchObject({ crmId: "8", state: "done" });
      expect((await story(one.id)).steps[1]).toMatchObject({ name: "deal", crmId: "5" });
      expect((await ledger().mirrorFind(bench().account, "person", ["email:a@example.com"])).size).toBe(0);
      await queueIs("pending", 0);
    });

    test("waits for the run that works on one of them, and has no limit in number", async () => {
      const order: RepairOrder = { type: "follow", entity: "organization", from: "3", to: "4" };
      const records = Array.from({ length: 1_203 }, () => incoming());
      await take(bench(), ...records);
      const claims = await claimed(bench(), { limit: 2_000 });
      const rows = claims.map((claim) => ({ claimId: claim.claimId, submission: claim.submissions[0]! }));
      const steps = await turned(bench(), {
        plans: rows.map(({ claimId, submission }) => {
          return { claimId, submissionId: submission.id, steps: [planned(submission, "organization")] };
        }),
      });
      const ids = steps.planned.map((row) => row.steps[0]!.id);
      const match = { from: "open" as const, to: "done" as const, action: "match" as const, crmId: "3" };
      await turned(bench(), { steps: rows.map(({ claimId }, at) => ({ claimId, stepId: ids[at]!, ...match })) });
      expect(await repaired(order)).toBe("busy");
      await turned(bench(), {
        submissions: rows.map(({ claimId, submission }) => ({ claimId, submissionId: submission.id, to: "done" })),
        release: rows.map(({ claimId }) => claimId),
      });
      expect(await repaired(order)).toBe("done");
      const size = await ledger().scopeSize(EVERYTHING);
      expect(size.records.organization).toBe(1);
      expect((await ledger().ownWrites("organization", ["3"])).size).toBe(0);
    });
  });

  describe("adopt", () => {
    const adopt = (more: Partial<Extract<RepairOrder, { type: "adopt" }>> = {}): RepairOrder => ({
      type: "adopt",
      ...gone,
      records: [{ name: "deal", entity: "deal", crmId: "61" }],
      ...more,
    });

    test("makes a done submission for a stamp that nobody knows, which the record fills in when it comes", async () => {
      expect(await repaired(adopt())).toBe("done");
      await queueIs("done", 1);
      const [named] = await ledger().findByName("website/lost", []);
      const shell = await story(named!.id);
      expect(shell.submission).toMatchObject({ state: "done", content: null, raw: null, doneAtMs: gone.submittedAtMs });
      expect(shell.steps).toMatchObject([{ name: "deal", state: "done", action: "adopt", crmId: "61" }]);
      expect(await ledger().findSubmissions("website", ["lost"])).toEqual([]);
      expect(await ledger().stampedSubmissions(["website/lost"])).toEqual(new Map([["website/lost", named!.id]]));
      const record = incoming({ key: "lost", submittedAtMs: START_MS - 2 * HOUR, email: "ada@example.com" });
      expect(await take(bench(), record)).toEqual([{ type: "new" }]);
      expect(await take(bench(), record)).toEqual([{ type: "duplicate", otherSource: null }]);
      const filled = await found();
      expect(filled).toMatchObject({ id: named!.id, planned: false, content: record.content, lane: "operational" });
      expect(filled).toMatchObject({ submittedAtMs: START_MS - 2 * HOUR, identityKeys: ["email:ada@example.com"] });
      const { claimId } = filled;
      const steps = [planned(filled, "person"), planned(filled, "deal")];
      const result = await turned(bench(), { plans: [{ claimId, submissionId: filled.id, steps }] });
      expect(result.planned[0]!.steps).toMatchObject([{ state: "open" }, { name: "deal", state: "done", crmId: "61" }]);
      expect(await take(bench(), incoming({ key: "lost", contentHash: "other" }))).toMatchObject([
        { type: "conflict" },
      ]);
    });

    test("a hashed stamp finds its record too, and history stays history", async () => {
      const key = "k".repeat(300);
      const stamp = stampOf("website", key);
      expect(await repaired(adopt({ key: stamp.slice("website/".length) }))).toBe("done");
      expect([...(await ledger().stampedSubmissions([stamp])).keys()]).toEqual([stamp]);
      expect(await take(bench(), incoming({ key, history: true }))).toEqual([{ type: "history" }]);
      const id = (await ledger().stampedSubmissions([stamp])).get(stamp)!;
      expect((await story(id)).submission).toMatchObject({ key, state: "history" });
      await queueIs("done", 0);
      expect(await take(bench(), incoming({ key, contentHash: "other" }))).toMatchObject([{ type: "conflict" }]);
    });

    test("a known one that is not done writes the rest of its chain", async () => {
      const failed = await deliver(bench(), { person: "5", deal: { id: null } }, { key: "a" }, FAILED);
      expect(await repaired(adopt({ key: "a" }))).toBe("queued");
      const again = await found();
      expect(again).toMatchObject({ id: failed.id, planned: true });
      expect(again.steps).toMatchObject([{}, { name: "deal", state: "done", action: "adopt", crmId: "61" }]);
      await take(bench(), incoming({ key: "b" }));
      expect(await repaired(adopt({ key: "b" }))).toBe("queued");
      const { claimId, ...fresh } = await found();
      expect(fresh).toMatchObject({ key: "b", planned: false, steps: [{ state: "done", crmId: "61" }] });
      const steps = [planned(fresh, "person"), planned(fresh, "deal")];
      const result = await turned(bench(), { plans: [{ claimId, submissionId: fresh.id, steps }] });
      expect(result.planned[0]!.steps.map(({ state }) => state)).toEqual(["open", "done"]);
      expect(await repaired(adopt({ key: "b" }))).toBe("busy");
    });

    test("what is found of an uncertain one is looked for no more", async () => {
      await take(bench(), incoming({ key: "u", email: "ada@example.com" }));
      const [claim] = await claimed(bench());
      const [[person]] = (await plan(bench(), claim!, "person")) as [[never]];
      const { claimId } = claim!;
      await tried(bench(), claimId, person, { outcome: "uncertain" });
      const submissionId = claim!.submissions[0]!.id;
      const stepId = (person as { id: StepId }).id;
      await turned(bench(), {
        steps: [{ claimId, stepId, from: "begun", to: "uncertain", lostAtMs: START_MS }],
        submissions: [{ claimId, submissionId, to: "uncertain", dueAtMs: START_MS + HOUR, keepKeys: true }],
        release: [claimId],
      });
      expect(await repaired(adopt({ key: "u", records: [{ name: "person", entity: "person", crmId: "5" }] }))).toBe(
        "queued",
      );
      expect(await found()).toMatchObject({ id: submissionId, steps: [{ state: "done", crmId: "5" }] });
    });

    test("what is done, dropped or history stays so; another record than the step's own is refused", async () => {
      const done = await deliver(bench(), { deal: "60" }, { key: "d" });
      expect(await repaired(adopt({ key: "d" }))).toBe("changed");
      const note = { name: "note.1", entity: "note", crmId: "71" } as const;
      expect(await repaired(adopt({ key: "d", records: [note] }))).toBe("done");
      expect(await stateOf(bench(), done.id)).toMatchObject({
        state: "done",
        steps: { deal: "done", "note.1": "done" },
      });
      await take(bench(), incoming({ key: "h", history: true }));
      expect(await repaired(adopt({ key: "h" }))).toBe("done");
      const [named] = await ledger().findByName("website/h", []);
      expect(await stateOf(bench(), named!.id)).toMatchObject({ state: "history", steps: { deal: "done" } });
    });
  });

  describe("write", () => {
    const write = ({ id }: { id: SubmissionId }, target: CrmId): RepairOrder => {
      const repair = { do: "merge" as const, target, into: "5" };
      return { type: "write", submissionId: id, entity: "person", content: { values: {}, onMatch: "keep", repair } };
    };

    test("adds a repair step behind the chain, once, which no later plan drops", async () => {
      const made = await deliver(bench(), { person: "5", deal: "61" });
      expect(await repaired(write(made, "6"))).toBe("queued");
      expect(await repaired(write(made, "6"))).toBe("queued");
      expect(await repaired(write(made, "7"))).toBe("queued");
      const { claimId, ...again } = await found();
      expect(again.steps.map(({ name, state }) => [name, state])).toEqual([
        ["person", "done"],
        ["deal", "done"],
        ["repair.1", "open"],
        ["repair.2", "open"],
      ]);
      const { stamp } = made;
      expect(again.steps[3]).toMatchObject({
        idempotencyKey: `${stamp}#repair.2`,
        content: { repair: { target: "7" } },
      });
      await turned(bench(), {
        steps: [{ claimId, stepId: again.steps[2]!.id, from: "open", to: "failed", error: FAILED.error }],
        submissions: [{ claimId, submissionId: made.id, ...FAILED }],
        release: [claimId],
      });
      await ledger().requeue([made.id], new Map(), bench().now);
      const third = await found();
      const names = ["person", "deal", "note.1"] as const;
      const steps = names.map((name) => planned(third, name));
      const result = await turned(bench(), { plans: [{ claimId: third.claimId, submissionId: made.id, steps }] });
      expect(result.planned[0]!.steps.map(({ name, state }) => [name, state])).toEqual([
        ["person", "done"],
        ["deal", "done"],
        ["note.1", "open"],
        ["repair.1", "open"],
        ["repair.2", "open"],
      ]);
      expect(await repaired(write(made, "9"))).toBe("busy");
    });

    test("a repair of what is done is no new record of the step, and none of what was set aside", async () => {
      const made = await deliver(bench(), { person: "5" });
      await repaired(write(made, "6"));
      const { claimId, steps } = await found();
      const end = { from: "open" as const, to: "done" as const, action: "merge" as const, crmId: "6" };
      await turned(bench(), {
        steps: [{ claimId, stepId: steps[1]!.id, ...end }],
        submissions: [{ claimId, submissionId: made.id, to: "done" }],
        release: [claimId],
      });
      const check = await openCheck(bench());
      expect((await ledger().unsighted(check.id, "person", null, 9)).rows).toEqual(["5"]);
      await see(bench(), check, stamped(made, "person", "6"), sighting("person", "5"));
      const extra = await ledger().extraRecords(check.id, null, 9);
      expect(extra.rows).toMatchObject([{ sighting: { crmId: "6" }, ownIsThere: true }]);
      await take(bench(), incoming({ key: "h", history: true }));
      const [history] = await ledger().findByName("website/h", []);
      expect(await repaired(write(history!, "6"))).toBe("changed");
    });
  });
}
