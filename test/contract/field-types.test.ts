/** One suite over all of Pipedrive's field types: every row of the table must pass it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pipedriveCodec } from "../../src/crm/pipedrive/fields/codec.ts";
import { FIELD_TYPES } from "../../src/crm/pipedrive/fields/table.ts";
import type { Catalog, FieldDef } from "../../src/domain/catalog.ts";

const OPTIONS = [
  { id: "21", label: "Gold plan" },
  { id: "22", label: "Silver, small" },
  { id: "23", label: "Bronze" },
];
const CATALOG: Catalog = {
  account: { externalId: "1", name: "Acme", domain: "acme", userId: "1", userName: "Sam", currency: "EUR" },
  fields: {},
  labels: {},
  users: [
    { id: "1", name: "Sam Seller", email: "sam@example.com", active: true },
    { id: "2", name: "Ann", email: "ann@example.com", active: true },
    { id: "3", name: "Ann", email: "ann2@example.com", active: true },
    { id: "4", name: "Old Timer", email: "old@example.com", active: false },
  ],
};

interface Row {
  /** What people give, and what goes on the wire. */
  good: [given: unknown, wire: unknown][];
  bad: unknown[];
  /** A wire value, and how the CRM may write the same. */
  same: [unknown, unknown][];
  different: [unknown, unknown][];
  shown: [wire: unknown, text: string];
}

const TEXT: Row = {
  good: [
    [" Analyst ", "Analyst"],
    [17, "17"],
    [12345678901234567890n, "12345678901234567890"],
    [true, "true"],
  ],
  bad: [{ a: 1 }, ["x"], "x".repeat(70_000)],
  same: [
    ["a\nb", "a\r\nb"],
    ["Zoe\u0308", "Zo\u00eb"],
    ["17", 17],
  ],
  different: [["a", "A"]],
  shown: ["Analyst", "Analyst"],
};
const ENUM: Row = {
  good: [
    ["Gold plan", 21],
    ["  gold   PLAN ", 21],
    ["silver, small", 22],
  ],
  bad: ["Platinum", 21, ["Gold plan"], {}],
  same: [
    [21, 21],
    [21, "21"],
    [21, { id: 21, label: "Gold plan" }],
  ],
  different: [[21, 22]],
  shown: [21, "Gold plan"],
};
const RECORD: Row = {
  good: [
    [7, 7],
    ["7", 7],
  ],
  bad: ["Analytical Engines", 0, -1, 1.5, "007", "99999999999999999999"],
  same: [
    [7, "7"],
    [7, { id: 7 }],
    [7, { value: 7, name: "x" }],
  ],
  different: [[7, 8]],
  shown: [7, "7"],
};
const choice = (given: string, wire: unknown, other: string): Row => ({
  ...ENUM,
  good: [
    ["Gold plan", 21],
    [given, wire],
  ],
  bad: ["Platinum", other, {}],
});

const ROWS: Record<keyof typeof FIELD_TYPES, Row> = {
  varchar: { ...TEXT, bad: [...TEXT.bad, "x".repeat(256)] },
  varchar_auto: { ...TEXT, bad: [...TEXT.bad, "x".repeat(256)] },
  varchar_options: TEXT,
  text: { ...TEXT, good: [...TEXT.good, ["x".repeat(60_000), "x".repeat(60_000)]] },
  phone: {
    good: [
      ["+44 1234", "+44 1234"],
      [441234, "441234"],
    ],
    bad: [true, {}, "1".repeat(300)],
    same: [["+44 (12) 34-5", "+4412345"]],
    different: [["+441", "+442"]],
    shown: ["+44 1234", "+44 1234"],
  },
  double: {
    good: [
      [12.5, 12.5],
      ["12.5", 12.5],
      [" -3 ", -3],
      ["1e3", 1000],
      [0, 0],
    ],
    bad: ["1,200", "12 EUR", "0x10", Number.NaN, true, "9007199254740993", {}],
    same: [
      [0.3, 0.1 + 0.2],
      [12, "12.00"],
    ],
    different: [[1, 1.01]],
    shown: [12.5, "12.5"],
  },
  int: {
    good: [
      [12, 12],
      ["12", 12],
    ],
    bad: [12.5, "twelve", {}],
    same: [[12, "12"]],
    different: [[1, 2]],
    shown: [12, "12"],
  },
  boolean: {
    good: [
      [true, true],
      ["Yes", true],
      ["no", false],
      [0, false],
    ],
    bad: ["maybe", {}],
    same: [[true, 1]],
    different: [[true, false]],
    shown: [false, "no"],
  },
  monetary: {
    good: [
      [1200, { value: 1200, currency: "EUR" }],
      ["1200.50", { value: 1200.5, currency: "EUR" }],
      [
        { value: 5, currency: "usd" },
        { value: 5, currency: "USD" },
      ],
      [{ value: "5" }, { value: 5, currency: "EUR" }],
    ],
    bad: ["$ 2,500.00", { value: 5, currency: "dollars" }, { currency: "EUR", amount: 1 }, true],
    same: [
      [
        { value: 5, currency: "EUR" },
        { value: 5, currency: "EUR" },
      ],
      [{ value: 5 }, { value: 5, currency: "USD" }],
      [{ value: 5 }, 5],
    ],
    different: [
      [
        { value: 5, currency: "EUR" },
        { value: 5, currency: "USD" },
      ],
    ],
    shown: [{ value: 1200, currency: "EUR" }, "1200 EUR"],
  },
  enum: ENUM,
  visible_to: choice("3", 3, "2"),
  status: choice("Won", "won", "deleted"),
  set: {
    good: [
      ["Gold plan", [21]],
      [
        ["gold plan", "BRONZE"],
        [21, 23],
      ],
      ["Gold plan; Bronze", [21, 23]],
      ["Silver, small", [22]],
      [["Bronze", "Bronze", ""], [23]],
      [[], undefined],
    ],
    bad: [["Gold plan", "Platinum"], "Gold plan, Platinum", {}],
    same: [
      [
        [21, 23],
        [23, 21],
      ],
      [[21], "21"],
      [[21], [{ id: 21, label: "Gold plan" }]],
    ],
    different: [[[21], [21, 22]]],
    shown: [[21, 23], "Gold plan, Bronze"],
  },
  user: {
    good: [
      ["sam@example.com", 1],
      ["SAM@Example.com", 1],
      ["sam  seller", 1],
      ["ann2@example.com", 3],
    ],
    bad: ["Ann", "Old Timer", "nobody@example.com", 1, {}],
    same: [
      [1, 1],
      [1, { id: 1, name: "Sam" }],
    ],
    different: [[1, 2]],
    shown: [1, "Sam Seller"],
  },
  org: RECORD,
  people: RECORD,
  date: {
    good: [
      ["2026-11-20", "2026-11-20"],
      ["2026-11-20T10:15:00Z", "2026-11-20"],
      ["2024-02-29", "2024-02-29"],
    ],
    bad: ["20.11.2026", "11/20/2026", "2026-02-29", "2026-13-01", "tomorrow", 20261120, {}],
    same: [["2026-11-20", "2026-11-20 00:00:00"]],
    different: [["2026-11-20", "2026-11-21"]],
    shown: ["2026-11-20", "2026-11-20"],
  },
  daterange: {
    good: [
      ["2026-11-20/2026-11-27", { value: "2026-11-20", until: "2026-11-27" }],
      [
        { value: "2026-11-20", until: "2026-11-20" },
        { value: "2026-11-20", until: "2026-11-20" },
      ],
    ],
    bad: ["2026-11-20", "2026-11-27/2026-11-20", { value: "2026-11-20" }, 5],
    same: [
      [
        { value: "2026-11-20", until: "2026-11-27" },
        { value: "2026-11-20", until: "2026-11-27", extra: null },
      ],
    ],
    different: [
      [
        { value: "2026-11-20", until: "2026-11-27" },
        { value: "2026-11-20", until: "2026-11-28" },
      ],
    ],
    shown: [{ value: "2026-11-20", until: "2026-11-27" }, "2026-11-20 to 2026-11-27"],
  },
  time: {
    good: [
      ["14:30", { value: "14:30:00" }],
      ["9:05:07", { value: "09:05:07" }],
      [
        { value: "14:30", timezone_name: "Europe/Tallinn" },
        { value: "14:30:00", timezone_name: "Europe/Tallinn" },
      ],
    ],
    bad: ["24:00", "2 pm", "14:60", 14.5, {}],
    same: [[{ value: "14:30:00" }, { value: "14:30", timezone_name: null }]],
    different: [[{ value: "14:30:00" }, { value: "14:31:00" }]],
    shown: [{ value: "14:30:00" }, "14:30:00"],
  },
  timerange: {
    good: [
      ["09:00/17:30", { value: "09:00:00", until: "17:30:00" }],
      ["22:00/06:00", { value: "22:00:00", until: "06:00:00" }],
    ],
    bad: ["09:00", "9 to 5", { value: "09:00" }],
    same: [
      [
        { value: "09:00:00", until: "17:30:00" },
        { value: "09:00", until: "17:30", timezone_name: "UTC" },
      ],
    ],
    different: [
      [
        { value: "09:00:00", until: "17:30:00" },
        { value: "09:00:00", until: "17:31:00" },
      ],
    ],
    shown: [{ value: "09:00:00", until: "17:30:00" }, "09:00:00 to 17:30:00"],
  },
  address: {
    good: [
      ["1 Main St, Tallinn", { value: "1 Main St, Tallinn" }],
      [
        { value: "1 Main St", country: "Estonia", postal_code: 10115, planet: "Earth" },
        { value: "1 Main St", country: "Estonia", postal_code: "10115" },
      ],
    ],
    bad: [{ country: "Estonia" }, [], ["x"]],
    same: [[{ value: "1 Main St" }, { value: "1  main st", locality: "Tallinn", route: null }]],
    different: [[{ value: "1 Main St" }, { value: "2 Main St" }]],
    shown: [{ value: "1 Main St", country: "Estonia" }, "1 Main St"],
  },
};

const defOf = (type: string): FieldDef => ({
  entity: "person",
  code: "f".repeat(40),
  name: "Field",
  type,
  custom: true,
  writable: true,
  options: OPTIONS,
});

describe.each(Object.keys(FIELD_TYPES))("a field of type %s", (type) => {
  const def = defOf(type);
  const row = ROWS[type] as Row;
  const encode = (value: unknown) => pipedriveCodec.encode(def, value, CATALOG);

  it("takes what it can, as the CRM wants it", () => {
    for (const [given, wire] of row.good) expect([given, encode(given)]).toEqual([given, { ok: true, value: wire }]);
  });

  it("says why it does not take the rest", () => {
    for (const given of row.bad.filter((value) => !Array.isArray(value) || value.length > 0))
      expect([given, encode(given)]).toEqual([given, { ok: false, reason: expect.stringMatching(/^(is|has|ends)/) }]);
  });

  it("finds its own value equal to itself, and to what the CRM makes of it", () => {
    for (const [, wire] of row.good) expect(pipedriveCodec.equal(def, wire, structuredClone(wire))).toBe(true);
    for (const [ours, theirs] of row.same)
      expect([theirs, pipedriveCodec.equal(def, ours, theirs)]).toEqual([theirs, true]);
    for (const [ours, theirs] of row.different) expect(pipedriveCodec.equal(def, ours, theirs)).toBe(false);
  });

  it("takes nothing for nothing", () => {
    for (const empty of [null, undefined, "", "  ", []]) expect(encode(empty)).toEqual({ ok: true, value: undefined });
    expect(pipedriveCodec.equal(def, row.good[0]?.[1], null)).toBe(false);
    expect(pipedriveCodec.equal(def, undefined, null)).toBe(true);
    expect(pipedriveCodec.display(def, null, CATALOG)).toBe("");
  });

  it("shows a value to people", () => {
    expect(pipedriveCodec.display(def, row.shown[0], CATALOG)).toBe(row.shown[1]);
  });

  it("never throws, whatever comes", () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true }), fc.anything({ withBigInt: true }), (value, other) => {
        const encoded = encode(value);
        if (encoded.ok) expect(pipedriveCodec.equal(def, encoded.value, encoded.value)).toBe(true);
        pipedriveCodec.equal(def, value, other);
        expect(typeof pipedriveCodec.display(def, value, CATALOG)).toBe("string");
      }),
    );
  });
});

describe("the table", () => {
  /** What field creation offers (v2 OpenAPI document, 2026-08-18), and the types of built-in fields that can be written. */
  const MADE_BY_PEOPLE =
    "varchar varchar_auto text double monetary enum set user org people phone date daterange time timerange address";
  const BUILT_IN = "boolean int status varchar_options visible_to";

  it("has a row for each type that can be written", () => {
    expect(Object.keys(FIELD_TYPES).sort()).toEqual(`${MADE_BY_PEOPLE} ${BUILT_IN}`.split(" ").sort());
    expect(Object.keys(ROWS).sort()).toEqual(Object.keys(FIELD_TYPES).sort());
  });
});

describe("a field that Pipedrive sets itself", () => {
  it("takes nothing", () => {
    expect(pipedriveCodec.encode(defOf("stage"), "New", CATALOG)).toMatchObject({ ok: false });
  });
});
