import { describe, expect, test } from "vitest";
import type { Step } from "../../src/domain/chain.ts";
import type { Claim, StepChange } from "../../src/ledger/rows.ts";
import {
  begun,
  bucket,
  claimed,
  crmRecord,
  finished,
  incoming,
  intent,
  LEASE_MS,
  plan,
  planned,
  stateOf,
  take,
  turned,
} from "../support/ledger-fixture.ts";
import type { Subject } from "./ledger-suite.ts";

export function turnTests(subject: Subject): void {
  const bench = () => subject.bench;
  const oneClaim = async (): Promise<Claim> => {
    await take(bench(), incoming());
    const [claim] = await claimed(bench());
    return claim!;
  };
  const change = (claim: Claim, step: Step, from: StepChange["from"], to: StepChange["to"]): StepChange => ({
    claimId: claim.claimId,
    stepId: step.id,
    from,
    to,
  });

  describe("turn", () => {
    test("begins a step before it is sent and records its outcome once, with the attempt", async () => {
      const claim = await oneClaim();
      const [[person]] = (await plan(bench(), claim, "person")) as [[Step]];
      const requestId = await begun(bench(), claim.claimId, person);
      expect((await stateOf(bench(), person.submissionId)).steps).toEqual({ person: "begun" });
      const done = { ...change(claim, person, "begun", "done"), crmId: "501", explanation: "new" };
      const over = { claimId: claim.claimId, submissionId: person.submissionId, to: "done" as const };
      bench().pass(90);
      const result = await turned(bench(), {
        finished: [finished(bench(), requestId)],
        steps: [done],
        submissions: [over],
        release: [claim.claimId],
      });
      expect(result.fenced).toEqual([]);
      const story = (await bench().ledger.story(person.submissionId))!;
      expect(story.submission).toMatchObject({ state: "done", doneAtMs: bench().now.wallMs, planned: true });
      expect(story.steps[0]).toMatchObject({ state: "done", action: "create", crmId: "501", explanation: "new" });
      expect(story.steps[0]?.history).toEqual([
        {
          at: bench().now.wallMs - 90,
          method: "POST",
          path: "/api/v2/persons",
          status: 201,
          tokens: 0,
          latencyMs: 80,
          outcome: "applied",
          error: null,
        },
      ]);
      await turned(bench(), { finished: [finished(bench(), requestId, { outcome: "refused", status: 400 })] });
      expect((await bench().ledger.story(person.submissionId))?.steps[0]?.history[0]?.outcome).toBe("applied");
    });

    test("writes nothing of a claim that was taken back, and everything of the others", async () => {
      const lost = await oneClaim();
      const [[lostStep]] = (await plan(bench(), lost, "person")) as [[Step]];
      bench().pass(2 * LEASE_MS);
      await bench().ledger.recoverExpired(bench().now, 60_000);
      // Somebody else has it by now.
      const [taken] = await claimed(bench());
      const kept = await oneClaim();
      const [[keptStep]] = (await plan(bench(), kept, "person")) as [[Step]];
      const result = await turned(bench(), {
        begin: [
          intent(1, { steps: [{ claimId: lost.claimId, stepId: lostStep.id, action: "create" }] }),
          intent(2, { steps: [{ claimId: kept.claimId, stepId: keptStep.id, action: "create" }] }),
        ],
        submissions: [{ claimId: lost.claimId, submissionId: lostStep.submissionId, to: "failed" }],
        release: [lost.claimId],
      });
      expect(result.fenced).toEqual([lost.claimId]);
      expect(result.granted.map((grant) => grant.ref)).toEqual([2]);
      expect(await stateOf(bench(), lostStep.submissionId)).toMatchObject({
        state: "inProgress",
        steps: { person: "open" },
      });
      expect(taken?.submissions[0]?.id).toBe(lostStep.submissionId);
    });

    test("refuses a claim of another run, and one whose step is not in the expected state, as a whole", async () => {
      const claim = await oneClaim();
      const [[person, deal]] = (await plan(bench(), claim, "person", "deal")) as [[Step, Step]];
      const steps = [change(claim, person, "open", "done"), change(claim, deal, "begun", "done")];
      const submissions = [{ claimId: claim.claimId, submissionId: person.submissionId, to: "done" as const }];
      expect((await turned(bench(), { steps, submissions })).fenced).toEqual([claim.claimId]);
      const other = await bench().ledger.openRun({
        kind: "sync",
        pid: 8,
        host: "host",
        lockName: null,
        now: bench().now,
      });
      const foreign = await turned({ ...bench(), run: other }, { steps: [change(claim, person, "open", "done")] });
      expect(foreign.fenced).toEqual([claim.claimId]);
      expect(await stateOf(bench(), person.submissionId)).toMatchObject({
        state: "inProgress",
        steps: { person: "open", deal: "open" },
      });
    });

    test("a submission that another claim carries is out of reach, with all of that claim", async () => {
      const a = await oneClaim();
      const b = await oneClaim();
      const stolen = { claimId: a.claimId, submissionId: b.submissions[0]!.id, to: "failed" as const };
      const own = { claimId: a.claimId, submissionId: a.submissions[0]!.id, to: "failed" as const };
      expect((await turned(bench(), { submissions: [own, stolen] })).fenced).toEqual([a.claimId]);
      expect((await stateOf(bench(), a.submissions[0]!.id)).state).toBe("inProgress");
      expect((await stateOf(bench(), b.submissions[0]!.id)).state).toBe("inProgress");
    });

    test("a step of a submission that another claim carries is out of reach too, to record and to begin", async () => {
      const a = await oneClaim();
      const b = await oneClaim();
      const [[theirs]] = (await plan(bench(), b, "person")) as [[Step]];
      expect((await turned(bench(), { steps: [change(a, theirs, "open", "done")] })).fenced).toEqual([a.claimId]);
      const begin = [intent(1, { steps: [{ claimId: a.claimId, stepId: theirs.id, action: "create" as const }] })];
      expect((await turned(bench(), { begin })).granted).toEqual([]);
      expect((await stateOf(bench(), b.submissions[0]!.id)).steps).toEqual({ person: "open" });
    });

    test("a fenced plan is not in the result, though requests, buckets and mirror of that turn are kept", async () => {
      const claim = await oneClaim();
      const [[person]] = (await plan(bench(), claim, "person")) as [[Step]];
      const requestId = await begun(bench(), claim.claimId, person);
      await bench().ledger.recover([bench().run], bench().now, 60_000);
      const result = await turned(bench(), {
        finished: [finished(bench(), requestId)],
        buckets: [bucket("burst", { capacity: 5 })],
        mirror: [{ record: crmRecord({ entity: "person", id: "9" }), keys: ["email:x@example.com"] }],
        plans: [{ claimId: claim.claimId, submissionId: person.submissionId, steps: [] }],
      });
      expect(result).toMatchObject({ fenced: [claim.claimId], planned: [] });
      expect(result.buckets).toHaveLength(1);
      const found = await bench().ledger.mirrorFind(bench().account, "person", ["email:x@example.com"]);
      expect(found.get("email:x@example.com")?.map((hit) => hit.id)).toEqual(["9"]);
    });

    test("renews the leases of its run", async () => {
      const claim = await oneClaim();
      for (let index = 0; index < 3; index += 1) {
        bench().pass(LEASE_MS - 1);
        expect((await turned(bench())).fenced).toEqual([]);
      }
      expect(await bench().ledger.recoverExpired(bench().now, 60_000)).toEqual({ submissions: 0, uncertainSteps: 0 });
      const over = { claimId: claim.claimId, submissionId: claim.submissions[0]!.id, to: "done" as const };
      expect((await turned(bench(), { submissions: [over] })).fenced).toEqual([]);
    });

    test("keeps what a change does not name, and clears what it names as null", async () => {
      const claim = await oneClaim();
      const [[person]] = (await plan(bench(), claim, "person")) as [[Step]];
      const error = { code: "CRM_REFUSED", message: "no" };
      const first = {
        ...change(claim, person, "open", "open"),
        crmId: "5",
        attempts: 2,
        error,
        probes: 1,
        handle: "h",
      };
      await turned(bench(), { steps: [first] });
      await turned(bench(), { steps: [{ ...change(claim, person, "open", "open"), error: null, handle: null }] });
      const story = await bench().ledger.story(person.submissionId);
      expect(story?.steps[0]).toMatchObject({ crmId: "5", attempts: 2, error: null, probes: 1, handle: null });
    });

    test("each step of a packed request gets its own outcome, where they differ", async () => {
      const claim = await oneClaim();
      const [[person, deal]] = (await plan(bench(), claim, "person", "deal")) as [[Step, Step]];
      const steps = [person, deal].map((step) => ({
        claimId: claim.claimId,
        stepId: step.id,
        action: "create" as const,
      }));
      const { granted } = await turned(bench(), { begin: [intent(1, { steps })] });
      const error = { code: "BAD", message: "title too long" };
      await turned(bench(), {
        finished: [finished(bench(), granted[0]!.requestId, { outcome: "mixed", status: 207 })],
        steps: [change(claim, person, "begun", "done"), { ...change(claim, deal, "begun", "failed"), error }],
      });
      const story = await bench().ledger.story(person.submissionId);
      expect(story?.steps.map((step) => step.history[0]?.outcome)).toEqual(["applied", "refused"]);
      expect(story?.steps[1]?.history[0]?.error).toBe("title too long");
    });

    test("a wait is told, with its reason and its end", async () => {
      const claim = await oneClaim();
      const wait = { kind: "retry", untilMs: bench().now.wallMs + 5_000, detail: "503 from the CRM" };
      const submissionId = claim.submissions[0]!.id;
      const waiting = { claimId: claim.claimId, submissionId, to: "waiting" as const };
      await turned(bench(), { submissions: [{ ...waiting, dueAtMs: wait.untilMs, attempts: 1, wait }] });
      const story = await bench().ledger.story(submissionId);
      expect(story?.submission).toMatchObject({ state: "waiting", dueAtMs: wait.untilMs, attempts: 1 });
      expect(story?.waits).toEqual([{ atMs: bench().now.wallMs, ...wait }]);
    });

    test("a released claim gives its unfinished work back, but never while a write of it is in flight", async () => {
      const claim = await oneClaim();
      const [[person]] = (await plan(bench(), claim, "person")) as [[Step]];
      const requestId = await begun(bench(), claim.claimId, person);
      await turned(bench(), { release: [claim.claimId] });
      expect((await stateOf(bench(), person.submissionId)).state).toBe("inProgress");
      await turned(bench(), {
        finished: [finished(bench(), requestId, { outcome: "deferred", status: 503 })],
        steps: [change(claim, person, "begun", "open")],
        release: [claim.claimId],
      });
      expect(await stateOf(bench(), person.submissionId)).toMatchObject({
        state: "pending",
        steps: { person: "open" },
      });
    });

    test("reads on behalf of submissions are part of their story", async () => {
      const claim = await oneClaim();
      const id = claim.submissions[0]!.id;
      const read = intent(1, { method: "GET", route: "/api/v2/persons", write: false, onBehalfOf: [id] });
      await turned(bench(), { begin: [read] });
      expect((await bench().ledger.story(id))?.lookups).toMatchObject([{ method: "GET", outcome: null, status: null }]);
    });
  });

  describe("plans", () => {
    test("leave written steps as they are, renew open and failed ones, drop what is not wanted any more", async () => {
      const claim = await oneClaim();
      const submission = claim.submissions[0]!;
      const { claimId } = claim;
      const [[person, deal, note]] = (await plan(bench(), claim, "person", "deal", "note.1")) as [[Step, Step, Step]];
      const error = { code: "X", message: "x" };
      await turned(bench(), {
        steps: [
          { ...change(claim, person, "open", "done"), crmId: "1" },
          { ...change(claim, deal, "open", "failed"), error, attempts: 3 },
        ],
      });
      const renewed = { values: { title: "renewed" }, onMatch: "keep" as const };
      const replan = {
        claimId,
        submissionId: submission.id,
        steps: [
          planned(submission, "organization"),
          planned(submission, "person", { content: renewed }),
          planned(submission, "deal", { content: renewed }),
        ],
      };
      const result = await turned(bench(), { plans: [replan] });
      const steps = result.planned[0]!.steps;
      expect(steps.map((step) => [step.name, step.state])).toEqual([
        ["organization", "open"],
        ["person", "done"],
        ["deal", "open"],
      ]);
      expect(steps[1]).toMatchObject({ id: person.id, crmId: "1", content: person.content });
      expect(steps[2]).toMatchObject({ id: deal.id, content: renewed, attempts: 0, error: null });
      const again = await turned(bench(), { plans: [{ ...replan, steps: [planned(submission, "note.1")] }] });
      const back = again.planned[0]!.steps.find((step) => step.name === "note.1");
      expect(back).toMatchObject({ id: note.id, state: "open" });
    });

    test("counts by field what the CRM echoed otherwise, and tells it of the submission", async () => {
      const claim = await oneClaim();
      const [{ id, source, key }] = claim.submissions as [(typeof claim.submissions)[0]];
      const found = { entity: "deal", field: "Source", submissionId: id } as const;
      expect(await bench().ledger.fieldFindings(10)).toEqual([]);
      await turned(bench(), { findings: [{ ...found, finding: "truncated" }] });
      bench().pass(1_000);
      const twice = { ...found, finding: "truncated" } as const;
      await turned(bench(), { findings: [twice, { ...found, finding: "dropped" }] });
      const lastAtMs = bench().now.wallMs;
      const row = { entity: "deal", field: "Source", lastAtMs, lastSubmission: `${source}/${key}` };
      expect(await bench().ledger.fieldFindings(10)).toEqual([
        { ...row, finding: "dropped", count: 1, firstAtMs: lastAtMs },
        { ...row, finding: "truncated", count: 2, firstAtMs: lastAtMs - 1_000 },
      ]);
      expect(await bench().ledger.fieldFindings(1)).toHaveLength(1);
      const { waits } = (await bench().ledger.story(id))!;
      expect(waits.map(({ kind, detail }) => [kind, detail.includes('"Source"')])).toEqual(
        Array(3).fill(["echo", true]),
      );
    });
  });
}
