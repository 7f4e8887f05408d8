/** Keys that many drivers ask for at the same moment cost one wait for the disk, and are given as if asked one by one. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { type Bench, benchOn, claimed, incoming, START_MS, take } from "../support/ledger-fixture.ts";

let folder: string;
let bench: Bench;
let writes = 0;
let dies = false;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "crmledger-grouped-"));
  const failpoint = (name: string): void => {
    if (name === "ledger.write.begun") writes += 1;
    if (name === "ledger.write.within" && dies) throw new Error("the disk is gone");
  };
  const path = join(folder, "ledger.db");
  bench = await benchOn(await openSqliteLedger({ path, create: true, nowMs: START_MS, failpoint }));
  await take(bench, ...[1, 2, 3, 4].map((n) => incoming({ key: `k${n}`, email: `k${n}@example.com` })));
});
afterEach(async () => {
  dies = false;
  await bench.ledger.close();
  rmSync(folder, { recursive: true, force: true });
});

test("asked for together: one transaction, and the first who asked has the key", async () => {
  const claims = await claimed(bench);
  const { ledger, now } = bench;
  writes = 0;
  const answers = claims.map(({ claimId }) => ledger.leaseKeys(claimId, ["organization:acme"], now));
  const first = claims[0]!.claimId;
  expect(await Promise.all(answers)).toEqual([null, ...Array(3).fill({ heldBy: first })]);
  expect(writes).toBe(1);
  const [, second] = await Promise.all([
    ledger.releaseKeys(first, ["organization:acme"]),
    ledger.leaseKeys(claims[1]!.claimId, ["organization:acme"], now),
  ]);
  expect(second).toBeNull();
  expect(writes).toBe(2);
});

test("a transaction that fails gives nobody the key, and everybody hears of it", async () => {
  const [a, b] = await claimed(bench);
  const { ledger, now } = bench;
  dies = true;
  const answers = await Promise.allSettled([a, b].map((each) => ledger.leaseKeys(each!.claimId, ["deal:1"], now)));
  expect(answers.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  dies = false;
  expect(await ledger.leaseKeys(b!.claimId, ["deal:1"], now)).toBeNull();
});
