import { describe, expect, test } from "vitest";
import type { FileProgress, IncomingReject, IncomingSubmission, IngestBatch } from "../../src/ledger/rows.ts";
import { claimed, incoming, keysOf, START_MS, take } from "../support/ledger-fixture.ts";
import type { Subject } from "./ledger-suite.ts";

const reject = (rawHash: string, more: Partial<IncomingReject> = {}): IncomingReject => ({
  source: "website",
  rawHash,
  raw: `{"hash":"${rawHash}"}`,
  reason: "no e-mail or phone",
  origin: { file: "spool/a.csv", line: 4 },
  ...more,
});

const progress = (more: Partial<FileProgress> = {}): FileProgress => ({
  source: "website",
  identity: "8:4711",
  path: "spool/a.csv",
  offset: 120,
  line: 4,
  size: 200,
  modifiedAtMs: START_MS + 0.25,
  unchangedSinceMs: START_MS,
  head: "abc",
  context: '{"header":["id"]}',
  archivedAtMs: null,
  ...more,
});

export function intakeTests(subject: Subject): void {
  const ingest = (more: Partial<IngestBatch>) =>
    subject.bench.ledger.ingest(
      { runId: subject.bench.run, submissions: [], rejects: [], progress: null, closesRejects: [], ...more },
      subject.bench.now,
    );
  const queue = () => subject.bench.ledger.queue();

  describe("intake", () => {
    test("takes each record once, however often and in how many batches it comes", async () => {
      const record = incoming({ key: "a" });
      const other = incoming({ key: "b" });
      expect(await take(subject.bench, record, other, record)).toEqual([
        { type: "new" },
        { type: "new" },
        { type: "duplicate", otherSource: null },
      ]);
      expect(await take(subject.bench, record)).toEqual([{ type: "duplicate", otherSource: null }]);
      expect((await queue()).pending).toBe(2);
    });

    test("knows a raw record again whatever today's map makes of it", async () => {
      const record = incoming({ key: "a" });
      await take(subject.bench, record);
      const remapped = { ...record, key: "other", contentHash: "other", identityKeys: ["email:new@example.com"] };
      expect(await take(subject.bench, remapped)).toEqual([{ type: "duplicate", otherSource: null }]);
    });

    test("takes a known key with the same content as a duplicate, and from then on knows that raw record too", async () => {
      const record = incoming({ key: "a" });
      await take(subject.bench, record);
      const reformatted = { ...record, rawHash: "raw-again" };
      expect(await take(subject.bench, reformatted)).toEqual([{ type: "duplicate", otherSource: null }]);
      const remapped = { ...reformatted, contentHash: "mapped otherwise" };
      expect(await take(subject.bench, remapped)).toEqual([{ type: "duplicate", otherSource: null }]);
      expect((await queue()).conflict).toBe(0);
    });

    test("keeps a known key with other content as a conflict, whole and once", async () => {
      await take(subject.bench, incoming({ key: "a" }));
      const changed = incoming({ key: "a", contentHash: "changed", raw: '{"changed":true}' });
      const [verdict] = await take(subject.bench, changed);
      expect(verdict?.type).toBe("conflict");
      expect(await take(subject.bench, changed)).toEqual([{ type: "duplicate", otherSource: null }]);
      const { total, rows } = await subject.bench.ledger.rejects(10);
      expect(total).toBe(1);
      expect(rows[0]).toMatchObject({ kind: "conflict", source: "website", key: "a", raw: '{"changed":true}' });
      expect(verdict).toEqual({ type: "conflict", rejectId: rows[0]?.id });
      expect(await queue()).toMatchObject({ pending: 1, conflict: 1 });
    });

    test("keeps other content as one conflict, however often and in how many forms it comes", async () => {
      await take(subject.bench, incoming({ key: "a" }));
      const changed = incoming({ key: "a", contentHash: "changed" });
      const again = { ...changed, rawHash: "raw-again" };
      await take(subject.bench, changed);
      expect(await take(subject.bench, again)).toEqual([{ type: "duplicate", otherSource: null }]);
      const id = (await subject.bench.ledger.rejects(10)).rows[0]!.id;
      await ingest({ submissions: [again], closesRejects: [{ rejectId: id, byIndex: 0 }] });
      expect((await queue()).conflict).toBe(1);
      await subject.bench.ledger.closeReject(id, "kept as it is", subject.bench.now);
      expect(await take(subject.bench, again)).toEqual([{ type: "duplicate", otherSource: null }]);
    });

    test("tells outright what it knows by raw record and by another source, before content is looked at", async () => {
      const record = incoming({ source: "website", key: "a", email: "ada@example.com" });
      await take(subject.bench, record);
      const other = incoming({ source: "import", key: "a", email: "ada@example.com" });
      const asked = [{ ...record, key: "b" }, { ...record, rawHash: "other" }, other, incoming({ key: "c" })];
      const duplicate = (otherSource: string | null) => ({ type: "duplicate", otherSource });
      const { ledger } = subject.bench;
      expect(await ledger.findKnown(asked)).toEqual([duplicate(null), null, duplicate("website"), null]);
    });

    test("knows what a source has sent before by its raw record, taken or a duplicate, and nobody else's", async () => {
      const [taken, past] = [incoming({ key: "a" }), incoming({ key: "b", history: true })];
      const again = { ...taken, rawHash: "written otherwise" };
      const shop = incoming({ key: "c", source: "shop" });
      await take(subject.bench, taken, past, again, shop);
      await ingest({
        rejects: [reject("refused")],
        submissions: [incoming({ key: "a", contentHash: "x", rawHash: "conflict" })],
      });
      const asked = [taken, past, again, shop].map(({ rawHash }) => rawHash);
      const { ledger } = subject.bench;
      const known = [taken, past, again].map(({ rawHash }) => rawHash);
      expect(await ledger.knownRaw("website", [...asked, "refused", "conflict", "new"])).toEqual(new Set(known));
      expect(await ledger.knownRaw("shop", asked)).toEqual(new Set([shop.rawHash]));
      expect(await ledger.knownRaw("website", [])).toEqual(new Set());
      const many = Array.from({ length: 2_000 }, (_, n) => `other-${n}`);
      expect(await ledger.knownRaw("website", [...many, taken.rawHash])).toEqual(new Set([taken.rawHash]));
    });

    test("goes on as if nothing had been where room is made in between, here and for others", async () => {
      const { bench } = subject;
      await bench.ledger.makeRoom();
      await take(bench, incoming({ key: "a" }));
      await bench.ledger.makeRoom();
      await bench.ledger.makeRoom();
      expect(await take(bench, incoming({ key: "b" }))).toEqual([{ type: "new" }]);
      const other = await subject.again();
      expect(await other.queue()).toMatchObject({ pending: 2 });
      expect(await other.check()).toEqual([]);
      expect(
        keysOf(await claimed(bench))
          .flat()
          .sort(),
      ).toEqual(["a", "b"]);
    });

    test("finds a record that another source has under the same id for the same person", async () => {
      await take(subject.bench, incoming({ source: "website", key: "a", email: "ada@example.com" }));
      const same = incoming({ source: "import", key: "a", email: "ada@example.com" });
      const stranger = incoming({ source: "import", key: "a", email: "bob@example.com" });
      expect(await take(subject.bench, same, stranger)).toEqual([
        { type: "duplicate", otherSource: "website" },
        { type: "new" },
      ]);
    });

    test("a shared match field is no proof of the same person in another source", async () => {
      const keys = { identityKeys: ["field:Customer no.:1"] };
      await take(subject.bench, incoming({ source: "website", key: "a", ...keys }));
      expect(await take(subject.bench, incoming({ source: "import", key: "a", ...keys }))).toEqual([{ type: "new" }]);
    });

    test("keeps history, and never offers it", async () => {
      expect(await take(subject.bench, incoming({ history: true }))).toEqual([{ type: "history" }]);
      expect(await claimed(subject.bench)).toEqual([]);
      expect(await queue()).toMatchObject({ history: 1, pending: 0 });
    });

    test("a record without a time gets the time of ingest", async () => {
      await take(subject.bench, incoming({ submittedAtMs: null }));
      const [claim] = await claimed(subject.bench);
      expect(claim?.submissions[0]?.submittedAtMs).toBe(subject.bench.now.wallMs);
    });

    test("keeps a reject once, and counts it until it is answered", async () => {
      expect(await ingest({ rejects: [reject("r1"), reject("r2"), reject("r1")] })).toEqual({
        verdicts: [],
        rejected: 2,
      });
      expect((await ingest({ rejects: [reject("r1")] })).rejected).toBe(0);
      const { rows } = await subject.bench.ledger.rejects(1);
      expect(rows).toEqual([
        {
          id: rows[0]?.id,
          kind: "reject",
          source: "website",
          key: null,
          origin: { file: "spool/a.csv", line: 4 },
          reason: "no e-mail or phone",
          raw: '{"hash":"r1"}',
          createdAtMs: subject.bench.now.wallMs,
        },
      ]);
      const id = rows[0]!.id;
      await ingest({ submissions: [incoming({ source: "import" })], closesRejects: [{ rejectId: id, byIndex: 0 }] });
      expect((await subject.bench.ledger.rejects(10)).total).toBe(1);
      expect((await queue()).rejected).toBe(1);
    });

    test("a mended record that is a conflict does not close its reject", async () => {
      await ingest({ rejects: [reject("r1")], submissions: [incoming({ key: "a" })] });
      const id = (await subject.bench.ledger.rejects(1)).rows[0]!.id;
      const submissions = [incoming({ key: "a", contentHash: "changed" })];
      await ingest({ submissions, closesRejects: [{ rejectId: id, byIndex: 0 }] });
      expect(await queue()).toMatchObject({ rejected: 1, conflict: 1 });
    });

    test("a record that an earlier map refused is taken, which closes its reject", async () => {
      await ingest({ rejects: [reject("r1")] });
      await take(subject.bench, incoming({ rawHash: "r1" }));
      expect(await queue()).toMatchObject({ rejected: 0, pending: 1 });
    });

    test("a record that was taken is no reject, should today's map refuse it", async () => {
      await take(subject.bench, incoming({ rawHash: "r1" }));
      expect((await ingest({ rejects: [reject("r1")] })).rejected).toBe(0);
    });

    test("remembers where a file stands, together with its records", async () => {
      await ingest({ progress: progress() });
      await ingest({ progress: progress({ offset: 200, line: 6, path: "spool/b.csv" }) });
      await ingest({ progress: progress({ identity: "8:1", archivedAtMs: START_MS }) });
      expect(await subject.bench.ledger.fileProgress("website")).toEqual([
        progress({ identity: "8:1", archivedAtMs: START_MS }),
        progress({ offset: 200, line: 6, path: "spool/b.csv" }),
      ]);
      await subject.bench.ledger.forgetFile("website", "8:1");
      expect(await subject.bench.ledger.fileProgress("website")).toHaveLength(1);
      expect(await subject.bench.ledger.fileProgress("other")).toEqual([]);
    });

    test("a batch that fails leaves nothing of itself, progress least of all", async () => {
      const broken = incoming({ raw: {} as unknown as string });
      await expect(ingest({ submissions: [incoming(), broken], progress: progress() })).rejects.toThrow();
      expect((await queue()).pending).toBe(0);
      expect(await subject.bench.ledger.fileProgress("website")).toEqual([]);
    });

    test("finds what is known under keys of a source, to compare by today's map", async () => {
      const record = incoming({ key: "a" });
      await take(subject.bench, record, incoming({ key: "a", source: "other" }));
      const { source, key, rawHash, contentHash, raw } = record;
      expect(await subject.bench.ledger.findSubmissions("website", ["a", "b"])).toEqual([
        { source, key, rawHash, contentHash, raw },
      ]);
    });

    test("a record sent twice under two ids within the given time is taken once", async () => {
      const sent = (key: string, seconds: number, more: Partial<IncomingSubmission> = {}) =>
        incoming({
          key,
          email: "ada@example.com",
          content: { person: { email: "ada@example.com" }, notes: ["Hi"] },
          submittedAtMs: START_MS + seconds * 1000,
          sameWithinMs: 60_000,
          ...more,
        });
      await take(subject.bench, sent("a", 0));
      const records = [
        sent("b", 60),
        sent("c", -60),
        sent("d", 62),
        sent("e", 1, { content: { notes: ["Hi"], person: { email: "ada@example.com" } } }),
        sent("f", 1, { content: { person: { email: "ada@example.com" }, notes: ["Hello"] } }),
        sent("g", 1, { source: "other" }),
        sent("h", 1, { sameWithinMs: 0 }),
      ];
      const repeat = { type: "duplicate", otherSource: null, repeats: "a" };
      const { ledger, now } = subject.bench;
      expect(await ledger.findRepeated(records, now)).toEqual(["a", "a", null, "a", null, null, null]);
      const fresh = { type: "new" };
      expect(await take(subject.bench, ...records)).toEqual([repeat, repeat, fresh, repeat, fresh, fresh, fresh]);
      // A raw record that was once counted is one for ever, whatever the window says later.
      expect(await take(subject.bench, { ...(records[0] as IncomingSubmission), sameWithinMs: 0 })).toEqual([
        { type: "duplicate", otherSource: null },
      ]);
    });

    test("counts records that match a known person and time under another key", async () => {
      await take(subject.bench, incoming({ key: "a", email: "ada@example.com" }));
      const asked = (key: string, submittedAtMs: number, email: string) => ({
        key,
        submittedAtMs,
        identityKeys: ["phone:+3725550", `email:${email}`],
      });
      const records = [
        asked("new-1", START_MS, "ada@example.com"),
        asked("a", START_MS, "ada@example.com"),
        asked("new-2", START_MS + 1, "ada@example.com"),
        asked("new-3", START_MS, "bob@example.com"),
      ];
      expect(await subject.bench.ledger.countReexported(records)).toBe(1);
    });

    test("gives what a source has of a person, the nearest in time first to be asked", async () => {
      const at = (key: string, minute: number, email = "ada@example.com") =>
        incoming({ key, email, submittedAtMs: START_MS + minute * 60_000 });
      await take(
        subject.bench,
        ...Array.from({ length: 20 }, (_, n) => at(`k${n}`, n)),
        at("bob", 10, "bob@example.com"),
      );
      const asked = (key: string, source = "website") =>
        subject.bench.ledger.findOfPerson(source, [
          { key, submittedAtMs: START_MS + 10 * 60_000, identityKeys: ["email:ada@example.com"] },
        ]);
      const keys = (await asked("k10"))[0]?.map(({ key }) => key).sort();
      expect(keys).toEqual(["k11", "k12", "k13", "k14", "k15", "k5", "k6", "k7", "k8", "k9"]);
      expect(await asked("k10", "elsewhere")).toEqual([[]]);
    });

    test("two processes that read the same file make one set of submissions", async () => {
      const records = Array.from({ length: 40 }, (_, index) => incoming({ key: `k${index}` }));
      const second = { ...subject.bench, ledger: await subject.again() };
      const verdicts = await Promise.all([take(subject.bench, ...records), take(second, ...records)]);
      expect(verdicts.flat().filter((verdict) => verdict.type === "new")).toHaveLength(40);
      expect(keysOf(await claimed(second)).flat()).toHaveLength(40);
    });
  });
}
