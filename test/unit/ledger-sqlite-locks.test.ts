import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSqliteLocks } from "../../src/ledger/sqlite/locks.ts";

let folder = "";
let path = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "crmledger-"));
  path = join(folder, "ledger.db");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("locks", () => {
  test("one holder at a time, and each name by itself", () => {
    const locks = createSqliteLocks(path);
    const held = locks.take("sync");
    expect(held?.name).toBe("sync");
    expect(locks.take("sync")).toBeNull();
    expect(createSqliteLocks(path).take("sync")).toBeNull();
    const other = locks.take("run-7");
    expect(other).not.toBeNull();
    held?.release();
    const again = locks.take("sync");
    expect(again).not.toBeNull();
    again?.release();
    other?.release();
  });

  test("asking for a taken lock does not loosen it", () => {
    const locks = createSqliteLocks(path);
    const held = locks.take("sync");
    for (let times = 0; times < 5; times += 1) expect(locks.take("sync")).toBeNull();
    held?.release();
  });

  test("the side file is for its owner alone", () => {
    const lock = createSqliteLocks(path).take("sync");
    expect(statSync(`${path}.sync.lock`).mode & 0o777).toBe(0o600);
    lock?.release();
  });

  test("a name can't leave the ledger's folder", () => {
    expect(() => createSqliteLocks(path).take("../../x")).toThrow(RangeError);
  });

  test("a folder that can't be written is told", () => {
    expect(() => createSqliteLocks(join(folder, "no", "ledger.db")).take("sync")).toThrow(
      expect.objectContaining({ code: "ledgerUnreadable" }),
    );
  });
});
