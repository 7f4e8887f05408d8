/** Files of strangers, taken from a real spool into a real ledger. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type IngestRig, openIngestRig, total } from "../support/ingest-rig.ts";

let rig: IngestRig;
beforeEach(async () => {
  rig = await openIngestRig();
});
afterEach(() => rig.close());

describe("rejects that are exported, mended and imported", () => {
  it.each([
    ["that a spreadsheet would run", "@mail"],
    ["of several lines", '"a\n=b"'],
    ["that looks like UTF-16", '"\u0000m\u0000"'],
  ])("find a column again %s", async (_what, column) => {
    const file = join(rig.folder, "a.csv");
    const rejectsFile = join(rig.folder, "rejects.csv");
    writeFileSync(file, `\ufeff${column},n\nnobody,1\n`);
    const name = column.replaceAll('"', "");
    const map = { "person.email": `\`${name}\`` };
    expect(total(await rig.import(file, { map }, { rejectsFile, format: "csv" }))).toEqual({ rows: 1, rejected: 1 });
    writeFileSync(rejectsFile, readFileSync(rejectsFile, "utf8").replace("nobody", "ada@example.com"));
    expect(total(await rig.import(rejectsFile, { map }))).toEqual({ rows: 1, new: 1 });
    expect((await rig.ledger.rejects(9)).total).toBe(0);
  });
});
