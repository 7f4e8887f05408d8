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
    ["with delimiters in its name", '"a\t;|m\tx\t""y""\tz"'],
    ["that looks like UTF-16", '"\u0000m\u0000"'],
  ])("find a column again %s", async (_what, column) => {
    const file = join(rig.folder, "a.csv");
    const rejectsFile = join(rig.folder, "rejects.csv");
    writeFileSync(file, `\ufeff${column},n\nnobody,1\n`);
    const name = column
      .slice(column.startsWith('"') ? 1 : 0)
      .replace(/"$/, "")
      .replaceAll('""', '"');
    const map = { "person.email": `\`${name}\`` };
    expect(total(await rig.import(file, { map }, { rejectsFile, format: "csv" }))).toEqual({ rows: 1, rejected: 1 });
    writeFileSync(rejectsFile, readFileSync(rejectsFile, "utf8").replace("nobody", "ada@example.com"));
    expect(total(await rig.import(rejectsFile, { map }))).toEqual({ rows: 1, new: 1 });
    expect((await rig.ledger.rejects(9)).total).toBe(0);
  });
});

it("an import's file of rejects holds its own source's alone", async () => {
  const file = join(rig.folder, "a.csv");
  writeFileSync(file, "id,person.email\n1,nobody\n");
  for (const name of ["shop", "fair"]) {
    const rejectsFile = join(rig.folder, `${name}.csv`);
    expect(total(await rig.import(file, { name }, { rejectsFile }))).toEqual({ rows: 1, rejected: 1 });
    expect(readFileSync(rejectsFile, "utf8").trim().split("\n")).toHaveLength(2);
  }
});

it("a file whose first record stands where its header should be shows nobody's data in what is told", async () => {
  rig.put("a.csv", "ada@example.com,+441234567890,person.email\nx,y,bob@example.com\n");
  rig.put("b.json", JSON.stringify({ "eve@example.com": 1, person: { email: "eve@example.com" }, extra: 1 }));
  const report = await rig.ingest();
  expect(total(report)).toEqual({ rows: 2, new: 2 });
  const told = report.warnings.join("\n");
  expect(told).not.toMatch(/ada@|eve@|4412345/);
  expect(told).toMatch(/a member whose name looks like somebody's data is no part of a submission/);
  expect(told).toMatch(/`extra` is no part/);
});

it.each(["$number(m)", "$toMillis(m)", "$time(m)", "m < 1", "$json(m)", "{m: 1, m & '': 2}"])(
  "an expression that fails over a record tells which one and why, and nothing of the record: %s",
  async (text) => {
    const map = { "person.email": "m", "deal.title": `= ${text}` };
    rig.put("a.json", JSON.stringify({ m: "ada@example.com" }));
    const { warnings } = await rig.ingest({ map });
    expect(warnings.join()).toMatch(/deal\.title: 1 value could not be taken \(the expression failed: /);
    expect(warnings.join()).not.toContain("ada@");
  },
);
