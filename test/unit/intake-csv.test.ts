import { describe, expect, it } from "vitest";
import { readCells } from "../../src/intake/csv-cells.ts";
import { rowsOf } from "../support/read-rows.ts";

const records = async (text: string): Promise<unknown[]> =>
  (await rowsOf("csv", Buffer.from(text), 64)).map(({ record }) => record);

describe("quotes that are not where they should be", () => {
  it.each([
    ['5" pipe,x', { a: '5" pipe', b: "x" }],
    ['"Ada" Lovelace,x', { a: "Ada Lovelace", b: "x" }],
    ['"Ada" "Countess",x', { a: 'Ada "Countess"', b: "x" }],
    ['"Ada" ,"x"\t', { a: "Ada", b: "x" }],
    [' "Ada",x', { a: ' "Ada"', b: "x" }],
    ['"say ""hi"" now"!,x\r', { a: 'say "hi" now!', b: "x" }],
  ])("%s is read as a spreadsheet reads it", async (line, expected) => {
    expect(await records(`a,b\n${line}\n`)).toEqual([expected]);
  });

  it("cost only their own line, wherever in a long file", async () => {
    const lines = Array.from({ length: 700 }, (_, n) => (n % 97 === 50 ? `${n},"open` : `${n},"x\r\n""y"""`));
    const bytes = Buffer.from(`n,text\r\n${lines.join("\r\n")}\r\n`);
    const rows = await rowsOf("csv", bytes, 100);
    const read = rows.map(({ record, fault }) =>
      fault === undefined ? (record as { n: string; text: string }) : null,
    );
    expect(read).toEqual(lines.map((line, n) => (line.endsWith("open") ? null : { n: String(n), text: 'x\r\n"y"' })));
    for (const [n, row] of rows.entries()) {
      const before = bytes.subarray(0, row.endOffset).toString();
      expect(before.endsWith(`${lines[n]}\r\n`)).toBe(true);
      expect(before.split("\n").length - 1).toBe(row.endLine);
      expect(row.line).toBe(row.endLine - (row.fault === undefined ? 1 : 0));
    }
  });
});

it("a record that csv-parse refuses leaves the others of its batch alone", () => {
  expect(readCells(["a,b", 'c,"d', "", 'e,"f"'], ",")).toEqual([
    { cells: ["a", "b"] },
    { fault: expect.stringContaining("CSV_QUOTE_NOT_CLOSED") },
    { cells: [""] },
    { cells: ["e", "f"] },
  ]);
});

it("a text that makes two records of one is no record", () => {
  expect(readCells(["a\nb"], ",")).toEqual([{ fault: expect.stringContaining("2 records") }]);
});
