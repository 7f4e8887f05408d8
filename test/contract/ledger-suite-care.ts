import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { deliver } from "../support/check-fixture.ts";
import { incoming, take } from "../support/ledger-fixture.ts";
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
