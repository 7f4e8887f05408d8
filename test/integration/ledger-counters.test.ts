import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { type Bench, benchOn } from "../support/ledger-fixture.ts";

const REQUESTS = 50_000;
const FILL = `
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ${REQUESTS})
  INSERT INTO requests (run_id, account_id, credential, lane, op_group, method, route, is_write, tokens, timeout_ms, begun_at_ms,
    begun_mono_ms, boot_id, spent, ended_at_ms, ended_mono_ms, status, outcome)
  SELECT @run, @account, 'cred', 'background', 'notes', 'POST', '/api/v1/notes', 1, 10, 30000, 1, 1, 'boot-a', '[]', 2, 2, 201, 'applied'
  FROM n`;

let folder: string;
let ledger: Ledger;
let bench: Bench;
let written: () => void = () => {};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "crmledger-counters-"));
  const failpoint = (name: string): void => {
    if (name === "ledger.write.after") written();
  };
  ledger = await openSqliteLedger({ path: join(folder, "crmledger.db"), create: true, nowMs: 0, failpoint });
  bench = await benchOn(ledger);
});

afterEach(async () => {
  await ledger.close();
  rmSync(folder, { recursive: true });
});

it("counts what a long run asked for, and lets others write in between", async () => {
  const other = new Database(join(folder, "crmledger.db"), { timeout: 0 });
  other.prepare(FILL).run({ run: Number(bench.run), account: Number(bench.account) });
  let turns = 0;
  written = () => {
    other.exec("BEGIN IMMEDIATE; COMMIT");
    turns += 1;
  };
  const { credential, now } = bench;
  const run = { kind: "sync", exitCode: 0, durationMs: 1_200, lookups: { mirror: 0, search: 0 } };
  await ledger.recordHistory({ ...run, credential, now });
  written = () => {};
  other.close();
  expect(turns).toBeGreaterThanOrEqual(3);
  const counted = async () => (await ledger.counters()).find(({ name }) => name === "requests");
  const labels = { outcome: "applied", route: "POST /api/v1/notes", status_class: "2xx" };
  expect(await counted()).toEqual({ name: "requests", labels, value: REQUESTS });
  await ledger.recordHistory({ ...run, credential, now });
  expect((await counted())?.value).toBe(REQUESTS);
});
