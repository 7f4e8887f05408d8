/** What a long import leaves in the write-ahead log goes into the file between its pieces, and not within a commit. */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { type Bench, benchOn, incoming, START_MS, take } from "../support/ledger-fixture.ts";

const MIB = 1024 * 1024;
let folder: string;
let path: string;
let ledger: Ledger;
let bench: Bench;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "crmledger-room-"));
  path = join(folder, "ledger.db");
  ledger = await openSqliteLedger({ path, create: true, nowMs: START_MS });
  bench = await benchOn(ledger);
});
afterEach(async () => {
  await ledger.close();
  rmSync(folder, { recursive: true, force: true });
});

const fill = async (mib: number): Promise<void> => {
  for (let n = 0; n < mib; n += 1) await take(bench, incoming({ raw: "x".repeat(MIB) }));
};
const size = (): number => statSync(path).size;

test("little stays in the log, much is moved, and no commit moves any of it", async () => {
  await ledger.makeRoom();
  const before = size();
  await fill(8);
  await ledger.makeRoom();
  expect(size()).toBe(before);
  await fill(40);
  expect(size()).toBe(before);
  await ledger.makeRoom();
  expect(size()).toBeGreaterThan(48 * MIB);
  expect((await ledger.queue()).pending).toBe(48);
});

test("another connection of the ledger sees all of it, before and after", async () => {
  const other = await openSqliteLedger({ path, create: false, nowMs: START_MS });
  try {
    await fill(20);
    await ledger.makeRoom();
    expect((await other.queue()).pending).toBe(20);
    await fill(1);
    expect((await other.queue()).pending).toBe(21);
  } finally {
    await other.close();
  }
});
