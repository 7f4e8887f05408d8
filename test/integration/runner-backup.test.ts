/** A ledger put back from a backup, on the account that the newest one has gone on with. */
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { lead, PLAN, START_MS } from "../support/drain-rig.ts";
import { watchedRig } from "../support/watched-rig.ts";

const HOUR_MS = 3_600_000;
const settings = { plans: { default: PLAN, website: PLAN } };

it("sends nothing while the CRM has what only the newest one knows; the newest one goes on", async () => {
  const folder = mkdtempSync(join(tmpdir(), "crmledger-backup-"));
  const open = (name: string) => openSqliteLedger({ path: join(folder, name), create: true, nowMs: START_MS });
  const before = await watchedRig({ settings, ledger: await open("newest.db") });
  const same = { settings, clock: before.clock, transport: before.simulator.handle };
  await before.take([lead(1)]);
  await before.run();
  await before.ledger.close();
  copyFileSync(join(folder, "newest.db"), join(folder, "backup.db"));
  const newest = await watchedRig({ ...same, ledger: await open("newest.db") });
  for (const number of [2, 3]) {
    await before.clock.advance(2 * HOUR_MS);
    await newest.take([lead(number)]);
    expect(await newest.run()).toMatchObject({ drained: { done: 1 }, stopped: "drained" });
  }
  await before.clock.advance(2 * HOUR_MS);
  const backup = await watchedRig({ ...same, ledger: await open("backup.db") });
  await backup.take([lead(4)]);
  const report = await backup.run();
  expect(report).toMatchObject({ stopped: "hold", hold: { kind: "staleLedger" }, remaining: 1 });
  expect(report.hold?.message).toMatch(/4 records .*\(website\/wf_[23]\)/);
  expect(backup.writes()).toEqual([]);
  await Promise.all([newest, backup].map(({ ledger }) => ledger.close()));
  rmSync(folder, { recursive: true, force: true });
});

it("is noticed too where the clock was set back with it, and only deals of a known person tell", async () => {
  const folder = mkdtempSync(join(tmpdir(), "crmledger-backup-"));
  const open = (name: string) => openSqliteLedger({ path: join(folder, name), create: true, nowMs: START_MS });
  const ofAda = (number: number) => lead(number, { person: { name: "Ada", email: "ada@example.com" } });
  const before = await watchedRig({ settings, ledger: await open("newest.db") });
  const same = { settings, clock: before.clock, transport: before.simulator.handle };
  await before.take([ofAda(1)]);
  await before.run();
  await before.ledger.close();
  copyFileSync(join(folder, "newest.db"), join(folder, "backup.db"));
  await before.clock.advance(6 * HOUR_MS);
  const newest = await watchedRig({ ...same, ledger: await open("newest.db") });
  await newest.take([ofAda(2)]);
  expect(await newest.run()).toMatchObject({ drained: { done: 1 } });
  await newest.ledger.close();
  before.clock.jumpWall(-9 * HOUR_MS);
  const backup = await watchedRig({ ...same, ledger: await open("backup.db") });
  await backup.take([ofAda(2)]);
  expect(await backup.run()).toMatchObject({ stopped: "hold", hold: { kind: "staleLedger" }, remaining: 1 });
  expect(backup.writes()).toEqual([]);
  await backup.ledger.close();
  rmSync(folder, { recursive: true, force: true });
});
