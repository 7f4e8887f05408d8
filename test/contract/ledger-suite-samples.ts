import { describe, expect, test } from "vitest";
import type { StepError } from "../../src/domain/chain.ts";
import type { SubmissionId } from "../../src/domain/ids.ts";
import { claimed, incoming, keysOf, stateOf, take, turned } from "../support/ledger-fixture.ts";
import type { Subject } from "./ledger-suite.ts";

const CAUSE = "BAD_VALUE:deal.source:webinar";
const WEBINAR: StepError = {
  code: "BAD_VALUE",
  message: "no such option",
  about: { subject: "deal.Source", value: "Webinar" },
};
const OTHER: StepError = { code: "CRM_REFUSED", message: "something else" };

export function sampleTests(subject: Subject): void {
  const bench = () => subject.bench;
  const ledger = () => bench().ledger;

  /** Claims what is due and ends it so. */
  async function end(to: "done" | "failed", error: StepError | null = null): Promise<void> {
    for (;;) {
      const claims = await claimed(bench());
      if (claims.length === 0) return;
      for (const { claimId, submissions } of claims) {
        const changes = submissions.map(({ id }) => ({ claimId, submissionId: id, to, error }));
        await turned(bench(), { submissions: changes, release: [claimId] });
      }
    }
  }

  async function failures(count: number, prefix = "k"): Promise<SubmissionId[]> {
    const keys = Array.from({ length: count }, (_, index) => `${prefix}${index}`);
    await take(bench(), ...keys.map((key) => incoming({ key, email: `${key}@example.com` })));
    await end("failed", WEBINAR);
    const rows = await ledger().failed({});
    return rows.filter(({ key }) => keys.includes(key)).map(({ id }) => id);
  }

  const send = (ids: readonly SubmissionId[], cause = CAUSE) =>
    ledger().sendSample({ cause, ids, content: null, by: "ada" }, bench().now);
  const settle = async () => {
    const rows = await ledger().sampled(1000);
    return await ledger().settleSamples(bench().now, new Map(rows.map(({ id }) => [id, null])));
  };
  const waiting = async () => (await ledger().failed({})).filter(({ sampleId }) => sampleId != null).length;
  const words = async (id: SubmissionId) => (await ledger().story(id))!.waits.map(({ detail }) => detail);

  describe("a sample of a cause", () => {
    test("goes alone; the rest stays failed until it went through, and follows then", async () => {
      const ids = await failures(4);
      const [first] = ids;
      expect(await send(ids)).toEqual({ sampleId: first, sent: first, waiting: 3 });
      expect(await ledger().queue()).toMatchObject({ pending: 1, failed: 3 });
      expect(await ledger().samples()).toMatchObject([
        { cause: CAUSE, sampleId: first, key: "k0", state: "pending", by: "ada", waiting: 3 },
      ]);
      expect(await settle()).toEqual([]);
      expect(await waiting()).toBe(3);
      await end("done");
      expect((await ledger().sampled(2)).map(({ key }) => key)).toEqual(["k1", "k2"]);
      expect(await settle()).toEqual([
        { cause: CAUSE, source: "website", key: "k0", end: "done", code: null, rest: 3 },
      ]);
      expect(await ledger().queue()).toMatchObject({ pending: 3, failed: 0, done: 1 });
      expect(await ledger().samples()).toEqual([]);
      expect(await settle()).toEqual([]);
      expect(await words(ids[1]!)).toEqual([
        "waits for the sample website/k0 of its cause",
        "put back in the queue (by ada)",
      ]);
    });

    test.each([
      [WEBINAR, "failed", "BAD_VALUE", "failed again"],
      [OTHER, "otherCause", "CRM_REFUSED", "failed for another cause"],
    ] as const)("that fails lets the others go, unspent, and says which way: %j", async (error, how, code, word) => {
      const ids = await failures(3);
      await send(ids);
      await end("failed", error);
      expect(await settle()).toMatchObject([{ end: how, code, rest: 2 }]);
      expect(await ledger().queue()).toMatchObject({ pending: 0, failed: 3 });
      expect(await waiting()).toBe(0);
      expect((await words(ids[2]!)).at(-1)).toBe(`stays failed: the sample website/k0 ${word}`);
      expect(await settle()).toEqual([]);
    });

    test("of the first parts of a cause fails again with any of them", async () => {
      await send(await failures(2), "BAD_VALUE");
      await end("failed", { ...WEBINAR, about: { subject: "deal.Stage" } });
      expect(await settle()).toMatchObject([{ end: "failed", rest: 1 }]);
    });

    test("that a person sets aside, or whose person is forgotten, lets the others go", async () => {
      const ids = await failures(2);
      await send(ids);
      await end("failed", WEBINAR);
      await ledger().drop(ids[0]!, "spam", bench().now);
      expect(await settle()).toMatchObject([{ end: "setAside", rest: 1 }]);
      const more = await failures(2, "m");
      await send(more);
      const person = await ledger().findPerson({ keys: [], submissions: [more[0]!] });
      expect(await ledger().forget(person, [], bench().now)).toMatchObject({ type: "forgotten" });
      expect(await settle()).toMatchObject([{ end: "setAside", rest: 1 }]);
      expect(await waiting()).toBe(0);
    });

    test("is nobody's where there is nobody to wait for it", async () => {
      const [only] = await failures(1);
      expect(await send([only!])).toEqual({ sampleId: null, sent: only, waiting: 0 });
      expect(await ledger().samples()).toEqual([]);
      expect(await send([only!])).toEqual({ sampleId: null, sent: null, waiting: 0 });
    });
  });

  describe("what waits for a sample", () => {
    test("waits no more once a person puts it back, mends it or sets it aside", async () => {
      const ids = await failures(4);
      await send(ids);
      await ledger().requeue([ids[1]!], new Map(), bench().now);
      await ledger().drop(ids[2]!, "spam", bench().now);
      expect((await ledger().samples())[0]).toMatchObject({ waiting: 1 });
      await end("done");
      expect(await settle()).toMatchObject([{ end: "done", rest: 1 }]);
      expect((await stateOf(bench(), ids[2]!)).state).toBe("dropped");
    });

    test("joins the sample of its cause, and no other's", async () => {
      const ids = await failures(2);
      await send(ids);
      await take(bench(), incoming({ key: "x" }), incoming({ key: "y" }));
      const claims = await claimed(bench());
      for (const { claimId, submissions } of claims) {
        const [{ id, key }] = submissions as [(typeof submissions)[number]];
        const change = key === "k0" ? { to: "pending" as const } : { to: "failed" as const, error: WEBINAR };
        await turned(bench(), { submissions: [{ claimId, submissionId: id, ...change }], release: [claimId] });
      }
      const free = (await ledger().failed({})).filter(({ sampleId }) => sampleId == null).map(({ id }) => id);
      expect(await send([...ids, ...free])).toEqual({ sampleId: ids[0], sent: null, waiting: 2 });
      expect((await ledger().samples())[0]).toMatchObject({ waiting: 3 });
    });

    test("goes back with the content that it is given, and only what was made ready", async () => {
      const ids = await failures(3);
      await send(ids);
      await end("done");
      const content = { content: { person: { email: "k1@example.com", name: "Ada" } }, identityKeys: [] };
      expect(await ledger().settleSamples(bench().now, new Map([[ids[1]!, content]]))).toEqual([]);
      expect(await ledger().queue()).toMatchObject({ pending: 1, failed: 1 });
      expect((await ledger().story(ids[1]!))!.submission.content).toEqual(content.content);
      expect(await settle()).toMatchObject([{ end: "done", rest: 2 }]);
    });

    test("is moved once, by however many processes at the same moment", async () => {
      const ids = await failures(450);
      await send(ids);
      await end("done");
      const other = await subject.again();
      const ready = new Map((await ledger().sampled(1000)).map(({ id }) => [id, null]));
      const told = await Promise.all([
        ledger().settleSamples(bench().now, ready),
        other.settleSamples(bench().now, ready),
      ]);
      expect(told.flat()).toMatchObject([{ end: "done", rest: 449 }]);
      expect(await ledger().queue()).toMatchObject({ pending: 449, failed: 0 });
      await other.close();
    });
  });

  describe("a claim of named submissions", () => {
    test("takes them alone, with what must go before them and nothing behind", async () => {
      const of = (key: string, minute: number, email = "ada@example.com") =>
        incoming({ key, email, submittedAtMs: bench().now.wallMs - 600_000 + minute * 60_000 });
      await take(bench(), of("a", 1), of("b", 2), of("c", 3), of("d", 4, "bob@example.com"));
      const [b] = await ledger().findByName("website/b", []);
      const claims = await claimed(bench(), { ids: [b!.id] });
      expect(keysOf(claims)).toEqual([["a", "b"]]);
      expect(await claimed(bench(), { ids: [b!.id] })).toEqual([]);
      expect(await ledger().nextDueAtMs({ source: null, lane: null, ids: [b!.id] })).toBeNull();
      const { claimId } = claims[0]!;
      const submissions = claims[0]!.submissions.map(({ id }) => {
        return { claimId, submissionId: id, to: "waiting" as const, dueAtMs: bench().now.wallMs + 5_000 };
      });
      await turned(bench(), { submissions, release: [claimId] });
      const dueAtMs = await ledger().nextDueAtMs({ source: null, lane: null, ids: [b!.id] });
      expect(dueAtMs).toBe(bench().now.wallMs + 5_000);
    });
  });
}
