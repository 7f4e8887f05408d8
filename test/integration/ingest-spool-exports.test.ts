/** Exports that somebody copies into a spool: last year's goes to nobody, and the same submissions are not taken twice. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type IngestRig, NOW_MS, openIngestRig, total } from "../support/ingest-rig.ts";

let rig: IngestRig;
beforeEach(async () => {
  rig = await openIngestRig();
});
afterEach(() => rig.close());

const MAP = { id: "id", submittedAt: "at", "person.name": "name", "person.email": "email" };
const SOURCE = { map: MAP, sendFromMs: NOW_MS - 86_400_000 };

const row = (number: number, id: string, at: string): string =>
  `${id}${number},${at},Somebody with quite a long name ${number},lead.${number}@example.com`;
const csv = (count: number, id: string, at: (number: number) => string): string =>
  `id,at,name,email\n${Array.from({ length: count }, (_, index) => row(index, id, at(index))).join("\n")}\n`;
const today = (number: number): string => new Date(NOW_MS - number * 60_000).toISOString();
/** As a spreadsheet writes it: no time that anybody could read without being told the picture. */
const lastYear = (number: number): string => `11/2${number % 9}/2025 05:15 PM`;

describe("an export in a spool", () => {
  it("whose times can't be read is left there with its reason, and nothing of it is sent", async () => {
    rig.put("old.csv", csv(30, "g", lastYear), 3_600_000);
    const report = await rig.ingest(SOURCE);
    expect(total(report)).toEqual({});
    expect(report.refused).toMatchObject([{ message: expect.stringContaining("no time that can be read") }]);
    expect(rig.list()).toContain("old.csv");
    expect(await rig.queued()).toEqual([]);
  });

  it("is taken once the map reads its times: then it is history", async () => {
    rig.put("old.csv", csv(30, "g", lastYear), 3_600_000);
    await rig.ingest(SOURCE);
    const submittedAt = "= $time(at, '[M01]/[D01]/[Y0001] [h01]:[m01] [P]')";
    const report = await rig.ingest({ ...SOURCE, map: { ...MAP, submittedAt } });
    expect(report.refused).toEqual([]);
    expect(total(report)).toEqual({ rows: 30, history: 30 });
  });

  it("under other keys is left there; imported on purpose, it is known", async () => {
    rig.put("first.csv", csv(30, "g", today), 3_600_000);
    expect(total(await rig.ingest(SOURCE))).toEqual({ rows: 30, new: 30 });
    const again = rig.put("again.csv", csv(30, "h", today), 3_600_000);
    const refused = await rig.ingest(SOURCE);
    expect(total(refused)).toEqual({});
    expect(refused.refused).toMatchObject([{ message: expect.stringContaining("looks like a re-export") }]);
    await rig.import(again, { ...SOURCE, spool: rig.spool }, { asNew: true });
    const report = await rig.ingest(SOURCE);
    expect(report.refused).toEqual([]);
    expect(total(report)).toEqual({ rows: 30, duplicate: 30 });
  });

  it.each([
    ["nothing", 0],
    ["its header", 1],
    ["a few of its records", 6],
  ])("that is copied so slowly that a run saw %s is looked at once it is there", async (_, lines) => {
    rig.put("first.csv", csv(30, "g", today), 3_600_000);
    await rig.ingest(SOURCE);
    const text = csv(30, "h", today);
    const begun = text.split("\n", lines).map((line) => `${line}\n`);
    rig.put("again.csv", begun.join(""));
    await rig.ingest(SOURCE);
    rig.put("again.csv", text);
    const report = await rig.ingest(SOURCE);
    expect(total(report)).toEqual({});
    expect(report.refused).toMatchObject([{ message: expect.stringContaining("looks like a re-export") }]);
    expect(await rig.queued()).toHaveLength(30 + Math.max(0, lines - 1));
    if (lines > 1) expect(report.refused?.[0]?.hint).toContain("Nothing more of it was taken");
  });

  it("of last year goes to nobody where a run saw it empty", async () => {
    for (const text of ["", "id,at,name,email\n"]) {
      rig.put("old.csv", text);
      await rig.ingest(SOURCE);
    }
    rig.put("old.csv", csv(30, "g", lastYear));
    expect((await rig.ingest(SOURCE)).refused).toHaveLength(1);
    expect(await rig.queued()).toEqual([]);
  });

  it("as one JSON document is looked at too", async () => {
    const records = Array.from({ length: 30 }, (_, index) => ({
      id: `g${index}`,
      at: lastYear(index),
      name: `Somebody with quite a long name ${index}`,
      email: `lead.${index}@example.com`,
    }));
    rig.put("old.json", JSON.stringify(records), 3_600_000);
    const report = await rig.ingest(SOURCE);
    expect(report.refused).toHaveLength(1);
    expect(await rig.queued()).toEqual([]);
  });

  it("is not what a live form is: single leads with a broken time flow, now and with a growing file", async () => {
    rig.put("one.json", JSON.stringify({ id: "a", at: "soon", name: "x".repeat(2_000), email: "ada@example.com" }));
    const line = (number: number): string =>
      `${JSON.stringify({ id: `b${number}`, at: "soon", name: "y".repeat(200), email: `live.${number}@example.com` })}\n`;
    rig.put("live.jsonl", Array.from({ length: 10 }, (_, index) => line(index)).join(""));
    expect(total(await rig.ingest(SOURCE))).toEqual({ rows: 11, new: 11 });
    rig.put("live.jsonl", Array.from({ length: 40 }, (_, index) => line(index)).join(""));
    expect(total(await rig.ingest(SOURCE))).toEqual({ rows: 30, new: 30 });
  });
});

describe("a file in a spool that is no table, whatever it is called", () => {
  const table = csv(3, "g", today);

  it.each([
    ["leads.csv", "PK\u0003\u0004 a workbook's bytes\n\n\n", "an Excel workbook"],
    ["no-line-end.csv", "PK\u0003\u0004 a workbook's bytes", "an Excel workbook"],
    ["leads.jsonl", "PK\u0003\u0004 a workbook's bytes\n", "an Excel workbook"],
    ["page.csv", "<!DOCTYPE html>\n<p>503</p>\n", "HTML"],
    ["mac.csv", table.replaceAll("\n", "\r"), "end in CR alone"],
  ])("%s is left there with its reason, also when it was unchanged for a day", async (name, text, why) => {
    rig.put(name, text, 25 * 3_600_000);
    const report = await rig.ingest(SOURCE);
    expect(total(report)).toEqual({});
    expect(report.refused).toMatchObject([{ message: expect.stringContaining(why) }]);
    expect(rig.list()).toContain(name);
  });

  it("is taken once it is one", async () => {
    rig.put("mac.csv", table.replaceAll("\n", "\r"), 3_600_000);
    await rig.ingest(SOURCE);
    rig.put("mac.csv", table);
    const report = await rig.ingest(SOURCE);
    expect(report.refused).toEqual([]);
    expect(total(report)).toEqual({ rows: 3, new: 3 });
  });

  it.each([
    ["a line end that is half there", "id,at,name,email\r"],
    ["a line that is begun", "id,at,na"],
  ])("%s is no such file", async (_, text) => {
    rig.put("growing.csv", text);
    expect((await rig.ingest(SOURCE)).refused).toEqual([]);
  });
});
