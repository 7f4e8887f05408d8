/** What an earlier script wrote, taken over: part of the ledger's suite. */
import { describe, expect, test } from "vitest";
import type { SubmissionId } from "../../src/domain/ids.ts";
import type { Takeover } from "../../src/ledger/takeover.ts";
import { claimed, incoming, plan, START_MS, stateOf, take, turned } from "../support/ledger-fixture.ts";
import type { Subject } from "./ledger-suite.ts";

const FOUND: Takeover["records"] = [
  { name: "person", entity: "person", crmId: "5" },
  { name: "deal", entity: "deal", crmId: "61" },
];
const STAMP: Takeover["writes"] = [
  {
    entity: "deal",
    content: {
      values: { fields: { abc: "website/old" } },
      onMatch: "overwrite",
      repair: { do: "overwrite", target: "61" },
    },
  },
];

export function takeoverTests(subject: Subject): void {
  const bench = () => subject.bench;
  const takeOver = async (more: Partial<Takeover> = {}) => {
    const given: Takeover = {
      ...{ source: "website", key: "old", records: FOUND, rest: "leave", writes: [], explanation: "found" },
      ...{ submittedAtMs: START_MS, deliveredAtMs: START_MS + 60_000 },
      ...more,
    };
    return (await bench().ledger.takeOver(bench().run, [given], bench().now))[0];
  };
  const idOf = async (): Promise<SubmissionId> => (await bench().ledger.findByName("website/old", []))[0]!.id;

  describe("take over", () => {
    test("history with its records is done since they were made, and nothing is left to plan", async () => {
      await take(bench(), incoming({ key: "old", history: true }));
      expect(await takeOver()).toBe("done");
      const { submission, steps } = (await bench().ledger.story(await idOf()))!;
      expect(submission).toMatchObject({ state: "done", planned: true, doneAtMs: START_MS + 60_000 });
      expect(steps.map(({ name, state, action, crmId }) => [name, state, action, crmId])).toEqual([
        ["person", "done", "adopt", "5"],
        ["deal", "done", "adopt", "61"],
      ]);
      expect(await claimed(bench())).toEqual([]);
    });

    test("a stamp to write goes through the queue, once however often it is asked for", async () => {
      await take(bench(), incoming({ key: "old", history: true }));
      expect(await takeOver({ writes: STAMP })).toBe("queued");
      expect(await takeOver({ writes: STAMP })).toBe("queued");
      const [claim] = await claimed(bench());
      const [submission] = claim!.submissions;
      expect(submission).toMatchObject({ planned: true });
      expect(submission!.steps.map(({ name, state }) => [name, state])).toEqual([
        ["person", "done"],
        ["deal", "done"],
        ["repair.1", "open"],
      ]);
    });

    test("the rest of a half-done one is planned, and what was found stays", async () => {
      await take(bench(), incoming({ key: "old", history: true }));
      expect(await takeOver({ rest: "write", records: FOUND.slice(0, 1) })).toBe("queued");
      const [claim] = await claimed(bench());
      expect(claim!.submissions[0]).toMatchObject({ planned: false });
      await plan(bench(), claim!, "person", "deal");
      expect((await stateOf(bench(), await idOf())).steps).toEqual({ person: "done", deal: "open" });
    });

    test("one that somebody must decide about is history, and none of its person's others waits for it", async () => {
      await take(bench(), incoming({ key: "old", email: "ada@example.com" }));
      await take(bench(), incoming({ key: "new", email: "ada@example.com" }));
      expect(await takeOver({ rest: "keep", records: [] })).toBe("done");
      expect(await stateOf(bench(), await idOf())).toMatchObject({ state: "history", steps: {} });
      const claims = await claimed(bench());
      expect(claims.map(({ submissions }) => submissions.map(({ key }) => key))).toEqual([["new"]]);
    });

    test("a failed one loses the steps that were not written", async () => {
      await take(bench(), incoming({ key: "old" }));
      const [claim] = await claimed(bench());
      const deal = (await plan(bench(), claim!, "person", "deal", "note.1"))[0]![1]!;
      const { claimId } = claim!;
      const error = { code: "CRM_REFUSED", message: "no" };
      const submissionId = claim!.submissions[0]!.id;
      await turned(bench(), {
        steps: [{ claimId, stepId: deal.id, from: "open", to: "failed", error }],
        submissions: [{ claimId, submissionId, to: "failed", error }],
        release: [claimId],
      });
      expect(await takeOver()).toBe("done");
      expect(await stateOf(bench(), submissionId)).toMatchObject({
        state: "done",
        steps: { person: "done", deal: "done" },
      });
      expect((await bench().ledger.queue()).failed).toBe(0);
    });

    test("nothing is taken of one that a run works on, that this ledger wrote, or that it does not know", async () => {
      expect(await takeOver()).toBe("changed");
      await take(bench(), incoming({ key: "old" }));
      const [claim] = await claimed(bench());
      expect(await takeOver()).toBe("busy");
      const person = (await plan(bench(), claim!, "person", "deal"))[0]![0]!;
      const { claimId } = claim!;
      const submissionId = claim!.submissions[0]!.id;
      await turned(bench(), {
        steps: [{ claimId, stepId: person.id, from: "open", to: "done", action: "create", crmId: "9" }],
        submissions: [{ claimId, submissionId, to: "waiting", dueAtMs: START_MS + 1 }],
        release: [claimId],
      });
      expect(await takeOver()).toBe("changed");
      expect(await takeOver({ records: FOUND.slice(1) })).toBe("changed");
      expect((await stateOf(bench(), submissionId)).steps).toEqual({ person: "done", deal: "open" });
    });
  });
}
