/** Records that come again under a known key with other content, where the source says that they amend. */
import { describe, expect, test } from "vitest";
import type { SubmissionId } from "../../src/domain/ids.ts";
import type { IncomingSubmission } from "../../src/ledger/rows.ts";
import {
  begun,
  claimed,
  finished,
  incoming,
  keysOf,
  plan,
  START_MS,
  stateOf,
  take,
  turned,
} from "../support/ledger-fixture.ts";
import type { Subject } from "./ledger-suite.ts";

const MINUTE_MS = 60_000;

/** Version `number` of the record with key `k`: as newer as its number says. */
function version(number: number, more: Partial<IncomingSubmission> & { email?: string } = {}): IncomingSubmission {
  const email = more.email ?? "ada@example.com";
  return incoming({
    key: "k",
    email,
    content: { person: { email }, notes: [`version ${number}`] },
    contentHash: `content-${number}`,
    rawHash: `raw-${number}`,
    raw: `{"version":${number}}`,
    submittedAtMs: START_MS + number * MINUTE_MS,
    revisions: "update",
    ...more,
  });
}

const NEW = { type: "new" };
const REVISION = { type: "new", revision: true };
const DUPLICATE = { type: "duplicate", otherSource: null };
const REPLACED = { ...DUPLICATE, revision: "replaced" };

export function versionsTests(subject: Subject): void {
  const bench = () => subject.bench;
  const idOf = async (key: string): Promise<SubmissionId> =>
    (await bench().ledger.findByName(`website/${key}`, []))[0]!.id;

  /** Claims what can be claimed, has its person step written, and leaves each submission in `to`. */
  async function work(to: "done" | "failed" | "waiting" | "uncertain") {
    const claims = await claimed(bench());
    for (const claim of claims) {
      const { claimId } = claim;
      for (const [step] of await plan(bench(), claim, "person")) {
        if (step!.state === "done") {
          await turned(bench(), { submissions: [{ claimId, submissionId: step!.submissionId, to }] });
          continue;
        }
        const requestId = await begun(bench(), claimId, step!);
        const lost = to === "uncertain";
        await turned(bench(), {
          finished: [finished(bench(), requestId, lost ? { outcome: "uncertain", status: null } : {})],
          steps: [
            lost
              ? { claimId, stepId: step!.id, from: "begun", to: "uncertain", lostAtMs: bench().now.wallMs }
              : { claimId, stepId: step!.id, from: "begun", to: "done", crmId: "5" },
          ],
          submissions: [
            { claimId, submissionId: step!.submissionId, to, ...(lost ? { keepKeys: true, dueAtMs: START_MS } : {}) },
          ],
        });
      }
      await turned(bench(), { release: [claimId] });
    }
    return keysOf(claims);
  }

  describe("a known key with other content, of a source that amends", () => {
    test("becomes a submission of its own once something was sent, and names the first", async () => {
      expect(await take(bench(), version(1))).toEqual([NEW]);
      expect(await work("done")).toEqual([["k"]]);
      expect(await take(bench(), version(2, { lane: "background", email: "new@example.com" }))).toEqual([REVISION]);
      const [claim] = await claimed(bench());
      expect(claim).toMatchObject({ lane: "operational", submissions: [{ key: "k~r2", revises: await idOf("k") }] });
      expect(claim?.submissions[0]?.identityKeys).toEqual(["email:new@example.com", "email:ada@example.com"]);
      expect(await bench().ledger.queue()).toMatchObject({ done: 1, inProgress: 1, conflict: 0 });
    });

    test("is a duplicate in each of its versions, and compared with the latest", async () => {
      await take(bench(), version(1));
      await work("done");
      await take(bench(), version(2));
      const again = [version(1), version(2), version(9, { contentHash: "content-2" })];
      expect(await take(bench(), ...again)).toEqual([DUPLICATE, DUPLICATE, DUPLICATE]);
      const asked = (which?: "latest") => bench().ledger.findSubmissions("website", ["k", "none"], which);
      expect(await asked()).toMatchObject([{ key: "k", rawHash: "raw-1", raw: '{"version":1}' }]);
      expect(await asked("latest")).toMatchObject([{ key: "k", rawHash: "raw-2", raw: '{"version":2}' }]);
    });

    test("takes the place of what was not sent yet, however often, and every version is kept", async () => {
      expect(await take(bench(), version(1), version(2), version(3))).toEqual([NEW, REPLACED, REPLACED]);
      const [claim] = await claimed(bench());
      expect(claim?.submissions).toMatchObject([
        { key: "k", submittedAtMs: START_MS + 3 * MINUTE_MS, content: { notes: ["version 3"] }, revises: null },
      ]);
      const story = await bench().ledger.story(claim!.submissions[0]!.id);
      expect(story?.waits.map(({ kind }) => kind)).toEqual(["replaced", "replaced"]);
      expect(await take(bench(), version(2))).toEqual([DUPLICATE]);
    });

    test("puts a failed one of which nothing was sent back into the queue", async () => {
      await take(bench(), version(1));
      const [claim] = await claimed(bench());
      const { claimId } = claim!;
      const { id: submissionId } = claim!.submissions[0]!;
      const error = { code: "NO_IDENTITY", message: "nothing to know the person by" };
      await turned(bench(), { submissions: [{ claimId, submissionId, to: "failed", error }], release: [claimId] });
      expect(await take(bench(), version(2))).toEqual([REPLACED]);
      expect(await bench().ledger.queue()).toMatchObject({ pending: 1, failed: 0 });
      expect(keysOf(await claimed(bench()))).toEqual([["k"]]);
    });

    test("waits while an earlier version is worked on, waits or is in doubt, whatever the person's keys say", async () => {
      await take(bench(), version(1));
      const [first] = await claimed(bench());
      expect(await take(bench(), version(2, { email: "other@example.com" }))).toEqual([REVISION]);
      expect(await claimed(bench())).toEqual([]);
      await turned(bench(), { release: [first!.claimId] });
      expect(await work("uncertain")).toEqual([["k"]]);
      bench().pass(MINUTE_MS);
      const [again] = await claimed(bench());
      expect(again?.submissions.map(({ key }) => key)).toEqual(["k"]);
      const { claimId } = again!;
      const [step] = again!.submissions[0]!.steps;
      await turned(bench(), {
        steps: [{ claimId, stepId: step!.id, from: "uncertain", to: "done", crmId: "5" }],
        submissions: [{ claimId, submissionId: step!.submissionId, to: "done" }],
        release: [claimId],
      });
      expect(keysOf(await claimed(bench()))).toEqual([["k~r2"]]);
    });

    test("with an older time than the latest version is kept, and undoes nothing", async () => {
      await take(bench(), version(3));
      expect(await take(bench(), version(2))).toEqual([{ ...DUPLICATE, revision: "late" }]);
      const [claim] = await claimed(bench());
      expect(claim?.submissions).toMatchObject([{ key: "k", content: { notes: ["version 3"] } }]);
      expect(await take(bench(), version(2))).toEqual([DUPLICATE]);
    });

    test("is history where the first is", async () => {
      await take(bench(), version(1, { history: true }));
      expect(await take(bench(), version(2))).toEqual([{ type: "history", revision: true }]);
      expect(await claimed(bench())).toEqual([]);
    });

    test("has a key that no record of the source has; a record under a revision's own key is a conflict", async () => {
      await take(bench(), incoming({ key: "k~r2" }), version(1));
      await work("done");
      await take(bench(), version(2));
      expect((await bench().ledger.versions(await idOf("k"))).map(({ key }) => key)).toEqual(["k", "k~r3"]);
      const [verdict] = await take(bench(), version(4, { key: "k~r3" }));
      expect(verdict).toMatchObject({ type: "conflict" });
    });

    test("is no second export of what it revises", async () => {
      const first = version(1);
      await take(bench(), first);
      await work("done");
      await take(bench(), version(2, { submittedAtMs: first.submittedAtMs }));
      const { key, submittedAtMs, identityKeys } = first;
      const asked = [{ key, submittedAtMs: submittedAtMs!, identityKeys }];
      expect(await bench().ledger.countReexported(asked)).toBe(0);
    });

    test("ends its own open conflict; what a person decided on stays decided", async () => {
      await take(bench(), version(1));
      await work("done");
      const { revisions: _, ...reported } = version(2);
      await take(bench(), reported, { ...reported, rawHash: "raw-kept", contentHash: "kept" });
      const { rows } = await bench().ledger.rejects(10);
      await bench().ledger.closeReject(rows[1]!.id, "kept as it is", bench().now);
      expect(await take(bench(), version(2))).toEqual([REVISION]);
      expect((await bench().ledger.rejects(10)).total).toBe(0);
      expect(await take(bench(), version(3, { rawHash: "raw-kept" }))).toEqual([DUPLICATE]);
    });
  });

  describe("the versions of a record", () => {
    test("are told with what they have at the CRM, from either of them", async () => {
      await take(bench(), version(1));
      await work("done");
      await take(bench(), version(2));
      const told = [
        { key: "k", state: "done", steps: [{ name: "person", crmId: "5" }] },
        { key: "k~r2", state: "pending", steps: [] },
      ];
      expect(await bench().ledger.versions(await idOf("k"))).toMatchObject(told);
      expect(await bench().ledger.versions(await idOf("k~r2"))).toMatchObject(told);
    });

    test("keep the keys of the first, also where a revision is put back with other content", async () => {
      await take(bench(), version(1));
      await work("done");
      await take(bench(), version(2, { email: "new@example.com" }));
      await work("failed");
      const replacement = { content: {}, identityKeys: ["email:other@example.com"] };
      const replacements = new Map([[await idOf("k~r2"), replacement]]);
      expect(await bench().ledger.requeue([await idOf("k~r2")], replacements, bench().now)).toBe(1);
      const [claim] = await claimed(bench());
      expect(claim?.submissions[0]?.identityKeys).toEqual(["email:other@example.com", "email:ada@example.com"]);
    });

    test("a failed one can be put back until a newer one is planned, and is set aside by that plan", async () => {
      await take(bench(), version(1));
      await work("failed");
      await take(bench(), version(2));
      const first = await idOf("k");
      expect(await bench().ledger.requeue([first], new Map(), bench().now)).toBe(1);
      expect(await work("failed")).toEqual([["k"]]);
      expect(await work("done")).toEqual([["k~r2"]]);
      expect(await stateOf(bench(), first)).toMatchObject({ state: "dropped" });
      expect((await bench().ledger.story(first))?.waits.at(-1)?.detail).toContain("k~r2");
      expect(await bench().ledger.requeue([first], new Map(), bench().now)).toBe(0);
    });

    test("one that was put back while the newer one was planned is set aside too: it would write all of it again", async () => {
      await take(bench(), version(1));
      await work("failed");
      await take(bench(), version(2));
      const [claim] = await claimed(bench());
      expect(await bench().ledger.requeue([await idOf("k")], new Map(), bench().now)).toBe(1);
      await plan(bench(), claim!, "person");
      expect(await stateOf(bench(), await idOf("k"))).toMatchObject({ state: "dropped" });
    });

    test("an old conflict is no longer taken in the place of what a revision amends", async () => {
      await take(bench(), version(1));
      await work("failed");
      const { revisions: _, ...reported } = version(2);
      await take(bench(), reported, version(3));
      const { rows } = await bench().ledger.rejects(10);
      const mapped = { content: {}, identityKeys: [] };
      expect(await bench().ledger.acceptConflict(rows[0]!.id, mapped, bench().now)).toBe("sent");
    });
  });
}
