import { describe, expect, test } from "vitest";
import type { Step, StepError } from "../../src/domain/chain.ts";
import type { SubmissionId } from "../../src/domain/ids.ts";
import type { IncomingSubmission } from "../../src/ledger/rows.ts";
import { claimed, incoming, keysOf, plan, START_MS, stateOf, take, turned } from "../support/ledger-fixture.ts";
import type { Subject } from "./ledger-suite.ts";

const ERROR = { code: "CRM_REFUSED:ERR_SCHEMA", message: "deal title is too long", hint: "shorten it" };

export function peopleTests(subject: Subject): void {
  const bench = () => subject.bench;
  /** A submission whose deal was refused for good. */
  const fail = async (more: Partial<IncomingSubmission> & { email?: string } = {}, error: StepError = ERROR) => {
    await take(bench(), incoming(more));
    const [claim] = await claimed(bench(), { limit: 1 });
    const { claimId } = claim!;
    const [[person, deal]] = (await plan(bench(), claim!, "person", "deal")) as [[Step, Step]];
    const id = claim!.submissions[0]!.id;
    await turned(bench(), {
      steps: [
        { claimId, stepId: person.id, from: "open", to: "done", crmId: "5" },
        { claimId, stepId: deal.id, from: "open", to: "failed", error, attempts: 4 },
      ],
      submissions: [{ claimId, submissionId: id, to: "failed", error, attempts: 5 }],
      release: [claimId],
    });
    return id;
  };

  describe("what was written to a record", () => {
    test("is told with the time of its submission, the latest first, others' only", async () => {
      const older = await fail({ key: "a", submittedAtMs: START_MS - 2_000 });
      const newer = await fail({ key: "b", submittedAtMs: START_MS - 1_000, email: "b@example.com" });
      const { ledger } = bench();
      const all = await ledger.writesTo("person", "5", 0 as SubmissionId, 10);
      expect(all.map((write) => write.submittedAtMs)).toEqual([START_MS - 1_000, START_MS - 2_000]);
      expect(all[0]!.content.values).toBeDefined();
      expect(await ledger.writesTo("person", "5", newer, 10)).toHaveLength(1);
      expect(await ledger.writesTo("person", "5", older, 0)).toEqual([]);
      expect(await ledger.writesTo("deal", "5", older, 10)).toEqual([]);
      expect(await ledger.writesTo("person", "6", older, 10)).toEqual([]);
    });
  });

  describe("failed ones", () => {
    test("are listed with cause, step, person and time, by any of these", async () => {
      const a = await fail({ key: "a", email: "ada@example.com" });
      bench().pass(1_000);
      const b = await fail({ key: "b", source: "import" }, { ...ERROR, code: "OTHER" });
      const { ledger } = bench();
      expect(await ledger.failed({ cause: ERROR.code })).toEqual([
        {
          id: a,
          source: "website",
          key: "a",
          email: "ada@example.com",
          step: "deal",
          error: ERROR,
          failedAtMs: START_MS,
          sampleId: null,
        },
      ]);
      const ids = async (filter: Parameters<typeof ledger.failed>[0]) =>
        (await ledger.failed(filter)).map((row) => row.id);
      expect(await ids({})).toEqual([a, b]);
      expect(await ids({ source: "import" })).toEqual([b]);
      expect(await ids({ sinceMs: START_MS + 1 })).toEqual([b]);
      expect(await ids({ ids: [a] })).toEqual([a]);
      expect(await ids({ limit: 1 })).toEqual([a]);
    });

    test("are found by the whole of their cause or by its first parts, before the limit is applied", async () => {
      const about = { subject: "deal.Lead Source", value: "Webinar" };
      await fail({ key: "a" });
      await fail({ key: "b" }, { ...ERROR, code: "BAD_VALUE", about: { subject: "deal.owner" } });
      await fail({ key: "c" }, { ...ERROR, code: "BAD_VALUE", about });
      await fail({ key: "d" }, { ...ERROR, code: "BAD_VALUE", about: { ...about, value: "webinar " } });
      const keys = async (cause: string, limit?: number) =>
        (await bench().ledger.failed({ cause, limit })).map((row) => row.key);
      expect(await keys("BAD_VALUE")).toEqual(["b", "c", "d"]);
      expect(await keys("BAD_VALUE:deal.lead-source")).toEqual(["c", "d"]);
      expect(await keys("BAD_VALUE:deal.lead-source:webinar")).toEqual(["c", "d"]);
      expect(await keys("BAD_VALUE:deal.lead-source", 1)).toEqual(["c"]);
      expect(await keys("BAD_VALUE:deal")).toEqual([]);
      expect(await keys(ERROR.code)).toEqual(["a"]);
    });

    test("go back to the queue once, planned anew, with what is written kept", async () => {
      const id = await fail({ key: "a" });
      const { ledger } = bench();
      const content = { person: { email: "mended@example.com" } };
      const mended = { content, identityKeys: ["email:mended@example.com"] };
      expect(await ledger.requeue([id, 999 as SubmissionId], new Map([[id, mended]]), bench().now)).toBe(1);
      expect(await ledger.requeue([id], new Map(), bench().now)).toBe(0);
      const [claim] = await claimed(bench());
      expect(claim?.submissions[0]).toMatchObject({ id, attempts: 0, planned: false, content, error: null });
      expect(claim?.submissions[0]?.steps.map((step) => step.state)).toEqual(["done", "failed"]);
      const [[person, deal]] = (await plan(bench(), claim!, "person", "deal")) as [[Step, Step]];
      expect([person.state, person.crmId, deal.state]).toEqual(["done", "5", "open"]);
    });

    test("lease the person that a mended record names, no longer the earlier one", async () => {
      const id = await fail({ key: "a", email: "typo@example.com", raw: '{"as":"it came"}' });
      const { ledger } = bench();
      const content = { person: { email: "ada@example.com" } };
      const mended = { content, identityKeys: ["email:ada@example.com"], raw: '{"as":"mended"}' };
      await ledger.requeue([id], new Map([[id, mended]]), bench().now);
      expect((await ledger.story(id))?.submission.raw).toBe('{"as":"mended"}');
      expect((await ledger.story(id))?.replaced).toMatchObject([{ by: null, raw: '{"as":"it came"}' }]);
      expect((await ledger.findSubmissions("website", ["a"]))[0]?.raw).toBe('{"as":"mended"}');
      expect(await ledger.findByName("-", ["email:typo@example.com"])).toEqual([]);
      await take(
        bench(),
        incoming({ key: "same", email: "ada@example.com" }),
        incoming({ key: "other", email: "typo@example.com" }),
      );
      const claims = await claimed(bench());
      expect(claims.map((claim) => claim.submissions.map((row) => row.key).sort()).sort()).toEqual([
        ["a", "same"],
        ["other"],
      ]);
    });

    test("keep what was replaced, with who did it and when", async () => {
      const id = await fail({ key: "a", raw: '{"as":"it came"}' });
      const { ledger, now } = bench();
      const mended = { content: {}, identityKeys: [], raw: "{}" };
      await ledger.requeue([id], new Map([[id, mended]]), now, "ada");
      const story = (await ledger.story(id))!;
      expect(story.replaced).toMatchObject([{ atMs: now.wallMs, by: "ada", raw: '{"as":"it came"}' }]);
      expect(JSON.parse(story.replaced[0]!.content!)).toHaveProperty("person");
      expect(story.waits.at(-1)?.detail).toContain("(by ada)");
      // Today's map made the same of it: nothing was replaced.
      const again = await fail({ key: "b" });
      const { content } = (await ledger.story(again))!.submission;
      await ledger.requeue([again], new Map([[again, { content: content!, identityKeys: [] }]]), now, "ada");
      expect((await ledger.story(again))!.replaced).toEqual([]);
    });

    test("can be set aside, for good and with a reason", async () => {
      const id = await fail();
      const { ledger, now } = bench();
      expect(await ledger.drop(id, "a test of ours", now)).toBe(true);
      expect(await ledger.drop(id, "again", now)).toBe(false);
      expect((await stateOf(bench(), id)).state).toBe("dropped");
      expect((await ledger.story(id))?.waits.at(-1)?.detail).toBe("a test of ours");
      expect(await ledger.requeue([id], new Map(), now)).toBe(0);
    });

    test("only failed ones are set aside", async () => {
      await take(bench(), incoming());
      const [row] = await bench().ledger.peek(1, START_MS, { source: null, lane: null });
      expect(await bench().ledger.drop(row!.id, "no", bench().now)).toBe(false);
    });

    test("keep nobody of the same person waiting", async () => {
      await fail({ email: "ada@example.com" });
      await take(bench(), incoming({ key: "next", email: "ada@example.com" }));
      expect(keysOf(await claimed(bench()))).toEqual([["next"]]);
    });
  });

  describe("rejects and conflicts", () => {
    const mapped = { content: { person: { email: "newer@example.com" } }, identityKeys: ["email:newer@example.com"] };
    const conflictWith = async (key: string) => {
      const [verdict] = await take(
        bench(),
        incoming({ key, rawHash: `raw-2-${key}`, contentHash: "2", raw: '{"v":2}' }),
      );
      return (verdict as { rejectId: string }).rejectId;
    };
    const open = async () => (await bench().ledger.rejects(10)).rows.map((row) => row.id);

    test("are closed once, by their number", async () => {
      await take(bench(), incoming({ key: "a" }));
      const id = await conflictWith("a");
      const { ledger, now } = bench();
      expect(await ledger.findReject(id)).toMatchObject({ id, kind: "conflict", key: "a", raw: '{"v":2}' });
      for (const text of ["999", `${id}x`, "x", ""]) {
        expect(await ledger.findReject(text)).toBeNull();
        expect(await ledger.closeReject(text, "no", now)).toBe(false);
      }
      expect(await ledger.closeReject(id, "kept", now)).toBe(true);
      expect(await ledger.closeReject(id, "kept", now)).toBe(false);
      expect(await ledger.findReject(id)).toBeNull();
      expect(await open()).toEqual([]);
    });

    test("a newer version takes the place of one that was not sent, and is then known", async () => {
      await take(bench(), incoming({ key: "a" }));
      const id = await conflictWith("a");
      const { ledger, now } = bench();
      expect(await ledger.acceptConflict(id, mapped, now)).toBe("taken");
      expect(await open()).toEqual([]);
      expect(await ledger.acceptConflict(id, mapped, now)).toBe("gone");
      const [verdict] = await take(bench(), incoming({ key: "a", rawHash: "raw-2-a", contentHash: "2" }));
      expect(verdict).toEqual({ type: "duplicate", otherSource: null });
      const [claim] = await claimed(bench());
      expect(claim?.submissions).toMatchObject([{ key: "a", planned: false, ...mapped }]);
      expect((await ledger.story(claim!.submissions[0]!.id))?.submission.raw).toBe('{"v":2}');
    });

    test("a failed one of which nothing was written goes back to the queue with it", async () => {
      await take(bench(), incoming({ key: "a" }));
      const [claim] = await claimed(bench());
      const { claimId } = claim!;
      const submissionId = claim!.submissions[0]!.id;
      const id = await conflictWith("a");
      const { ledger, now } = bench();
      expect(await ledger.acceptConflict(id, mapped, now)).toBe("busy");
      const failure = { claimId, submissionId, to: "failed" as const, error: ERROR };
      await turned(bench(), { submissions: [failure], release: [claimId] });
      expect(await ledger.acceptConflict(id, mapped, now)).toBe("taken");
      expect((await ledger.story(submissionId))?.submission).toMatchObject({ state: "pending", ...mapped });
    });

    test("what is at the CRM, even half of it, is not replaced", async () => {
      const half = await fail({ key: "half" });
      const id = await conflictWith("half");
      expect(await bench().ledger.acceptConflict(id, mapped, bench().now)).toBe("sent");
      expect((await stateOf(bench(), half)).state).toBe("failed");
      expect(await open()).toEqual([id]);
    });
  });

  describe("what waits and was never planned", () => {
    test("is listed page by page, oldest first, and takes new content until a chain is planned", async () => {
      const { ledger } = bench();
      const at = (key: string, age: number) =>
        incoming({ key, submittedAtMs: START_MS - age, raw: `{"key":"${key}"}` });
      await take(bench(), at("c", 1), at("a", 9), at("b", 1), incoming({ source: "import" }));
      const [a] = await ledger.unplanned("website", null, 1);
      expect(a).toMatchObject({ submittedAtMs: START_MS - 9, raw: '{"key":"a"}', contentHash: "content-a" });
      const [c, b] = await ledger.unplanned("website", a!, 10);
      expect([c!.raw, b!.raw]).toEqual(['{"key":"c"}', '{"key":"b"}']);
      expect(await ledger.unplanned("website", b!, 10)).toEqual([]);
      const replacement = {
        content: { person: { email: "new@example.com" } },
        identityKeys: ["email:new@example.com"],
        contentHash: "new",
      };
      expect(await ledger.replaceUnplanned(new Map([[a!.id, replacement]]), bench().now)).toBe(1);
      expect((await ledger.unplanned("website", null, 1))[0]?.contentHash).toBe("new");
      const claims = await claimed(bench(), { source: "website" });
      const rows = claims.flatMap((claim) => claim.submissions);
      const { content, identityKeys } = replacement;
      expect(rows.find((row) => row.id === a!.id)).toMatchObject({ content, identityKeys });
      expect(await ledger.unplanned("website", null, 10)).toEqual([]);
      expect(await ledger.replaceUnplanned(new Map([[a!.id, replacement]]), bench().now)).toBe(0);
    });
  });

  describe("finding", () => {
    test("by SOURCE/KEY, by the key alone, by a person's keys; newest first", async () => {
      await take(
        bench(),
        incoming({ source: "website", key: "a/b", email: "ada@example.com" }),
        incoming({ source: "website/eu", key: "c", email: "ada@example.com", submittedAtMs: START_MS + 5 }),
        incoming({ source: "import", key: "a/b", submittedAtMs: START_MS - 5 }),
      );
      const names = async (text: string, keys: string[] = []) =>
        (await bench().ledger.findByName(text, keys)).map((row) => `${row.source}/${row.key}`);
      expect(await names("website/a/b")).toEqual(["website/a/b"]);
      expect(await names("website/eu/c")).toEqual(["website/eu/c"]);
      expect(await names("a/b")).toEqual(["website/a/b", "import/a/b"]);
      expect(await names("ada@example.com", ["email:ada@example.com"])).toEqual(["website/eu/c", "website/a/b"]);
      expect(await names("nothing")).toEqual([]);
    });

    test("a story has the raw record and every run that worked on it", async () => {
      const id = await fail({ raw: '{"as":"it came"}' });
      const story = await bench().ledger.story(id);
      expect(story?.submission).toMatchObject({ raw: '{"as":"it came"}', runIds: [bench().run], error: ERROR });
      expect(await bench().ledger.story(999 as SubmissionId)).toBeNull();
    });
  });

  describe("the queue in figures", () => {
    test("counts every state, by source and lane", async () => {
      await fail({ source: "import" });
      await take(bench(), incoming({ source: "old", history: true }));
      await take(bench(), incoming({ lane: "background" }), incoming(), incoming());
      await claimed(bench(), { limit: 1, lane: "operational" });
      const zero = { waiting: 0, uncertain: 0, done: 0, dropped: 0, rejected: 0, conflict: 0 };
      const { ledger } = bench();
      expect(await ledger.queue()).toEqual({ ...zero, pending: 2, inProgress: 1, failed: 1, history: 1 });
      expect(await ledger.queue({ source: "import" })).toMatchObject({ pending: 0, failed: 1 });
      expect(await ledger.queue({ lane: "background" })).toMatchObject({ pending: 1, inProgress: 0 });
    });

    test("tells when the next one falls due, by source and lane", async () => {
      const wait = async (source: string, lane: "operational" | "background", dueAtMs: number) => {
        await take(bench(), incoming({ source, lane }));
        const [claim] = await claimed(bench());
        const submissionId = claim!.submissions[0]!.id;
        const to = "waiting" as const;
        const waiting = { claimId: claim!.claimId, submissionId, to, dueAtMs };
        await turned(bench(), { submissions: [waiting], release: [claim!.claimId] });
      };
      const due = (source: string | null, lane: string | null) => bench().ledger.nextDueAtMs({ source, lane });
      expect(await due(null, null)).toBeNull();
      await wait("a", "operational", START_MS + 50_000);
      await wait("b", "background", START_MS + 9_000);
      expect(await due(null, null)).toBe(START_MS + 9_000);
      expect(await due("a", null)).toBe(START_MS + 50_000);
      expect(await due(null, "operational")).toBe(START_MS + 50_000);
      expect(await due("a", "background")).toBeNull();
    });

    test("tells how old the waiting ones are", async () => {
      const { ledger } = bench();
      expect(await ledger.lag(START_MS)).toEqual({ oldestSeconds: null, p50Seconds: null, p95Seconds: null });
      const ages = Array.from({ length: 100 }, (_, index) => index + 1);
      await take(bench(), ...ages.map((age) => incoming({ submittedAtMs: START_MS - age * 1_000 })));
      expect(await ledger.lag(START_MS)).toEqual({ oldestSeconds: 100, p50Seconds: 50, p95Seconds: 95 });
    });
  });
}
