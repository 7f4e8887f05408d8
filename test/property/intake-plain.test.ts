/** What is read of a CSV's cells by short ways is, to the letter, what the long ones make of its records. */
import fc from "fast-check";
import * as library from "libphonenumber-js/min";
import { describe, expect, it, test } from "vitest";
import { canonicalJson, sha256 } from "../../src/domain/json.ts";
import { batchRows } from "../../src/ingest/mapped-rows.ts";
import type { RowBatch } from "../../src/ingest/row-batch.ts";
import { readCsv, readCsvBatches } from "../../src/intake/csv.ts";
import { CellReader, readCells } from "../../src/intake/csv-cells.ts";
import { compileMapping, type Mapping } from "../../src/intake/mapping.ts";
import { loadPhoneNormalizer } from "../../src/intake/phone.ts";
import { sourceOf } from "../support/ingest-rig.ts";

const phone = await loadPhoneNormalizer();

const COLUMNS = ["id", "at", "name", "mail", "phone", "note", "more", "7", "value", "__proto__", "a.b", " x "];
const cell = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom("", " ", "Ada  Lovelace", " Ada\u00a0L. ", 'say "hi"', "a\\b", "=1+1", "7", "2,5"),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom("P1@Example.com", " p2@example.com ", "z\u0308o\u00eb@example.com", "nobody"),
  },
  { weight: 3, arbitrary: fc.constantFrom("+4917112345678", "0171 12345678", "+49 171 1234 5678", "+12025550123") },
  {
    weight: 3,
    arbitrary: fc.constantFrom("2026-11-20 10:15:00", "1795168800", "12.50", "-0", "1e3", "9".repeat(17), "EUR"),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "two\nlines",
      "one\r\ntwo",
      "\n",
      "\t",
      "\u0000",
      "\u0000a",
      "Zo\u00eb \u{1f600}",
      "\u2028",
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 60 }) },
);
const path = fc.constantFrom(
  "id",
  "at",
  "name",
  "mail",
  "phone",
  "note",
  "more",
  "7",
  "value",
  "`__proto__`",
  "a.b",
  "` x `",
  "x",
  "gone",
  "name.gone",
);
const KNOWN = [
  ...["id", "submittedAt", "notes", "person.name", "person.email", "person.phone", "person.owner", "person.fields.B"],
  ...["person.fields.A", "organization.name", "organization.owner", "organization.fields.`x y`", "deal.title"],
  ...["deal.value", "deal.currency", "deal.pipeline", "deal.stage", "deal.owner", "deal.key", "deal.fields.C"],
];
const OTHERS = ["notes.0", "lane", "traceparent", "person.labels", "person.fields.12", "deal.fields.`__proto__`"];
const lineOf = (targets: readonly string[]) =>
  fc.tuple(fc.constantFrom(...targets), fc.oneof(path, fc.array(path, { minLength: 1, maxLength: 3 })));
const PERSON: [string, string][] = [
  ["person.email", "mail"],
  ["person.phone", "phone"],
];
const maps = fc
  .tuple(fc.array(lineOf(KNOWN), { maxLength: 5 }), fc.array(lineOf(OTHERS), { maxLength: 1 }), fc.nat(3), fc.boolean())
  .map(([lines, others, isOdd, isBased]) =>
    Object.fromEntries([...(isBased ? PERSON : []), ...lines, ...(isOdd === 0 ? others : [])]),
  );
/** Most of them can be taken. */
const GOOD = new Map(
  Object.entries({
    mail: "p@example.com",
    at: "2026-11-20 10:15:00",
    value: "12.50",
    more: "EUR",
  }),
);
const row = fc
  .tuple(...COLUMNS.map((name) => fc.oneof({ weight: 3, arbitrary: fc.constant(GOOD.get(name) ?? `${name} 1`) }, cell)))
  .map((cells) => [...cells]);
const oddRow = fc.array(cell, { minLength: COLUMNS.length - 1, maxLength: COLUMNS.length + 1 });
const rows = fc.array(fc.oneof({ weight: 4, arbitrary: row }, oddRow), { minLength: 1, maxLength: 8 });

const written = (cells: readonly string[]): string => cells.map((text) => `"${text.replaceAll('"', '""')}"`).join(",");

async function* bytesOf(columns: readonly string[], all: readonly string[][]): AsyncGenerator<Uint8Array> {
  yield Buffer.from(`${[columns, ...all].map(written).join("\n")}\n`);
}

const START = { start: { offset: 0, line: 0 }, encoding: "utf-8", delimiter: ",", dialect: null };
const OPTIONS = { ...START, whole: true, onDialect: () => {} };

async function read(mapping: Mapping, columns: readonly string[], all: readonly string[][], maps: boolean) {
  const batches = readCsvBatches(bytesOf(columns, all), OPTIONS);
  const found: RowBatch[] = [];
  for await (const batch of batchRows(batches, mapping, maps)) found.push(batch);
  return found;
}

/** Columns that the short way does not know: each row is read as its record. */
const LONG = { ofCells: () => null };

describe("rows of a CSV under a plain map", () => {
  let short = 0;
  it("become what their records become", async () => {
    const setting = fc.record({
      country: fc.constantFrom("DE", null),
      match: fc.constantFrom<string[]>(["email", "phone"], ["phone"], ["email", "person.fields.A"]),
    });
    await fc.assert(
      fc.asyncProperty(
        maps,
        rows,
        setting,
        fc.shuffledSubarray(COLUMNS, { minLength: COLUMNS.length }),
        async (map, inOrder, { country, match }, columns) => {
          const order = columns.map((name) => COLUMNS.indexOf(name));
          const all = inOrder.map((cells) =>
            cells.length === COLUMNS.length ? order.map((at) => cells[at] as string) : cells,
          );
          const plain = sourceOf();
          const plan = { ...plain.plan, persons: { ...plain.plan.persons, match } };
          const mapping = await compileMapping({ ...plain, map, country, plan }, phone);
          const taken = await read(mapping, columns, all, true);
          const mapCells = mapping.ofCells(columns);
          for (const cells of all) if (cells.length === columns.length && mapCells?.(cells)) short += 1;
          expect(taken).toEqual(await read({ ...mapping, ...LONG }, columns, all, true));
        },
      ),
      { numRuns: 1_500 },
    );
    expect(short).toBeGreaterThan(300);
  });

  it("have the raw text and hash of their records", async () => {
    const names = fc.uniqueArray(
      fc.oneof(fc.string({ minLength: 1, maxLength: 5 }), fc.constantFrom("3", "1", "__proto__")),
      { minLength: 1, maxLength: 6, selector: (name) => name.trim() },
    );
    await fc.assert(
      fc.asyncProperty(names, fc.array(fc.array(cell, { maxLength: 7 }), { maxLength: 6 }), async (columns, all) => {
        const mapping = await compileMapping(sourceOf(), phone);
        const taken = await read(mapping, columns, all, false);
        const long: string[][] = [];
        for await (const row of readCsv(bytesOf(columns, all), OPTIONS))
          if (row.record !== undefined && JSON.stringify(row.record) === row.raw)
            long.push([row.raw, sha256(canonicalJson(row.record)), String(row.line), String(row.endOffset)]);
        const short = taken.flatMap(({ columns: { raw, rawHash, line, endOffset } }) =>
          raw.map((text, at) => [text, rawHash[at], String(line[at]), String(endOffset[at])]),
        );
        expect(short).toEqual(long);
      }),
      { numRuns: 300 },
    );
  });
});

describe("cells of records that come batch by batch", () => {
  const text = fc.string({ unit: fc.constantFrom("a", '"', ",", ";", " ", "\n", "\u00e9"), maxLength: 8 });
  it("are those that each batch has by itself", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(text, { maxLength: 5 }), { maxLength: 6 }),
        fc.constantFrom(",", ";"),
        (batches, delimiter) => {
          const reader = new CellReader(delimiter);
          for (const records of batches) expect(reader.read(records)).toEqual(readCells(records, delimiter));
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

test("a phone number that is E.164 already is what the library makes of it, in every country", () => {
  const codes = [...new Set(library.getCountries().map((country) => library.getCountryCallingCode(country)))];
  const digits = fc.array(fc.nat(9), { minLength: 2, maxLength: 14 }).map((list) => list.join(""));
  const country = fc.option(fc.constantFrom(...library.getCountries()), { nil: undefined });
  let same = 0;
  fc.assert(
    fc.property(fc.constantFrom(...codes, "800", "881", "999", "21"), digits, country, (code, national, from) => {
      const text = `+${code}${national}`;
      const parsed = library.parsePhoneNumberFromString(text, from);
      const expected = parsed?.isPossible() ? parsed.number : null;
      expect(phone(text, from)).toBe(expected);
      if (expected === text) same += 1;
    }),
    { numRuns: 20_000 },
  );
  expect(same).toBeGreaterThan(2_000);
});
