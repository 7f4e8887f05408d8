/**
 * A disk that fails at one call: the command says so and leaves with 74, and on a disk that is well again it goes on with
 * nothing lost, doubled or damaged. Samples of what `npm run disk-faults` does for every call.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runSeries } from "../support/disk-scenarios.ts";
import { type DiskCall, type DiskFault, faultyDisk, hasCompiler } from "../support/faulty-disk.ts";

const isHere = hasCompiler();
let folder = "";
let newDisk: () => Record<string, string> = () => ({});
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "crmledger-disk-"));
  if (isHere) newDisk = faultyDisk(folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SERIES: [string, DiskCall, DiskFault["error"], boolean][] = [
  ["first", "sync", "EIO", true],
  ["first", "write", "ENOSPC", false],
  ["sync", "write", "ENOSPC", true],
  ["sync", "write", "EIO", false],
  ["sync", "sync", "EIO", false],
  ["sync", "rename", "EIO", false],
  ["ingest", "create", "ENOSPC", true],
  ["import", "truncate", "EIO", false],
  ["status", "read", "EIO", false],
  ["backup", "write", "ENOSPC", true],
];

describe.skipIf(!isHere)("on a disk that fails (skipped without Linux and cc)", () => {
  it.concurrent.each(SERIES)(
    "%s: %s fails with %s, from then on: %s",
    async (scenario, call, error, stays) => {
      const tries = await runSeries({ scenario, call, error, stays, dense: 2, stride: 2, nthMax: 300 }, newDisk());
      expect(tries.filter(({ found }) => found.length > 0)).toEqual([]);
      expect(tries.some(({ fired }) => fired)).toBe(true);
      const codes = tries.filter(({ code }) => code !== 0).map(({ error: name }) => name);
      expect(codes.filter((name) => !TOLD.includes(name ?? ""))).toEqual([]);
    },
    240_000,
  );
});

const TOLD = [
  ...["diskFull", "ledgerUnreadable", "spoolUnreadable", "inputUnreadable", "usage"],
  // What SQLite makes of a page that the disk can't read; and the config, which is read first.
  ...["ledgerDamaged", "configInvalid"],
];
