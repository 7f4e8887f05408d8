/** The same submissions in other bytes, or under another map: nothing new and no conflict. */
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SourceSettings } from "../../src/domain/settings.ts";
import { csvTools, jsonTools, payloadPath, sourceOfTool, type Tool } from "../support/form-tools.ts";
import { type IngestRig, openIngestRig, total } from "../support/ingest-rig.ts";
import {
  insertColumn,
  PLAIN,
  readTable,
  reverseColumns,
  reverseRows,
  type Saving,
  save,
  type Table,
} from "../support/spreadsheet.ts";

let rig: IngestRig;
beforeEach(async () => {
  rig = await openIngestRig();
});
afterEach(() => rig.close());

type Change = (settings: SourceSettings) => SourceSettings;
const asItWas: Change = (settings) => settings;
/** A title and a field more, notes without the old text, and another country. */
const otherMap: Change = (settings) => ({
  ...settings,
  country: "EE",
  restToNote: null,
  map: { ...settings.map, "deal.title": "= 'Lead of today'", "person.labels": "= 'Web'", notes: "= 'See the form.'" },
});

/** Takes the tool's own file, then `file` under the changed settings. */
async function secondTime(tool: Tool, name: string, bytes: Uint8Array | string, change: Change = asItWas) {
  const settings = sourceOfTool(tool);
  const first = total(await rig.import(payloadPath(tool), settings));
  expect(first.new).toBeGreaterThan(1);
  const known = (await rig.queued()).length;
  const report = await rig.import(rig.put(name, bytes), change(settings));
  expect((await rig.queued()).length).toBe(known);
  return total(report);
}

const expectNothingNew = (counts: Record<string, unknown>): void => {
  expect(counts).not.toHaveProperty("new");
  expect(counts).not.toHaveProperty("conflict");
  expect(counts.duplicate).toBeGreaterThan(1);
};

const EXCEL: [string, Saving][] = [
  ["semicolons and CRLF", { ...PLAIN, delimiter: ";", lineEnd: "\r\n" }],
  ["UTF-16 and tabs", { delimiter: "\t", encoding: "utf16le", bom: true, lineEnd: "\r\n" }],
  ["UTF-8 with a byte order mark", { ...PLAIN, bom: true, lineEnd: "\r\n" }],
  ["Windows-1252 and semicolons", { delimiter: ";", encoding: "win1252", bom: false, lineEnd: "\r\n" }],
];

describe.each(csvTools)("%s, exported again", (tool) => {
  const table = (): Table => readTable(readFileSync(payloadPath(tool)));
  const last = () => (table()[0] as string[]).length;
  const again = (changed: Table, change?: Change, saving: Saving = PLAIN) =>
    secondTime(tool, "again.csv", save(changed, saving), change);

  it("under a changed map", async () =>
    expectNothingNew(await secondTime(tool, "again.csv", readFileSync(payloadPath(tool)), otherMap)));
  it("with a new column at the end, empty for what is old", async () =>
    expectNothingNew(await again(insertColumn(table(), last(), "New question", () => ""))));
  it("with a new column in the midst", async () =>
    expectNothingNew(await again(insertColumn(table(), 2, "New question", () => ""))));
  it("with the rows in another order", async () => expectNothingNew(await again(reverseRows(table()))));
  it("with the columns in another order", async () => expectNothingNew(await again(reverseColumns(table()))));
  it("with the columns in another order and a new one", async () =>
    expectNothingNew(await again(reverseColumns(insertColumn(table(), 2, "New question", () => "")))));
  it("with the columns in another order and a new one, saved by Excel with Windows-1252", async () =>
    expectNothingNew(
      await again(reverseColumns(insertColumn(table(), 2, "New question", () => "")), asItWas, {
        ...PLAIN,
        encoding: "win1252",
      }),
    ));
  it.each(EXCEL)("saved by Excel with %s", async (_, saving) =>
    expectNothingNew(await again(table(), asItWas, saving)),
  );
  it("with a new column, other order, saved by Excel, under a changed map: all at once", async () => {
    const changed = reverseColumns(reverseRows(insertColumn(table(), 1, "New question", () => "")));
    expectNothingNew(
      await again(changed, otherMap, { delimiter: ";", encoding: "win1252", bom: false, lineEnd: "\r\n" }),
    );
  });
});

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** Members of each object in the opposite order. */
function reversed(value: Json): Json {
  if (Array.isArray(value)) return value.map(reversed);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([name, member]) => [name, reversed(member)]),
  );
}

describe.each(jsonTools)("%s, delivered again", (tool) => {
  /** Shopify's long id, which JSON.parse would round, is put back. */
  const exact = (text: string): string => text.replaceAll("706405506930370000", "706405506930370084");
  const records = (): Json[] => {
    const text = readFileSync(payloadPath(tool), "utf8");
    return text.startsWith("[")
      ? JSON.parse(text)
      : text
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line));
  };
  const lines = (values: Json[]): string => exact(values.map((value) => `${JSON.stringify(value)}\n`).join(""));

  it("under a changed map", async () =>
    expectNothingNew(await secondTime(tool, "again.jsonl", lines(records()), otherMap)));
  it("with a new member", async () => {
    const changed = records().map((record) => ({ ...(record as object), api_version: "2027-01" }) as Json);
    expectNothingNew(await secondTime(tool, "again.jsonl", lines(changed)));
  });
  it("with a new member, under a changed map", async () => {
    const changed = records().map((record) => ({ ...(record as object), api_version: "2027-01" }) as Json);
    expectNothingNew(await secondTime(tool, "again.jsonl", lines(changed), otherMap));
  });
  it("with members in another order", async () =>
    expectNothingNew(await secondTime(tool, "again.jsonl", lines(records().map(reversed)))));
  it("in another order", async () =>
    expectNothingNew(await secondTime(tool, "again.jsonl", lines(records().toReversed()))));
  it("as an array, pretty printed", async () =>
    expectNothingNew(await secondTime(tool, "again.json", exact(JSON.stringify(records(), null, 2)))));
  it("as lines with CRLF and a byte order mark", async () =>
    expectNothingNew(await secondTime(tool, "again.jsonl", `\uFEFF${lines(records()).replaceAll("\n", "\r\n")}`)));
});

describe("records without an id", () => {
  const header = ["Time", "Mail", "Name", "Budget"];
  const rows = Array.from({ length: 30 }, (_, n) => [
    `2026-11-20 10:${10 + n}`,
    `p${n}@example.com`,
    `Person ${n}`,
    `${n}`,
  ]);
  const map = { submittedAt: "Time", "person.email": "Mail", "person.name": "Name" };
  const put = (table: Table) => rig.put("answers.csv", save(table, PLAIN));
  const table = [header, ...rows];

  it("are known by their bytes, whatever the map says now", async () => {
    await rig.import(put(table), { map });
    const counts = total(await rig.import(put(table), { map: { ...map, "deal.title": "= 'Another'" } }));
    expect(counts).toEqual({ rows: 30, duplicate: 30 });
  });

  it("are known by what today's map makes of both versions, where map and bytes changed", async () => {
    await rig.import(put(table), { map });
    const wider = insertColumn(table, 1, "Score", (row) => `${row * 7}`);
    const changed = {
      ...map,
      "deal.value": "Budget",
      submittedAt: "= $time(Time, '[Y]-[M]-[D] [H]:[m]', 'Europe/Tallinn')",
    };
    expect(total(await rig.import(put(wider), { map: changed }))).toEqual({ rows: 30, duplicate: 30 });
    expect(total(await rig.import(put(wider), { map: changed }))).toEqual({ rows: 30, duplicate: 30 });
  });

  it("are known still where the map got an `id`", async () => {
    await rig.import(put(table), { map });
    const wider = insertColumn(table, 1, "Score", (row) => `${row * 7}`);
    const counts = total(await rig.import(put(wider), { map: { ...map, id: "= Time & ' ' & Mail" } }));
    expect(counts).toEqual({ rows: 30, duplicate: 30 });
  });

  it("can't be told from others where the map reads a column that is new: the guard refuses them", async () => {
    await rig.import(put(table), { map });
    const wider = insertColumn(table, 1, "Score", (row) => `${row * 7}`);
    await expect(rig.import(put(wider), { map: { ...map, "deal.value": "Score" } })).rejects.toMatchObject({
      code: "inputUnreadable",
      message: expect.stringContaining("looks like a re-export: 30 of its 30"),
    });
    expect(await rig.queued()).toHaveLength(30);
  });

  it("of one person at other times stay submissions of their own", async () => {
    const one = (time: string) => [header, [time, "ada@example.com", "Ada", ""]];
    await rig.import(put(one("2026-11-20 10:10")), { map });
    expect(total(await rig.import(put(one("2026-11-20 10:11")), { map }))).toEqual({ rows: 1, new: 1 });
  });
});

describe("records with an id", () => {
  const lines = (...records: unknown[]) =>
    rig.put("l.jsonl", records.map((one) => `${JSON.stringify(one)}\n`).join(""));
  const map = { "person.email": "mail", "person.name": "name" };

  it("are known under the id that an earlier map took", async () => {
    await rig.import(lines({ event: "e1", token: "t1", mail: "a@example.com" }), { map: { ...map, id: "event" } });
    const again = lines(
      { event: "e2", token: "t1", mail: "a@example.com" },
      { event: "e3", token: "t2", mail: "a@example.com" },
    );
    expect(total(await rig.import(again, { map: { ...map, id: "token" } }))).toEqual({ rows: 2, new: 1, duplicate: 1 });
  });

  it("with other letters are a conflict; with letters that Windows-1252 lost they are not", async () => {
    const settings = { map: { ...map, id: "token" } };
    await rig.import(lines({ token: "t1", mail: "a@example.com", name: "Şule Wiśniewska 🌷" }), settings);
    const as = async (name: string) =>
      total(await rig.import(lines({ token: "t1", mail: "a@example.com", name }), settings));
    for (const name of ["?ule Wi?niewska ??", "Sule Wisniewska ?"])
      expect(await as(name)).toEqual({ rows: 1, duplicate: 1 });
    for (const name of ["?ule Wi?niewski ??", "Şule Wiśniewska", "Xule Wiśniewska 🌷"])
      expect(await as(name)).toEqual({ rows: 1, conflict: 1 });
  });

  it("lost letters never amend what is known", async () => {
    const settings = { map: { ...map, id: "token" }, revisions: "update" as const };
    await rig.import(lines({ token: "t1", mail: "a@example.com", name: "Wiśniewska" }), settings);
    const again = await rig.import(lines({ token: "t1", mail: "a@example.com", name: "Wi?niewska" }), settings);
    expect(total(again)).toEqual({ rows: 1, duplicate: 1 });
  });
});
