import fc from "fast-check";
import { expect, it } from "vitest";
import { csvCell, withoutGuard } from "../../src/domain/csv-cell.ts";
import { jsonErrorPosition } from "../../src/intake/json-position.ts";
import { jsonText, parseJson } from "../../src/intake/json-text.ts";
import { parsePath, pathText } from "../../src/intake/path.ts";
import { rejectsAsCsv, unwrapReject } from "../../src/intake/rejects-file.ts";
import { rowsOf } from "../support/read-rows.ts";

const cell = fc.string({
  unit: fc.constantFrom("a", "é", "🎉", '"', ",", ";", "\n", "\r\n", " ", "=", "'", "0"),
  maxLength: 8,
});
const quoted = (text: string, force: boolean): string =>
  force || /["\n\r;,]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

it("reads back the cells that were written, however the bytes are cut, and tells the exact offset of every row", async () => {
  const table = fc.array(fc.tuple(cell, cell, cell, fc.boolean()), { maxLength: 8 });
  const settings = fc.record({
    end: fc.constantFrom("\n", "\r\n"),
    size: fc.integer({ min: 1, max: 40 }),
    encoding: fc.constantFrom("utf8" as const, "utf16le" as const),
  });
  await fc.assert(
    fc.asyncProperty(table, settings, async (lines, { end, size, encoding }) => {
      const text = `\ufeffx;y;z${end}${lines.map(([a, b, c, force]) => [a, b, c].map((each) => quoted(each, force)).join(";") + end).join("")}`;
      const bytes = Buffer.from(text, encoding);
      const rows = await rowsOf("csv", bytes, size, { delimiter: ";" });
      const written = lines.map(([x, y, z]) => ({ x, y, z }));
      const isBlank = (row: object): boolean => Object.values(row).every((value) => value.trim() === "");
      expect(rows.map(({ record }) => record)).toEqual(written.filter((row) => !isBlank(row)));
      for (const row of rows) {
        const before = bytes.subarray(0, row.endOffset).toString(encoding);
        expect(before.endsWith(end)).toBe(true);
        expect(before.split("\n").length - 1).toBe(row.endLine);
      }
    }),
    { numRuns: 300 },
  );
});

it("takes from a growing file, stop by stop, exactly the rows of the whole file", async () => {
  const lines = fc.array(fc.tuple(cell, fc.integer({ min: 0, max: 9 })), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(lines, fc.nat(), async (pairs, cutSeed) => {
      const bytes = Buffer.from(pairs.map(([text, n]) => `${JSON.stringify({ text, n })}\r\n`).join(""));
      const cut = cutSeed % (bytes.length + 1);
      const first = await rowsOf("jsonl", bytes.subarray(0, cut), 7, { whole: false });
      const place = first.at(-1)?.endOffset ?? 0;
      const second = await rowsOf("jsonl", bytes.subarray(place), 7, { whole: false });
      expect([...first, ...second].map(({ record }) => record)).toEqual(pairs.map(([text, n]) => ({ text, n })));
    }),
  );
});

it("keeps the digits of whole numbers, and every JSON value, through parse and text", () => {
  const value = fc.jsonValue({ maxDepth: 4 });
  fc.assert(
    fc.property(value, fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), (inner, big) => {
      const text = `{"inner":${JSON.stringify(inner)},"big":${big},"text":"${big}","mark":"\\u0001digits:9"}`;
      const parsed = parseJson(text);
      expect(parsed.ok).toBe(true);
      const back = parsed.ok ? jsonText(parsed.value) : "";
      expect(back).toContain(`"big":${big}`);
      expect(back).toContain(`"text":"${big}"`);
      expect(JSON.parse(back)).toEqual(JSON.parse(text));
    }),
  );
});

it("finds the place of a mistake exactly where JSON.parse finds one", () => {
  const damaged = fc.tuple(
    fc.json({ maxDepth: 3 }),
    fc.nat(),
    fc.constantFrom("", "}", "]", ",", ":", '"', "x", "1", "{"),
  );
  fc.assert(
    fc.property(damaged, ([json, seed, mark]) => {
      const at = seed % (json.length + 1);
      const text = json.slice(0, at) + mark + json.slice(at + 1);
      const { ok } = parseJson(text);
      // A text without mistake is read to its end.
      expect(jsonErrorPosition(text) >= text.trimEnd().length || !ok).toBe(true);
    }),
    { numRuns: 500 },
  );
});

it("writes cells that no spreadsheet runs, and reads them back as they were", async () => {
  const text = fc.string({
    unit: fc.constantFrom(..."=+-@＝＠\t\n\r\u00a0\u200b\u2028\ufeff\u0001 '\"a,"),
    maxLength: 10,
  });
  await fc.assert(
    fc.asyncProperty(text, async (value) => {
      const written = csvCell(value).slice(1, -1).replaceAll('""', '"');
      for (const line of written.split(/[\n\r\u2028]/)) expect(line).not.toMatch(/^[\s\p{Cc}\p{Cf}]*[=+\-@＝＠]/u);
      expect(withoutGuard(written)).toBe(value);
      const raw = JSON.stringify({ name: value, other: "x" });
      const csv = rejectsAsCsv([{ id: "7", line: 3, reason: "=why", raw }]);
      const [row] = await rowsOf("csv", Buffer.from(csv), 1000);
      expect(unwrapReject(row?.record, true)).toEqual({ rejectId: "7", record: { name: value, other: "x" } });
    }),
  );
});

it("writes paths that it reads back", () => {
  const segment = fc.string({ unit: fc.constantFrom("a", ".", " ", "(", "#", "1"), minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), (path) => {
      expect(parsePath(pathText(path))).toEqual(path);
    }),
  );
});
