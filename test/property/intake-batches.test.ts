/** In which batches records come makes no difference, though the ledger looks for what it knows once for a whole batch. */
import Database from "better-sqlite3";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { RunId } from "../../src/domain/ids.ts";
import { stampOf } from "../../src/domain/stamp.ts";
import type { IncomingSubmission, IngestVerdict } from "../../src/ledger/rows.ts";
import { ingest } from "../../src/ledger/sqlite/intake.ts";
import { migrate } from "../../src/ledger/sqlite/migrate.ts";
import { insertShell } from "../../src/ledger/sqlite/shells.ts";
import { createStore, type Store } from "../../src/ledger/sqlite/store.ts";
import { START_MS } from "../support/ledger-fixture.ts";

const NOW = { wallMs: START_MS, monoMs: 0, bootId: "boot" };
const RUN = 1 as RunId;
const TABLES = [
  ...["submissions", "submission_keys", "raw_hashes", "rejects", "revisions", "hashed_stamps"],
  ...["queue_counts", "reject_counts"],
];
const LONG = "x".repeat(260);
const SOURCES = ["website", "import"];
const KEYS = ["a", "b", "a~r2", "a~r3", "c", " c", "nul\0", "half\ud800", LONG, '["a"]'];

const record = fc
  .record({
    source: fc.nat(5),
    key: fc.nat(KEYS.length - 1),
    raw: fc.nat(12),
    content: fc.nat(2),
    person: fc.nat(3),
    minute: fc.nat(3),
    mode: fc.constantFrom("report", "update", "same"),
    history: fc.nat(6),
  })
  .map(({ source, key, raw, content, person, minute, mode, history }): IncomingSubmission => {
    const address = `p${person}@example.com`;
    return {
      source: SOURCES[source === 0 ? 1 : 0] as string,
      key: KEYS[key] as string,
      rawHash: `raw-${raw}`,
      contentHash: `content-${content}`,
      raw: "{}",
      content: { person: { email: address }, notes: [String(content)] },
      lane: "operational",
      submittedAtMs: START_MS + minute * 60_000,
      targetMs: 1_000,
      identityKeys: [`email:${address}`, `phone:+49171000${person}`],
      origin: { file: "a.csv", line: raw },
      history: history === 0,
      ...(mode === "update" ? { revisions: "update" as const } : {}),
      ...(mode === "same" ? { sameWithinMs: 90_000 } : {}),
    };
  });

function openStore(): Store {
  const db = new Database(":memory:");
  db.pragma("foreign_keys = ON");
  const store = createStore(db, ":memory:");
  migrate(store, 0);
  store.run(
    "INSERT INTO runs (kind, pid, host, lock_name, boot_id, started_at_ms) VALUES ('test', 1, 'h', NULL, 'b', 0)",
  );
  // Found at the CRM: under a key of its own, and under the hash that stands for a long one.
  for (const key of ["b", stampOf("website", LONG).slice("website/".length)])
    insertShell(store, RUN, { source: "website", key, submittedAtMs: START_MS }, START_MS);
  const rejects = [1, 2].map((raw) => ({
    ...{ source: "website", rawHash: `raw-${raw}`, raw: "{}", reason: "no e-mail" },
    origin: { file: "a.csv", line: raw },
  }));
  ingest(store, { runId: RUN, submissions: [], rejects, progress: null, closesRejects: [] }, NOW);
  return store;
}

function takenIn(records: readonly IncomingSubmission[], batchRecordsMax: number): unknown {
  const store = openStore();
  const verdicts: IngestVerdict[] = [];
  for (let at = 0; at < records.length; at += batchRecordsMax) {
    const submissions = records.slice(at, at + batchRecordsMax);
    const batch = { runId: RUN, submissions, rejects: [], progress: null, closesRejects: [] };
    verdicts.push(...ingest(store, batch, NOW).verdicts);
  }
  const rows = TABLES.map((table) => [table, store.all(`SELECT * FROM ${table} ORDER BY 1, 2`)]);
  store.db.close();
  return { verdicts, rows };
}

test("the same ledger comes of the same records, in whatever batches", () => {
  fc.assert(
    fc.property(fc.array(record, { minLength: 2, maxLength: 14 }), fc.integer({ min: 2, max: 14 }), (records, size) => {
      expect(takenIn(records, size)).toEqual(takenIn(records, 1));
    }),
    { numRuns: 80 },
  );
});
