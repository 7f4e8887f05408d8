/** The plans of reports and exports: a page of an export costs the same at the ledger's end as at its beginning. */
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { sqliteLedger } from "../../src/ledger/sqlite/ledger.ts";
import { MIGRATIONS } from "../../src/ledger/sqlite/migrations.ts";
import { createStore } from "../../src/ledger/sqlite/store.ts";

test("pages are read in the order of an index, from where the last one ended; counts need no wide rows", async () => {
  const seen: string[] = [];
  const db = new Database(":memory:", { verbose: (sql) => seen.push(String(sql)) });
  for (const migration of MIGRATIONS) db.exec(migration.sql);
  const ledger = sqliteLedger(createStore(db, ":memory:"));
  const scope = { source: null, sinceMs: 1, untilMs: 2 };
  await ledger.exportRows({ ...scope, states: null }, null, 500);
  await ledger.accounts(scope, 3);
  const plan = (part: string): string => {
    const sql = seen.find((one) => one.includes(part));
    const rows = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[];
    return rows.map(({ detail }) => detail).join("\n");
  };
  expect(plan("receivedAtMs")).toMatch(/INDEX submissions_submitted \(<expr>>\? AND <expr><\?\)/);
  expect(plan("receivedAtMs")).not.toContain("TEMP B-TREE");
  expect(plan("SELECT state, count(*)")).toContain("COVERING INDEX submissions_submitted (<expr>>? AND <expr><?)");
  expect(plan("FROM rejects")).toContain("INDEX rejects_created");
});
