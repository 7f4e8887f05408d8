import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
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
