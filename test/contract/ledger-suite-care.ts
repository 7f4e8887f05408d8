import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { deliver } from "../support/check-fixture.ts";
import { claimed, incoming, take, turned } from "../support/ledger-fixture.ts";
import type { Subject } from "./ledger-suite.ts";

export function careTests(subject: Subject): void {
  describe("care", () => {
    let folder: string;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), "crmledger-copy-"));
    });
    afterEach(() => rmSync(folder, { recursive: true, force: true }));

    const copy = (name: string, signal = new AbortController().signal, observe = () => {}) =>
      subject.bench.ledger.copyTo(join(folder, name), {
        as: "backup",
        nowMs: subject.bench.now.wallMs,
        signal,
        observe,
      });

    test("a copy holds the state of one instant, whatever is written while it is made", async () => {
      const { bench } = subject;
      for (let batch = 0; batch < 4; batch += 1)
        await take(bench, ...Array.from({ length: 500 }, () => incoming({ raw: "x".repeat(6_000) })));
      const other = { ...bench, ledger: await subject.again() };
      const writes: Promise<unknown>[] = [];
      const made = await copy("a.db", undefined, () => writes.push(take(other, incoming())));
      await Promise.all(writes);
      expect(writes.length).toBeGreaterThan(1);
      expect(made.submissions).toBe(2_000);
      expect((await bench.ledger.queue()).pending).toBe(2_000 + writes.length);
      expect(readdirSync(folder)).toEqual(["a.db"]);
    });

    test("thins what ended long enough ago, bounded, and keeps what tells duplicates", async () => {
      const { bench } = subject;
      const records = [1, 2, 3].map((n) => incoming({ key: `thin-${n}`, email: `thin-${n}@example.com` }));
      const done = [];
      for (const record of records) done.push(await deliver(bench, { person: "77" }, record));
      const open = incoming({ email: "open@example.com" });
      await take(bench, open);
      const thin = (ms: number, limit = 2) => {
        const before = bench.now.wallMs + ms;
        return bench.ledger.thin({ payloadsMs: before, rejectsMs: before }, limit);
      };
      expect(await thin(0)).toEqual({ payloads: 0, rejects: 0 });
      expect(await thin(1)).toEqual({ payloads: 2, rejects: 0 });
      expect(await thin(1)).toEqual({ payloads: 1, rejects: 0 });
      expect(await thin(1)).toEqual({ payloads: 0, rejects: 0 });
      const story = await bench.ledger.story(done[0]!.id);
      expect(story).toMatchObject({ submission: { state: "done", content: null, raw: null, key: "thin-1" } });
      expect(story!.steps).toMatchObject([{ state: "done", crmId: "77", content: { values: {} } }]);
      expect((await take(bench, ...records)).map(({ type }) => type)).toEqual(Array(3).fill("duplicate"));
      expect((await bench.ledger.queue()).done).toBe(3);
      const [waiting] = await bench.ledger.peek(10, bench.now.wallMs, { source: null, lane: null });
      expect(waiting!.content).toEqual(open.content);
    });

    test("keeps what a newer version under way is compared with, and failed ones", async () => {
      const { bench } = subject;
      const record = { key: "versioned", email: "v@example.com", revisions: "update" as const };
      await deliver(bench, { person: "77" }, record);
      await deliver(
        bench,
        { person: { id: null } },
        {},
        { to: "failed", error: { code: "X", message: "no", hint: "" } as never },
      );
      bench.pass(10);
      const next = incoming({
        ...record,
        rawHash: "raw-next",
        contentHash: "content-next",
        submittedAtMs: bench.now.wallMs,
      });
      expect(await take(bench, next)).toMatchObject([{ type: "new", revision: true }]);
      const before = { payloadsMs: bench.now.wallMs + 1, rejectsMs: 0 };
      expect(await bench.ledger.thin(before, 10)).toEqual({ payloads: 0, rejects: 0 });
    });

    test("erases closed rejects' records and keeps open ones; both are known again", async () => {
      const { bench } = subject;
      const reject = (n: number) => ({
        ...{ source: "website", rawHash: `reject-${n}`, raw: `{"n":${n}}`, reason: "no usable e-mail or phone" },
        origin: { file: "a.json", line: n },
      });
      const batch = {
        runId: bench.run,
        submissions: [],
        rejects: [reject(1), reject(2)],
        progress: null,
        closesRejects: [],
      };
      await bench.ledger.ingest(batch, bench.now);
      const [first] = (await bench.ledger.rejects(10)).rows;
      await bench.ledger.closeReject(first!.id, "dropped: spam", bench.now);
      const before = { payloadsMs: 0, rejectsMs: bench.now.wallMs + 1 };
      expect(await bench.ledger.thin(before, 10)).toEqual({ payloads: 0, rejects: 1 });
      expect(await bench.ledger.thin(before, 10)).toEqual({ payloads: 0, rejects: 0 });
      await bench.ledger.ingest(batch, bench.now);
      expect(await bench.ledger.rejects(10)).toMatchObject({ total: 1, rows: [{ raw: expect.stringContaining("n") }] });
    });

    test("a person is who has the e-mail, and of a shared phone only who has nothing else", async () => {
      const { bench } = subject;
      const keys = (...names: string[]) => ({ identityKeys: names });
      const phone = "phone:+441234567890";
      await take(
        bench,
        incoming({ key: "both", ...keys("email:ada@example.com", phone) }),
        incoming({ key: "mail", ...keys("email:ada@example.com") }),
        incoming({ key: "phone", ...keys(phone) }),
        incoming({ key: "other", ...keys("email:bob@example.com", phone) }),
      );
      const found = async (...asked: string[]) => {
        const { submissions } = await bench.ledger.findPerson({ keys: asked, submissions: [] });
        return submissions.map(({ key }) => key);
      };
      expect(await found("email:ada@example.com")).toEqual(["both", "mail", "phone"]);
      expect(await found("email:bob@example.com")).toEqual(["phone", "other"]);
      expect(await found(phone)).toEqual(["both", "mail", "phone", "other"]);
      expect(await found("email:nobody@example.com")).toEqual([]);
    });

    test("forgets a person whole, and nobody who is in hand", async () => {
      const { bench } = subject;
      const { ledger } = bench;
      const done = await deliver(bench, { person: "77" }, { key: "k-1", email: "ada@example.com" });
      const record = incoming({ key: "k-2", email: "ada@example.com" });
      await take(bench, record);
      const person = await ledger.findPerson({ keys: ["email:ada@example.com"], submissions: [] });
      expect(person).toMatchObject({ records: [{ entity: "person", crmId: "77" }], inHand: [] });
      const [claim] = await claimed(bench);
      expect((await ledger.findPerson({ keys: [], submissions: [done.id] })).inHand).toEqual(["website/k-2"]);
      expect(await ledger.forget(person, person.keys, bench.now)).toEqual({ type: "busy" });
      await turned(bench, { release: [claim!.claimId] });
      await ledger.recover([bench.run], bench.now, 0);
      expect(await ledger.forget(person, person.keys, bench.now)).toMatchObject({ type: "forgotten" });
      const { submission, steps } = (await ledger.story(done.id))!;
      expect(submission).toMatchObject({ state: "done", content: null, raw: null });
      expect(steps).toMatchObject([{ state: "done", crmId: "77" }]);
      expect(JSON.stringify([submission, steps])).not.toMatch(/ada@|k-1/);
      expect(await ledger.queue()).toMatchObject({ pending: 0, waiting: 0, done: 1 });
      expect(await ledger.stampedSubmissions(["website/k-1"])).toEqual(new Map([["website/k-1", done.id]]));
      const again = incoming({ key: "k-9", email: "ada@example.com" });
      expect(await take(bench, record, again)).toEqual(
        Array(2).fill({ type: "duplicate", otherSource: null, forgotten: true }),
      );
    });

    test("a copy never takes the place of a file, nor stands beside the log of another one", async () => {
      for (const there of ["a.db", "b.db-wal"]) {
        writeFileSync(join(folder, there), "mine");
        await expect(copy(there.slice(0, 4))).rejects.toMatchObject({ code: "usage" });
      }
      expect(readdirSync(folder)).toEqual(["a.db", "b.db-wal"]);
    });

    test("a copy that is stopped leaves nothing behind", async () => {
      const stop = new AbortController();
      await expect(copy("a.db", stop.signal, () => stop.abort())).rejects.toThrow("abort");
      expect(readdirSync(folder)).toEqual([]);
    });

    test("a ledger that is retired opens no run, also for who had it open before", async () => {
      const { ledger, now } = subject.bench;
      const other = await subject.again();
      const start = { kind: "sync", pid: 8, host: "host", lockName: "sync", now };
      await ledger.retire({ place: "/new/a.db", done: true });
      await expect(other.openRun(start)).rejects.toMatchObject({
        code: "ledgerMoved",
        details: { place: "/new/a.db" },
      });
      await expect(subject.again()).rejects.toMatchObject({ code: "ledgerMoved" });
      await ledger.retire(null);
      expect(await ledger.move()).toBeNull();
      await other.openRun(start);
    });

    test("tells the copy that a broken-off move made from any other file of its name", async () => {
      const { ledger, now } = subject.bench;
      const moved = join(folder, "moved.db");
      const options = { nowMs: now.wallMs, signal: new AbortController().signal, observe: () => {} };
      await copy("backup.db");
      await ledger.retire({ place: moved, done: false });
      await ledger.copyTo(moved, { as: "move", ...options });
      expect(existsSync(`${moved}.runs`)).toBe(true);
      expect(await ledger.movedCopy(moved)).toMatchObject({ submissions: 0 });
      expect(await ledger.movedCopy(join(folder, "backup.db"))).toBeNull();
    });
  });
}
