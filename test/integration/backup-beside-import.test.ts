/** A copy of a ledger that is made while a large import is half-way in. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { benchOn, columnsOf, incoming, START_MS } from "../support/ledger-fixture.ts";
import { unsound } from "../support/ledger-soundness.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "crmledger-copy-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test.each(["backup", "move"] as const)("a %s holds nothing that is half-way in", async (as) => {
  const ledger = await openSqliteLedger({ path: join(folder, "ledger.db"), create: true, nowMs: START_MS });
  const { run, now } = await benchOn(ledger);
  const admit = () => ledger.admit(run, "website", 100, { whole: true }, now);
  for (const pieces of [0, 2, 6]) {
    await ledger.arrive([columnsOf([incoming({ key: `one-${pieces}` })], run)], now);
    for (let at = 0; at < pieces; at += 1) await admit();
    const copy = join(folder, `${pieces}.db`);
    await ledger.copyTo(copy, { as, nowMs: START_MS, signal: new AbortController().signal, observe: () => {} });
    const db = new Database(copy);
    expect(unsound(db)).toEqual({});
    db.close();
    for (let more = true; more; ) ({ more } = await admit());
    expect(await ledger.findByName(`website/one-${pieces}`, [])).toHaveLength(1);
  }
  await ledger.close();
});
