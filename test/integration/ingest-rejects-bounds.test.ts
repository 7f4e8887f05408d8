/** Rejects beyond a bound of records: what is exported of them comes back as itself, and mended it is taken. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readJsonLines } from "../../src/intake/lines.ts";
import { rejectsAsCsv, rejectsAsJsonl } from "../../src/intake/rejects-file.ts";
import type { Row } from "../../src/intake/row.ts";
import { type IngestRig, openIngestRig, total } from "../support/ingest-rig.ts";

let rig: IngestRig;
beforeEach(async () => {
  rig = await openIngestRig();
});
afterEach(() => rig.close());

const FORMATS = [
  ["rejects.csv", rejectsAsCsv],
  ["rejects.jsonl", rejectsAsJsonl],
] as const;
const MIB = 1024 * 1024;
const HEADER = "id,person.email,notes.0";
const cells = (count: number): string => Array.from({ length: count }, (_, index) => `c${index}`).join(",");
const deep = (levels: number): string =>
  `{"id":"d1","person":{"email":"d@example.com"},"x":${"[".repeat(levels)}${"]".repeat(levels)}}`;
const nested = (levels: number): string => `{"id":"d2","x":${'{"a":'.repeat(levels)}1${"}".repeat(levels)}}`;

const BEYOND: readonly (readonly [string, name: string, content: string])[] = [
  ["a row of thousands of cells", "a.csv", `${HEADER}\n1,a@example.com,${cells(3000)}\n`],
  ["rows under thousands of columns", "a.csv", `${HEADER},${cells(3000)}\n1,a@example.com,x,${cells(3000)}\n`],
  ["a row of more than 1 MiB", "a.csv", `${HEADER}\n1,nobody,${"x".repeat(MIB)}\n`],
  ["a line of more than 1 MiB", "a.jsonl", `{"id":"1","notes":"${"x".repeat(MIB)}"}\n`],
  ["a line of more than 1 MiB that is no JSON", "a.jsonl", `{"id":"1","notes":"${"\\".repeat(MIB)}"\n`],
  ["an object of thousands of members", "a.jsonl", `${JSON.stringify({ ...Array.from(cells(3000).split(",")) })}\n`],
  ["lists inside each other", "a.jsonl", `${deep(100)}\n`],
  ["a hundred thousand lists inside each other", "a.jsonl", `${deep(100_000)}\n`],
  ["objects inside each other", "a.jsonl", `${nested(100)}\n`],
  ["a hundred thousand objects inside each other", "a.jsonl", `${nested(100_000)}\n`],
];

it("a line that doubles in an export is read back from it, wherever the pieces of the file end", async () => {
  const raw = `{"id":"1","notes":"${'"'.repeat(9 * MIB)}`;
  const back = Buffer.from(rejectsAsJsonl([{ id: "1", line: 1, reason: "no JSON", raw }]));
  async function* pieces() {
    yield back.subarray(0, 17 * MIB);
    yield back.subarray(17 * MIB);
  }
  const rows = readJsonLines(pieces(), { start: { offset: 0, line: 0 }, encoding: "utf8", whole: true });
  const read: Row[] = [];
  for await (const each of rows) read.push(each);
  const [row, ...rest] = read;
  expect([row?.fault, rest]).toEqual([undefined, []]);
  expect((row!.record as { record: string }).record === raw).toBe(true);
});

describe.each(FORMATS)("in %s", (name, as) => {
  const exported = async (): Promise<string> => {
    const { rows } = await rig.ledger.rejects(100);
    return as(rows.map(({ id, origin, reason, raw }) => ({ id, line: origin.line, reason, raw })));
  };

  it.each(BEYOND)("%s", async (_what, file, content) => {
    const path = join(rig.folder, file);
    // Beside an ordinary reject, which shares its table.
    writeFileSync(path, `${content}${file.endsWith("csv") ? "9,nobody,z\n" : '{"id":"9"}\n'}`);
    const { rejected = 0 } = total(await rig.import(path, {}, { format: file.endsWith("csv") ? "csv" : "jsonl" }));
    const before = (await rig.ledger.rejects(100)).rows.map(({ id, raw }) => ({ id, raw }));
    expect(before).toHaveLength(rejected);
    const back = join(rig.folder, name);
    writeFileSync(back, await exported());
    expect(total(await rig.import(back))).toEqual({ rows: rejected, duplicate: rejected });
    expect((await rig.ledger.rejects(100)).rows.map(({ id, raw }) => ({ id, raw }))).toEqual(before);
  });

  it("a row of thousands of cells is taken when it was mended, and so is an ordinary one beside it", async () => {
    const path = join(rig.folder, "a.csv");
    writeFileSync(path, `${HEADER}\n1,a@example.com,${cells(3000)}\n2,nobody,x\n`);
    await rig.import(path);
    const back = join(rig.folder, name);
    const wide = /"{1,2}#4"{1,2}:.*?"{1,2}#3002"{1,2}:"{1,2}c2999"{1,2}/;
    const text = await exported();
    expect(text).toMatch(wide);
    const spare = name.endsWith("csv") ? '""spare"":""""' : '"spare":""';
    writeFileSync(back, text.replace(wide, spare).replace("nobody", "b@example.com"));
    expect(total(await rig.import(back))).toMatchObject({ rows: 2, new: 2 });
    expect((await rig.ledger.rejects(9)).total).toBe(0);
    expect((await rig.queued()).map(({ key, content }) => [key, content?.person?.email, content?.notes])).toEqual([
      ["1", "a@example.com", ["c0"]],
      ["2", "b@example.com", ["x"]],
    ]);
    expect(readFileSync(back, "utf8").split("\n")[0]!.length).toBeLessThan(20_000);
  });
});
