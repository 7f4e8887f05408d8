/**
 * `npm run disk-faults [-- --scenario sync --call write --stride 0.2]`: every n-th write, fsync, ftruncate, rename, ... below
 * the ledger's folder fails, once and from then on, for n = 1, 2, 3, ... until the command ends without it. With a stride the
 * later ones are sampled. Prints figures; leaves with 1 when anything was lost, doubled, damaged or badly told.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { DISK_SCENARIOS, runSeries } from "../support/disk-scenarios.ts";
import { DISK_CALLS, type DiskCall, type DiskFault, faultyDisk } from "../support/faulty-disk.ts";

const { values } = parseArgs({
  options: {
    scenario: { type: "string" },
    call: { type: "string" },
    dense: { type: "string", default: "20" },
    stride: { type: "string", default: "0" },
  },
});

/** What such a call fails with in life. */
const ERRORS: Record<DiskCall, readonly DiskFault["error"][]> = {
  write: ["ENOSPC", "EIO", "EDQUOT"],
  sync: ["EIO", "ENOSPC"],
  truncate: ["EIO"],
  rename: ["EIO", "ENOSPC"],
  link: ["EIO", "ENOSPC"],
  create: ["ENOSPC", "EROFS", "EACCES"],
  read: ["EIO"],
  unlink: ["EIO", "EROFS"],
  mkdir: ["ENOSPC", "EROFS"],
};

const folder = mkdtempSync(join(tmpdir(), "crmledger-disk-"));
const newDisk = faultyDisk(folder);
let faults = 0;
let bad = 0;
for (const scenario of Object.keys(DISK_SCENARIOS)) {
  if (values.scenario !== undefined && scenario !== values.scenario) continue;
  for (const call of Object.keys(DISK_CALLS) as DiskCall[]) {
    if (values.call !== undefined && call !== values.call) continue;
    for (const error of ERRORS[call]) for (const stays of [false, true]) await series(scenario, call, error, stays);
  }
}
rmSync(folder, { recursive: true });
process.stdout.write(`${faults} faults, ${bad} of them badly survived\n`);
process.exitCode = bad > 0 ? 1 : 0;

async function series(scenario: string, call: DiskCall, error: DiskFault["error"], stays: boolean): Promise<void> {
  const sampling = { dense: Number(values.dense), stride: Number(values.stride), nthMax: 5_000 };
  const tries = await runSeries({ scenario, call, error, stays, ...sampling }, newDisk());
  const fired = tries.filter((one) => one.fired);
  faults += fired.length;
  const ends: Record<string, number> = {};
  for (const { code, error: name } of fired) {
    const end = name === null ? String(code) : `${code} ${name}`;
    ends[end] = (ends[end] ?? 0) + 1;
  }
  const name = `${scenario}: ${call} ${error} ${stays ? "from then on" : "once"}`;
  process.stdout.write(`${name}: ${fired.length} of ${tries.at(-1)!.nth - 1} faults, ${JSON.stringify(ends)}\n`);
  for (const one of tries.filter(({ found }) => found.length > 0)) {
    bad += 1;
    process.stdout.write(`  no. ${one.nth}: ${one.found.join("\n    ").slice(0, 2_000)}\n`);
  }
}
