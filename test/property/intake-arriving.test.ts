/** A large import makes the same ledger as any other, whatever its pieces, and whoever takes in the same records meanwhile. */
import Database from "better-sqlite3";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RunId } from "../../src/domain/ids.ts";
import type { IncomingSubmission } from "../../src/ledger/rows.ts";
import { Admission, discard } from "../../src/ledger/sqlite/admission.ts";
import type { LedgerFailpoint } from "../../src/ledger/sqlite/failpoints.ts";
import { ingest } from "../../src/ledger/sqlite/intake.ts";
import { migrate } from "../../src/ledger/sqlite/migrate.ts";
import { insertShell } from "../../src/ledger/sqlite/shells.ts";
import { createStore, type Store } from "../../src/ledger/sqlite/store.ts";
import { columnsOf, START_MS } from "../support/ledger-fixture.ts";
import { pictureOf, unsound } from "../support/ledger-soundness.ts";

const NOW = { wallMs: START_MS, monoMs: 0, bootId: "boot" };
const [RUN, OTHER] = [1, 2] as [RunId, RunId];
const WEEK_MS = 7 * 86_400_000;
const LONG = "x".repeat(260);
const KEYS = ["a", "b", "c", "d", "e", "f", "a~r2", " g", "nul\0", LONG, '["a"]'];

/** The raw record says which: one that came before came under the same key with the same content. */
function oneOf(
  given: { key: number; content: number; bytes: number; day: number },
  history = false,
): IncomingSubmission {
  const { key, content, bytes, day } = given;
  const address = `p${(key * 2 + content) % 4}@example.com`;
  return {
    ...{ source: "website", key: KEYS[key] as string, lane: "operational", targetMs: 1_000 },
    ...{ rawHash: `raw-${key}-${content}-${bytes}`, contentHash: `content-${key}-${content}`, raw: "{}" },
    content: { person: { email: address }, notes: [String(content)] },
    submittedAtMs: START_MS - day * 86_400_000,
    identityKeys: [`email:${address}`, `phone:+49171000${key % 3}`],
    origin: { file: "a.csv", line: key },
    history,
  };
}

const record = fc
  .record({ key: fc.nat(KEYS.length - 1), content: fc.nat(1), bytes: fc.nat(1), history: fc.nat(6), day: fc.nat(20) })
  .map(({ history, ...given }) => oneOf(given, history === 0));
const records = fc.array(record, { maxLength: 14 });
const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 8, maxLength: 8 });

function openStore(failpoint?: LedgerFailpoint): Store {
  const db = new Database(":memory:");
  db.pragma("foreign_keys = ON");
  const store = createStore(db, ":memory:", failpoint);
  migrate(store, 0);
  const run =
    "INSERT INTO runs (kind, pid, host, lock_name, boot_id, started_at_ms) VALUES ('test', 1, 'h', NULL, 'b', 0)";
  for (const _ of [RUN, OTHER]) store.run(run);
  insertShell(store, OTHER, { source: "website", key: "b", submittedAtMs: START_MS }, START_MS);
  const rejects = [0, 2].map((key) => ({
    ...{ source: "website", rawHash: `raw-${key}-0-0`, raw: "{}", reason: "no e-mail" },
    origin: { file: "a.csv", line: key },
  }));
  ingest(store, { runId: OTHER, submissions: [], rejects, progress: null, closesRejects: [] }, NOW);
  return store;
}

function take(store: Store, submissions: readonly IncomingSubmission[], runId: RunId): void {
  ingest(store, { runId, submissions: [...submissions], rejects: [], progress: null, closesRejects: [] }, NOW);
}

interface Import {
  /** One piece; false where all is in. */
  step(size: number): boolean;
}

function arrive(store: Store, items: readonly IncomingSubmission[], holdsAbove: number | null = null): Import {
  const admission = new Admission(store);
  for (let at = 0; at < items.length; at += 3) admission.arrive([columnsOf(items.slice(at, at + 3), RUN)], NOW);
  const holdBack = { beforeMs: START_MS - WEEK_MS, above: holdsAbove ?? 0, detail: "old" };
  const options = { whole: true, ...(holdsAbove === null ? {} : { holdBack }) };
  return {
    step: (size) => {
      const { more, contested } = admission.admit(RUN, "website", size, options, NOW);
      take(store, contested, RUN);
      return more;
    },
  };
}

describe("a large import", () => {
  test("makes the ledger that the same records make one by one", () => {
    fc.assert(
      fc.property(records, records, sizes, (known, items, steps) => {
        const [plain, large] = [openStore(), openStore()];
        for (const store of [plain, large]) for (const item of known) take(store, [item], OTHER);
        for (const item of items) take(plain, [item], RUN);
        const work = arrive(large, items);
        for (let at = 0; work.step(steps[at % steps.length]!); at += 1);
        expect(unsound(large.db)).toEqual({});
        expect(pictureOf(large.db)).toEqual(pictureOf(plain.db));
      }),
      { numRuns: 150 },
    );
  });

  test("loses and doubles nothing that others take in meanwhile", () => {
    const others = fc.array(fc.tuple(fc.nat(12), record), { maxLength: 8 });
    fc.assert(
      fc.property(records, records, others, sizes, (known, items, meanwhile, steps) => {
        const store = openStore();
        take(store, known, OTHER);
        const work = arrive(store, items);
        for (let at = 0, more = true; more || at <= 12; at += 1) {
          for (const [when, item] of meanwhile) if (when === at) take(store, [item], OTHER);
          if (more) more = work.step(steps[at % steps.length]!);
        }
        expect(unsound(store.db)).toEqual({});
        const all = [...known, ...items, ...meanwhile.map(([, item]) => item)];
        const keys = store.all<{ key: string }>("SELECT key FROM submissions").map(({ key }) => key);
        expect([...keys].sort()).toEqual([...new Set(["b", ...all.map(({ key }) => key)])].sort());
        // Each content is a submission's, or a conflict's.
        const kept = store.all<{ hash: string }>(
          "SELECT content_hash AS hash FROM submissions UNION SELECT content_hash FROM rejects WHERE kind = 'conflict'",
        );
        const hashes = new Set(kept.map(({ hash }) => hash));
        expect(all.filter(({ contentHash }) => !hashes.has(contentHash))).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  test("that died leaves what it let in, and nothing else", () => {
    fc.assert(
      fc.property(records, records, sizes, fc.nat(12), (known, items, steps, death) => {
        const store = openStore();
        take(store, known, OTHER);
        const work = arrive(store, items);
        for (let at = 0; at < death && work.step(steps[at % steps.length]!); at += 1);
        discard(store, RUN);
        expect(unsound(store.db)).toEqual({});
        // Its file has the rest: imported once more, all is there.
        take(store, items, RUN);
        expect(unsound(store.db)).toEqual({});
        const plain = openStore();
        take(plain, known, OTHER);
        for (const item of items) take(plain, [item], RUN);
        const keysIn = (one: Store): unknown => one.all("SELECT source, key FROM submissions ORDER BY 1, 2");
        expect(keysIn(store)).toEqual(keysIn(plain));
      }),
      { numRuns: 150 },
    );
  });

  test("goes on where it was when a transaction had no room, whichever that was", () => {
    const some = [0, 1, 2, 3, 4, 3, 2, 5].map((key, at) => oneOf({ key, content: 0, bytes: at % 2, day: 20 - at }));
    const imported = (nth: number) => {
      let [isAdmitting, count, failed] = [false, 0, 0];
      const store = openStore((name) => {
        if (!isAdmitting || name !== "ledger.write.within") return;
        count += 1;
        if (count !== nth) return;
        failed += 1;
        throw Object.assign(new Error("database or disk is full"), { code: "SQLITE_FULL" });
      });
      const admission = new Admission(store);
      admission.arrive([columnsOf(some, RUN)], NOW);
      const holdBack = { beforeMs: START_MS - WEEK_MS, above: 2, detail: "old" };
      for (let [more, tries] = [true, 0]; more && tries < 500; tries += 1) {
        isAdmitting = true;
        try {
          const admitted = admission.admit(RUN, "website", 1, { whole: true, holdBack }, NOW);
          more = admitted.more;
          isAdmitting = false;
          take(store, admitted.contested, RUN);
        } catch (error) {
          expect(error).toMatchObject({ code: "diskFull" });
        }
      }
      expect(unsound(store.db)).toEqual({});
      return { failed, picture: pictureOf(store.db) };
    };
    const whole = imported(0);
    for (let nth = 1; ; nth += 1) {
      const { failed, picture } = imported(nth);
      if (failed === 0) break;
      expect(picture).toEqual(whole.picture);
    }
  });

  test("is on the disk when its last piece is done: that one waits for it", () => {
    fc.assert(
      fc.property(records, fc.boolean(), (items, isBetween) => {
        const waits: unknown[] = [];
        let ask = (): unknown => null;
        const store = openStore((name) => {
          if (name === "ledger.write.within") waits.push(ask());
        });
        ask = () => store.db.pragma("synchronous", { simple: true });
        const admission = new Admission(store);
        if (items.length > 0) admission.arrive([columnsOf(items, RUN)], NOW);
        // What was let in before nothing more came.
        for (let at = 0; isBetween && at < 20; at += 1) admission.admit(RUN, "website", 1_000, { whole: false }, NOW);
        const before = store.db.prepare("SELECT total_changes()").pluck().get();
        while (admission.admit(RUN, "website", 1_000, { whole: true }, NOW).more);
        const after = store.db.prepare("SELECT total_changes()").pluck().get();
        expect(waits.at(-1)).toBe(2);
        if (items.length > 0) expect(after).toBeGreaterThan(before as number);
        expect(store.one("SELECT 1 FROM arriving_runs")).toBeUndefined();
      }),
      { numRuns: 50 },
    );
  });

  test("keeps back what is old where there is too much of it, and its person's fresh ones flow", () => {
    fc.assert(
      fc.property(records, sizes, fc.integer({ min: 0, max: 5 }), (items, steps, above) => {
        const store = openStore();
        const work = arrive(store, items, above);
        for (let at = 0; work.step(steps[at % steps.length]!); at += 1);
        expect(unsound(store.db)).toEqual({});
        const held = store.all("SELECT id FROM submissions WHERE state = 'waiting' ORDER BY id");
        const told = store.all("SELECT submission_id AS id FROM waits WHERE kind = 'backfill' ORDER BY id");
        expect(told).toEqual(held);
        const old = "state = 'pending' AND submitted_at_ms < ? AND file = 'a.csv' AND content IS NOT NULL";
        const left = store.all(`SELECT id FROM submissions WHERE ${old}`, START_MS - WEEK_MS);
        // Those that are judged by themselves are held back by whoever takes them.
        expect(held.length === 0 || left.length <= items.length - held.length).toBe(true);
        if (held.length > 0) expect(held.length).toBeGreaterThan(above);
      }),
      { numRuns: 80 },
    );
  });
});
