import { describe, expect, test } from "vitest";
import type { Step, StepName } from "../../src/domain/chain.ts";
import { DIED_AT_WORK } from "../../src/ledger/ledger.ts";
import type { Claim } from "../../src/ledger/rows.ts";
import {
  begun,
  bucket,
  claimed,
  finished,
  incoming,
  intent,
  keysOf,
  LEASE_MS,
  plan,
  planned,
  START_MS,
  stateOf,
  take,
  turned,
} from "../support/ledger-fixture.ts";
import type { Subject } from "./ledger-suite.ts";

const SETTLE_MS = 60_000;
const TIMEOUT_MS = 30_000;

export function recoveryTests(subject: Subject): void {
  const bench = () => subject.bench;
  const recover = () => bench().ledger.recover([bench().run], bench().now, SETTLE_MS);
  const claimOf = async (email: string): Promise<Claim> => {
    await take(bench(), incoming({ email }));
    return (await claimed(bench()))[0]!;
  };
  /** A run that died with this step's write in flight. */
  const dieWith = async (name: StepName, email = "ada@example.com") => {
    const claim = await claimOf(email);
    const [[step]] = (await plan(bench(), claim, name)) as [[Step]];
    const requestId = await begun(bench(), claim.claimId, step);
    return { claim, step, requestId };
  };

  describe("recovery of a dead run", () => {
    test("what was only claimed goes back to the queue, the steps that are done stay done", async () => {
      const claim = await claimOf("ada@example.com");
      const [[person]] = (await plan(bench(), claim, "person", "deal")) as [[Step]];
      const steps = [{ claimId: claim.claimId, stepId: person.id, from: "open" as const, to: "done" as const }];
      await turned(bench(), { steps });
      expect(await recover()).toEqual({ submissions: 1, uncertainSteps: 0, discarded: 0 });
      expect(await stateOf(bench(), person.submissionId)).toMatchObject({
        state: "pending",
        steps: { person: "done", deal: "open" },
      });
      expect(await claimed(bench())).toHaveLength(1);
    });

    test("a run that may have sent is remembered by its start until somebody says that the CRM was asked", async () => {
      const { ledger, now, account } = bench();
      const died = async (): Promise<number | undefined> =>
        (await ledger.loadCatalog(account)).find(({ part }) => part === DIED_AT_WORK)?.fetchedAtMs;
      const start = { pid: 1, host: "test", now: { ...now } };
      const other = await ledger.openRun({ ...start, kind: "import", lockName: null });
      bench().pass(TIMEOUT_MS);
      await ledger.recover([other], bench().now, SETTLE_MS);
      expect(await died()).toBeUndefined();
      await recover();
      expect(await died()).toBe(START_MS);
      await ledger.saveCatalog(account, DIED_AT_WORK, {}, 0);
      await recover();
      expect(await died()).toBe(0);
    });

    test("an intent without an outcome becomes uncertain, lost when its time was up, due a settle time later", async () => {
      const { step } = await dieWith("person");
      bench().pass(TIMEOUT_MS * 10);
      expect(await recover()).toEqual({ submissions: 1, uncertainSteps: 1, discarded: 0 });
      const story = await bench().ledger.story(step.submissionId);
      expect(story?.submission).toMatchObject({ state: "uncertain", dueAtMs: START_MS + TIMEOUT_MS + SETTLE_MS });
      expect(story?.steps[0]).toMatchObject({
        state: "uncertain",
        sentAtMs: START_MS,
        lostAtMs: START_MS + TIMEOUT_MS,
        probes: 0,
      });
      expect(story?.steps[0]?.history).toMatchObject([{ outcome: "uncertain", status: null }]);
    });

    test("an answer lost a moment ago was lost now, not at the end of its time", async () => {
      const { step } = await dieWith("person");
      bench().pass(1_000);
      await recover();
      const story = await bench().ledger.story(step.submissionId);
      expect(story?.steps[0]?.lostAtMs).toBe(START_MS + 1_000);
    });

    test("is safe to repeat, and the dead run is over", async () => {
      await dieWith("person");
      await recover();
      expect(await recover()).toEqual({ submissions: 0, uncertainSteps: 0, discarded: 0 });
      expect(await bench().ledger.openRuns()).toEqual([]);
      expect(await bench().ledger.lastRun()).toMatchObject({ stopped: "died", exitCode: null });
    });

    test("keeps the keys of an uncertain person, and gives them to the look-up alone", async () => {
      await dieWith("person");
      await recover();
      await take(bench(), incoming({ key: "other", email: "ada@example.com", lane: "background" }));
      expect(await claimed(bench())).toEqual([]);
      bench().pass(TIMEOUT_MS + SETTLE_MS);
      expect((await claimed(bench())).map((claim) => claim.submissions[0]?.state)).toEqual(["inProgress"]);
      expect((await bench().ledger.queue()).pending).toBe(1);
    });

    test("keeps an uncertain organization's name and an uncertain deal's key, not the person", async () => {
      const claim = await claimOf("ada@example.com");
      const submission = claim.submissions[0]!;
      const content = { values: { name: "Acme" }, onMatch: "keep" as const };
      const steps = [
        planned(submission, "organization", { content: { ...content, matchKeys: ["organization:acme"] } }),
        planned(submission, "deal", { content: { ...content, dealMatch: "key", dealKey: "q-77" } }),
      ];
      const result = await turned(bench(), { plans: [{ claimId: claim.claimId, submissionId: submission.id, steps }] });
      for (const step of result.planned[0]!.steps) await begun(bench(), claim.claimId, step);
      await recover();
      await take(bench(), incoming({ email: "ada@example.com", lane: "background" }));
      const [other] = await claimed(bench());
      expect(other?.lane).toBe("background");
      const lease = (key: string) => bench().ledger.leaseKeys(other!.claimId, [key], bench().now);
      expect(await lease("organization:acme")).not.toBeNull();
      expect(await lease("deal:q-77")).not.toBeNull();
      expect(await lease("organization:other")).toBeNull();
    });

    test("an uncertain update or note keeps nobody waiting", async () => {
      const claim = await claimOf("ada@example.com");
      const [[person, note]] = (await plan(bench(), claim, "person", "note.1")) as [[Step, Step]];
      await begun(bench(), claim.claimId, person, "update");
      await begun(bench(), claim.claimId, note, "create");
      expect(await recover()).toEqual({ submissions: 1, uncertainSteps: 2, discarded: 0 });
      await take(bench(), incoming({ email: "ada@example.com", lane: "background" }));
      expect(await claimed(bench())).toHaveLength(1);
    });

    test("what was uncertain when it was claimed goes back as uncertain, due when it was", async () => {
      const { step } = await dieWith("person");
      await recover();
      bench().pass(TIMEOUT_MS + SETTLE_MS + 5_000);
      const before = await stateOf(bench(), step.submissionId);
      expect(keysOf(await claimed(bench())).flat()).toHaveLength(1);
      await recover();
      const after = await stateOf(bench(), step.submissionId);
      expect(after.state).toBe("uncertain");
      expect(after.dueAtMs).toBeLessThanOrEqual(before.dueAtMs);
      expect(keysOf(await claimed(bench())).flat()).toHaveLength(1);
    });

    test("the slots of a lost request stay taken until the server can't count it any more", async () => {
      await turned(bench(), { buckets: [bucket("burst", { capacity: 1 })] });
      const claim = await claimOf("ada@example.com");
      const [[person]] = (await plan(bench(), claim, "person")) as [[Step]];
      const charges = [{ bucket: "burst", amount: 1 }];
      const write = { charges, steps: [{ claimId: claim.claimId, stepId: person.id, action: "create" as const }] };
      const { granted } = await turned(bench(), { begin: [intent(1, write)] });
      await recover();
      const late = finished(bench(), granted[0]!.requestId);
      expect((await turned(bench(), { finished: [late], begin: [intent(2, { charges })] })).granted).toEqual([]);
      bench().pass(TIMEOUT_MS);
      expect((await turned(bench(), { begin: [intent(2, { charges })] })).granted).toEqual([]);
      bench().pass(2_000);
      expect((await turned(bench(), { begin: [intent(2, { charges })] })).granted).toHaveLength(1);
    });

    test("takes back hundreds of claims, bit by bit", async () => {
      const records = Array.from({ length: 400 }, () => incoming());
      await take(bench(), ...records);
      await claimed(bench(), { limit: 400 });
      expect(await recover()).toEqual({ submissions: 400, uncertainSteps: 0, discarded: 0 });
      expect((await bench().ledger.queue()).pending).toBe(400);
    });
  });

  describe("recovery of expired leases", () => {
    test("takes back what ran out and leaves what is alive", async () => {
      const { step } = await dieWith("person");
      bench().pass(LEASE_MS - 1);
      expect(await bench().ledger.recoverExpired(bench().now, SETTLE_MS)).toEqual({
        submissions: 0,
        uncertainSteps: 0,
      });
      bench().pass(1);
      await take(bench(), incoming({ email: "bob@example.com" }));
      await claimed(bench());
      expect(await bench().ledger.recoverExpired(bench().now, SETTLE_MS)).toEqual({
        submissions: 1,
        uncertainSteps: 1,
      });
      expect((await stateOf(bench(), step.submissionId)).state).toBe("uncertain");
      expect((await bench().ledger.queue()).inProgress).toBe(1);
    });

    test("is told from a living claim of another run", async () => {
      const { step } = await dieWith("person");
      bench().pass(LEASE_MS / 2);
      const second = { ...bench(), run: await openSecondRun() };
      await take(bench(), incoming({ email: "bob@example.com" }));
      const [alive] = await claimed(second);
      bench().pass(LEASE_MS / 2);
      await bench().ledger.recoverExpired(bench().now, SETTLE_MS);
      expect((await stateOf(bench(), step.submissionId)).state).toBe("uncertain");
      expect((await stateOf(bench(), alive!.submissions[0]!.id)).state).toBe("inProgress");
      expect((await turned(second, { release: [alive!.claimId] })).fenced).toEqual([]);
    });

    const openSecondRun = () =>
      bench().ledger.openRun({ kind: "sync", pid: 9, host: "host", lockName: null, now: bench().now });
  });
}
