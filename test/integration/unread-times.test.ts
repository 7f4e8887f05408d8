import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HOUR_MS, type IngestRig, NOW_MS, openIngestRig, total } from "../support/ingest-rig.ts";

let rig: IngestRig;
beforeEach(async () => {
  rig = await openIngestRig();
});
afterEach(() => rig.close());

const file = (...times: string[]): string => {
  const path = join(rig.folder, "last-year.csv");
  writeFileSync(path, ["id,at,mail", ...times.map((at, n) => `${n},${at},p${n}@example.com`)].join("\n"));
  return path;
};
const map = { id: "id", submittedAt: "at", "person.email": "mail" };
const source = { map, sendFromMs: NOW_MS - 24 * HOUR_MS };
const refusal = expect.objectContaining({
  code: "inputUnreadable",
  message: expect.stringMatching(/first in line 2\), so nobody can tell which are older than the sendFrom of website/),
});

describe("last year's export, where the source has a sendFrom", () => {
  it.each([
    ["times in a form that the map does not read", map, ["20/11/2025 05:15", "11/20/2025 5:15 PM"]],
    ["no times at all", map, ["", ""]],
    ["a column that the map names otherwise", { ...map, submittedAt: "submitted_at" }, ["2025-11-20 05:15"]],
    ["a $time that throws", { ...map, submittedAt: "= $time(at, '[D].[M].[Y]')" }, ["Nov 20 2025"]],
  ])("is not taken with %s", async (_, given, times) => {
    await expect(rig.import(file(...times), { ...source, map: given })).rejects.toEqual(refusal);
    expect(await rig.queued()).toEqual([]);
  });

  it("is not taken either where the times that can be read are history", async () => {
    const path = file("20/11/2025 05:15", "2025-11-20 05:15", "2025-11-20 05:16");
    await expect(rig.import(path, source)).rejects.toEqual(refusal);
  });

  it("is taken by --as-new, and is no news a second time", async () => {
    const path = file("20/11/2025 05:15");
    expect(total(await rig.import(path, source, { asNew: true }))).toMatchObject({ new: 1 });
    expect(total(await rig.import(path, source))).toMatchObject({ duplicate: 1 });
  });

  it("a bad time among good ones stops no lead", async () => {
    const report = await rig.import(file("2026-11-24T07:00:00Z", "2026-11-24T07:01:00Z", "yesterday"), source);
    expect(total(report)).toMatchObject({ new: 3 });
  });

  it("a map without a time has no history, nor has a source without a sendFrom", async () => {
    const { submittedAt: _, ...timeless } = map;
    expect(total(await rig.import(file("yesterday"), { ...source, map: timeless }))).toMatchObject({ new: 1 });
    expect(total(await rig.import(file("a", "b"), { map }))).toMatchObject({ new: 1 });
  });
});
