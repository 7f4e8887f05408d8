/** What comes in is safe before its file is out of the way: a commit that fails, at any of them, loses nothing. */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { HOUR_MS, type IngestRig, openIngestRig, person, total } from "../support/ingest-rig.ts";
import { altered } from "../support/safety-rig.ts";

let rig: IngestRig;
beforeEach(async () => {
  rig = await openIngestRig();
});
afterEach(() => rig.close());

/** The disk is full at the `nth` commit, and has room again afterwards. */
function failAt(nth: number): void {
  const { ledger } = rig;
  let commits = 0;
  const ingest: Ledger["ingest"] = async (...of) => {
    commits += 1;
    if (commits === nth) throw Object.assign(new Error("no room"), { code: "ENOSPC" });
    return await ledger.ingest(...of);
  };
  rig.deps.ledger = altered(ledger, { ingest });
}

describe("a document", () => {
  it("stays in the spool while its records are not committed", async () => {
    rig.put("a.json", `[${person(1)},${person(2)}]`);
    failAt(1);
    await expect(rig.ingest()).rejects.toMatchObject({ code: "diskFull" });
    expect(rig.list()).toEqual(["a.json"]);
    expect(total(await rig.ingest())).toEqual({ rows: 2, new: 2 });
    expect(rig.list()).toEqual([".archive"]);
  });
});

describe("a growing file", () => {
  it.each([1, 2])("that is archived is read on afterwards, though commit %i failed", async (nth) => {
    rig.put("a.jsonl", `${person(1)}\n`, 25 * HOUR_MS);
    failAt(nth);
    await expect(rig.ingest()).rejects.toMatchObject({ code: "diskFull" });
    await rig.ingest();
    expect(rig.list()).toEqual([".archive"]);
    appendFileSync(join(rig.spool, ".archive/2026-11-24/a.jsonl"), `${person(2)}\n`);
    expect(total(await rig.ingest())).toEqual({ rows: 1, new: 1 });
    expect((await rig.queued()).map(({ key }) => key)).toEqual(["s1", "s2"]);
  });
});
