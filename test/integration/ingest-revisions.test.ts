/** `revisions: update`: a record that comes again with other content amends what its earlier versions wrote. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AccountId } from "../../src/domain/ids.ts";
import type { SourceSettings } from "../../src/domain/settings.ts";
import { type IngestRig, NOW_MS, openIngestRig, total } from "../support/ingest-rig.ts";

const UPDATE = { revisions: "update" } as const;

let rig: IngestRig;
beforeEach(async () => {
  rig = await openIngestRig();
});
afterEach(() => rig.close());

let files = 0;
/** Imports rows of `id,submittedAt,person.email,deal.value`. */
function take(rows: readonly string[], settings: Partial<SourceSettings> = UPDATE) {
  files += 1;
  const path = join(rig.folder, `${files}.csv`);
  writeFileSync(path, `id,submittedAt,person.email,deal.value\n${rows.join("\n")}\n`);
  return rig.import(path, settings);
}

const at = (minute: number): string => new Date(NOW_MS - 3_600_000 + minute * 60_000).toISOString();
const row = (key: string, minute: number, value: number): string => `${key},${at(minute)},${key}@example.com,${value}`;

/** Ends everything that is queued as if it had been written. */
async function deliver(): Promise<void> {
  const now = { wallMs: NOW_MS, monoMs: 0, bootId: "boot" };
  const { runId } = rig.deps;
  await rig.ledger.bindAccount({ vendor: "pipedrive", externalId: "1", name: "Acme" }, NOW_MS);
  const claims = await rig.ledger.claim({
    ...{ runId, now, limit: 100, leaseUntilMs: NOW_MS + 60_000 },
    ...{ source: null, lane: null, heldSources: [], heldLanes: [] },
  });
  await rig.ledger.turn({
    ...{ runId, accountId: 1 as AccountId, credential: "c", now, leaseUntilMs: NOW_MS + 60_000 },
    ...{ finished: [], buckets: [], mirror: [], gone: [], plans: [], steps: [], begin: [] },
    submissions: claims.flatMap(({ claimId, submissions }) =>
      submissions.map(({ id }) => ({ claimId, submissionId: id, to: "done" as const })),
    ),
    release: claims.map(({ claimId }) => claimId),
  });
}

const keys = async () => (await rig.queued()).map(({ key }) => key);

describe("what was sent before", () => {
  beforeEach(async () => {
    await take([row("a", 0, 100), row("b", 0, 100)]);
    await deliver();
  });

  it("is amended: the newer record is new, under a key of its own, and the run says so", async () => {
    const report = await take([row("a", 1, 200), row("b", 0, 100)]);
    expect(total(report)).toEqual({ rows: 2, new: 1, duplicate: 1 });
    expect(report.warnings).toEqual([expect.stringContaining("source website: 1 revisions of known submissions")]);
    expect(report.warnings[0]).toContain("(first: a)");
    expect(await keys()).toEqual(["a~r2"]);
  });

  it("is amended once: both versions delivered again are duplicates", async () => {
    await take([row("a", 1, 200)]);
    const again = await take([row("a", 0, 100), row("a", 1, 200)]);
    expect(total(again)).toEqual({ rows: 2, duplicate: 2 });
    expect(again.warnings).toEqual([]);
    expect(await keys()).toEqual(["a~r2"]);
  });

  it("is not undone by an older version that comes late", async () => {
    const report = await take([row("a", -1, 50)]);
    expect(total(report)).toEqual({ rows: 1, duplicate: 1 });
    expect(report.warnings).toEqual([expect.stringContaining("1 records are older versions")]);
    expect(await keys()).toEqual([]);
  });

  it("is as known as before where only the map has changed since the latest version", async () => {
    await take([row("a", 1, 200)]);
    const map = { id: "id", submittedAt: "submittedAt", "person.email": "`person.email`", notes: "`deal.value`" };
    expect(total(await take([row("a", 1, 200)], { ...UPDATE, map }))).toEqual({ rows: 1, duplicate: 1 });
    expect(total(await take([`${row("a", 1, 200)} `], { ...UPDATE, map }))).toEqual({ rows: 1, duplicate: 1 });
  });

  it("is a conflict where the source does not amend, against the latest version too", async () => {
    await take([row("a", 1, 200)]);
    const report = await take([row("a", 2, 300), `${row("a", 1, 200)} `], { revisions: "report" });
    expect(total(report)).toEqual({ rows: 2, duplicate: 1, conflict: 1 });
  });

  it("is counted the same by a dry run, which takes nothing", async () => {
    rig.deps.dryRun = true;
    const report = await take([row("a", 1, 200), row("b", 0, 100), row("c", 0, 1)]);
    expect(total(report)).toEqual({ rows: 3, new: 2, duplicate: 1 });
    expect(report.warnings[0]).toContain("1 revisions of known submissions");
    expect(report.mapped.map(({ key }) => key)).toEqual(["c"]);
    expect(await keys()).toEqual([]);
  });
});

it.each([false, true])(
  "takes the place of what was not sent, and counts as a duplicate (dryRun: %s)",
  async (dryRun) => {
    rig.deps.dryRun = dryRun;
    const report = await take([row("a", 0, 100), row("a", 1, 200)]);
    expect(total(report)).toEqual({ rows: 2, new: 1, duplicate: 1 });
    expect(report.warnings).toEqual([expect.stringContaining("1 records took the place of an earlier version")]);
    if (dryRun) return;
    expect(await rig.queued()).toMatchObject([{ key: "a", content: { deal: { value: 200 } } }]);
  },
);

it("is no re-export, however many records come again with their revisions behind them", async () => {
  const rows = (value: number) => Array.from({ length: 30 }, (_, n) => row(`k${n}`, 0, value));
  await take(rows(100));
  await deliver();
  expect(total(await take(rows(200)))).toEqual({ rows: 30, new: 30 });
  expect(total(await take(rows(300)))).toEqual({ rows: 30, duplicate: 30 });
  await deliver();
  expect(total(await take(rows(400)))).toEqual({ rows: 30, new: 30 });
});
