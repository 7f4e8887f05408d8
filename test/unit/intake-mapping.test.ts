import { beforeAll, describe, expect, it } from "vitest";
import type { PhoneNormalizer } from "../../src/domain/identity.ts";
import type { SourceSettings } from "../../src/domain/settings.ts";
import { compileMapping, type Mapped } from "../../src/intake/mapping.ts";
import { loadPhoneNormalizer } from "../../src/intake/phone.ts";
import { sourceOf } from "../support/ingest-rig.ts";

let phone: PhoneNormalizer;
beforeAll(async () => {
  phone = await loadPhoneNormalizer();
});

const map = async (record: unknown, changes: Partial<SourceSettings> = {}, flat = false): Promise<Mapped> =>
  await (await compileMapping(sourceOf(changes), phone)).map(record, flat);
const content = async (record: unknown, changes: Partial<SourceSettings> = {}, flat = false) => {
  const mapped = await map(record, changes, flat);
  return mapped.type === "submission" ? mapped.content : mapped;
};
const key = async (record: unknown, changes: Partial<SourceSettings> = {}) => {
  const mapped = await map(record, changes);
  return mapped.type === "submission" ? mapped.key : null;
};
const MAIL = { "person.email": "m" };
const configInvalid = (text: string) =>
  expect.objectContaining({ code: "configInvalid", message: expect.stringContaining(text) });

describe("the submission's own shape", () => {
  it("is taken as the contract shows it", async () => {
    const shape = {
      person: {
        name: "Ada Lovelace",
        email: "ada@example.com",
        phone: "+441234567890",
        owner: "sales@example.com",
        labels: ["Web"],
        fields: { "Job title": "Analyst" },
      },
      organization: { name: "Analytical Engines" },
      deal: {
        title: "Engine",
        value: 1200,
        currency: "EUR",
        pipeline: "Sales",
        stage: "New",
        owner: "person",
        key: "q-77",
      },
      notes: ["Please call me on Monday."],
    };
    const mapped = await map({ id: "wf_8812", submittedAt: "2026-11-20T10:15:00Z", lane: "operational", ...shape });
    expect(mapped).toMatchObject({ type: "submission", key: "wf_8812", lane: "operational", content: shape });
    expect(mapped).toMatchObject({ identityKeys: ["email:ada@example.com", "phone:+441234567890"], unknown: [] });
  });

  it("takes numbers as text, text as numbers and single values as lists", async () => {
    const person = {
      name: 7,
      email: " ADA@Example.com ",
      labels: "Web",
      fields: { a: null, b: "", c: 0, d: 12345678901234567890n },
    };
    const value = await content({ id: 5, person, deal: { value: " 1200.50 ", currency: "eur" }, notes: "Hi" });
    expect(value).toEqual({
      person: { name: "7", email: "ada@example.com", labels: ["Web"], fields: { c: 0, d: "12345678901234567890" } },
      deal: { value: 1200.5, currency: "EUR" },
      notes: ["Hi"],
    });
  });

  it.each([
    ["deal.value", { deal: { value: "$ 2,500.00" } }, "$ 2,500.00"],
    ["deal.value", { deal: { value: "2500,50" } }, "2500,50"],
    ["deal.value", { deal: { value: 10n ** 20n } }, "100000000000000000000"],
    ["deal.currency", { deal: { currency: "Euro" } }, "Euro"],
    ["submittedAt", { submittedAt: "yesterday" }, "yesterday"],
    ["lane", { lane: "fast" }, "fast"],
    ["person.owner", { person: { phone: "+441234567890", owner: { id: 1 } } }, '{"id":1}'],
    [
      "person.email",
      { person: { phone: "+441234567890", email: "noor AT example DOT com" } },
      "noor AT example DOT com",
    ],
  ])("keeps a bad %s beside a usable person", async (path, record, value) => {
    const bad = await content({ person: { email: "a@example.com" }, ...record });
    expect(bad).toMatchObject({ badValues: [{ path, value }] });
  });

  it("becomes a reject with onBadValue: reject", async () => {
    const plan = { ...sourceOf().plan, onBadValue: "reject" as const };
    expect(await map({ person: { email: "a@example.com" }, deal: { value: "x" } }, { plan })).toMatchObject({
      type: "reject",
      reason: expect.stringContaining("deal.value"),
    });
  });

  it("has its phone as E.164, nationally written ones by the source's country", async () => {
    const phones = [
      await map({ person: { phone: "+372 5123-4567" } }),
      await map({ person: { phone: "5123 4567" } }, { country: "EE" }),
    ];
    for (const mapped of phones) {
      expect(mapped).toMatchObject({
        content: { person: { phone: "+37251234567" } },
        identityKeys: ["phone:+37251234567"],
      });
    }
  });

  it("keeps a phone that can't be normalised as text, unmatched", async () => {
    const mapped = await map({ person: { email: "a@example.com", phone: "555-0100" } });
    expect(mapped).toMatchObject({ content: { person: { phone: "555-0100" } }, identityKeys: ["email:a@example.com"] });
    expect(await map({ person: { phone: "555-0100" } })).toMatchObject({
      type: "reject",
      reason: expect.stringContaining("country"),
    });
  });

  it("is known by a match field, too", async () => {
    const plan = {
      ...sourceOf().plan,
      persons: { match: ["person.fields.Customer no.", "email"], onMatch: "keep" as const, country: null },
    };
    const mapped = await map({ person: { fields: { "Customer no.": " 77 " } } }, { plan });
    expect(mapped).toMatchObject({ type: "submission", identityKeys: ["field:Customer no.:77"] });
    expect(await map({ person: { name: "x" } }, { plan })).toMatchObject({
      reason: "no usable e-mail, phone or person.fields.Customer no.",
    });
  });

  it("reads columns as flattened paths; names of fields may hold dots and be numbers", async () => {
    const row = {
      "person.email": "a@example.com",
      "person.fields.`Company (incl. Ltd.)`": "x",
      "person.fields.a.b": "y",
      "person.fields.2024": "z",
      "notes.1": "second",
      "notes.0": "first",
      "deal.title": "",
    };
    expect(await content(row, {}, true)).toEqual({
      person: { email: "a@example.com", fields: { "Company (incl. Ltd.)": "x", "a.b": "y", 2024: "z" } },
      notes: ["first", "second"],
    });
  });
});

describe("keys", () => {
  it("are the source's own, else the hash of mapped record and time", async () => {
    const a = { m: "a@example.com", t: 1795169702 };
    const changes = { map: { ...MAIL, submittedAt: "t" } };
    expect(await key(a, changes)).toMatch(/^[\da-f]{64}$/);
    expect(await key({ ...a, noise: 1 }, changes)).toBe(await key(a, changes));
    expect(await key({ ...a, t: 1795169703 }, changes)).not.toBe(await key(a, changes));
    expect(await key({ ...a, i: 0 }, { map: { ...MAIL, id: "i" } })).toBe("0");
    expect(await key({ ...a, i: " " }, { map: { ...MAIL, id: "i" } })).toMatch(/^[\da-f]{64}$/);
  });
});

describe("maps", () => {
  it("read dotted paths, backticks on both sides, indexes and names with dots", async () => {
    const record = { m: "a@example.com", f: { "1.3": "x", list: [{ v: "second" }] }, "g.h": "y" };
    const changes = {
      map: {
        ...MAIL,
        "person.fields.`Company (incl. Ltd.)`": "f.`1.3`",
        "deal.title": "f.list.0.v",
        "deal.key": "g.h",
      },
    };
    expect(await content(record, changes)).toMatchObject({
      person: { fields: { "Company (incl. Ltd.)": "x" } },
      deal: { title: "second", key: "y" },
    });
  });

  it("find nothing that the record did not bring", async () => {
    const changes = { map: { ...MAIL, "person.name": "constructor.name", "deal.title": "__proto__.x" } };
    expect(await content({ m: "a@example.com" }, changes)).toEqual({ person: { email: "a@example.com" } });
  });

  it("take the first of several paths that has a value, and all of notes and labels", async () => {
    const changes = {
      map: { ...MAIL, "person.name": ["a", "b"], "person.labels": ["a", "b", "c"], notes: ["= 'N: ' & b", "c"] },
    };
    expect(await content({ m: "a@example.com", b: "B", c: "C" }, changes)).toEqual({
      person: { email: "a@example.com", name: "B", labels: ["B", "C"] },
      notes: ["N: B", "C"],
    });
  });

  it("label a bad value as the record does, where the map is a plain path", async () => {
    const record = { m: "a@example.com", f: { Budget: "a lot" } };
    expect(await content(record, { map: { ...MAIL, "deal.value": "f.Budget" } })).toMatchObject({
      badValues: [{ label: "Budget" }],
    });
    expect(await content(record, { map: { ...MAIL, "deal.value": "= f.Budget" } })).toMatchObject({
      badValues: [{ label: "value" }],
    });
  });

  it("leave a field out where an expression has no result, and count one that throws", async () => {
    const changes = {
      map: { ...MAIL, "deal.title": "= missing", "deal.key": "= $number('x')", "deal.owner": "= $eval('1')" },
    };
    expect(await content({ m: "a@example.com" }, changes)).toMatchObject({
      person: { email: "a@example.com" },
      badValues: [
        { path: "deal.key", value: "= $number('x')", reason: expect.stringContaining("failed") },
        { path: "deal.owner", reason: expect.stringContaining("$eval is off") },
      ],
    });
  });

  it("have functions for what sources send as text", async () => {
    const record = {
      m: "a@example.com",
      j: '{"a":[1,9007199254740993]}',
      f: "x=1&y[z]=2",
      p: "020 7946 0000",
      t: "20/11/2026 10:15",
      n: "706405506930370084",
    };
    const changes = {
      timezone: "Europe/Berlin",
      map: {
        ...MAIL,
        "person.phone": "= $phone(p, 'GB')",
        "deal.title": "= $json(j).a[1]",
        "deal.key": "= $form(f).y.z",
        submittedAt: "= $time(t, '[D01]/[M01]/[Y0001] [H01]:[m01]')",
        "person.name": "= $phone(nothing)",
      },
    };
    expect(await map(record, changes)).toMatchObject({
      submittedAtMs: Date.parse("2026-11-20T09:15:00Z"),
      content: { person: { phone: "+442079460000" }, deal: { title: "9007199254740993", key: "2" } },
    });
  });

  it.each([
    [{ "person.emial": "m" }, "map.person.emial is no part of a submission"],
    [{ toString: "m" }, "map.toString is no part of a submission"],
    [{ "constructor.name": "m" }, "map.constructor.name is no part of a submission"],
    [{ person: "m" }, "map.person is no part"],
    [{ "person.fields": "m" }, "map.person.fields is no part"],
    [{ "person.email": "a..b" }, 'map.person.email: "a..b" is not a path'],
    [{ "person.email": "= (" }, "is not a JSONata expression"],
  ])("that are broken are config errors with their key", async (broken, message) => {
    await expect(map({}, { map: broken as unknown as Record<string, string> })).rejects.toEqual(configInvalid(message));
  });
});

describe("restToNote", () => {
  it("turns what no map reads into lines of the note, and nothing that one reads", async () => {
    const record = {
      f: {
        m: "a@example.com",
        msg: "Hi",
        budget: 500,
        topics: ["a", "b"],
        empty: "",
        deep: { x: 1, y: { z: true } },
        first: "A",
        last: "B",
      },
      other: 1,
    };
    const map = {
      "person.email": "f.m",
      notes: ["= f.msg"],
      "deal.key": "f.deep.x",
      "person.name": "= f.(first & ' ' & last)",
    };
    expect(await content(record, { map, restToNote: "f" })).toMatchObject({
      notes: ["Hi\n\nbudget: 500\ntopics: a, b\ndeep / y / z: true"],
    });
  });

  it("makes the note where there is none, with `$` of the whole record", async () => {
    expect(
      await content(
        { Mail: "a@example.com", Colour: "red" },
        { map: { "person.email": "Mail" }, restToNote: "$" },
        true,
      ),
    ).toMatchObject({
      notes: ["Colour: red"],
    });
  });
});

describe("a bug that one record brings to light", () => {
  const broken: PhoneNormalizer = (text, country) => {
    if (text.includes("666")) throw new TypeError("undefined is not a function");
    return phone(text, country);
  };

  it("makes a reject of that record, and of no other", async () => {
    const mapping = await compileMapping(sourceOf({ map: { "person.phone": "tel" } }), broken);
    expect(await mapping.map({ tel: "+44 1234 666890" }, false)).toMatchObject({
      type: "reject",
      reason: expect.stringContaining("crmledger met a bug"),
    });
    expect(await mapping.map({ tel: "+44 1234 567890" }, false)).toMatchObject({
      identityKeys: ["phone:+441234567890"],
    });
  });
});
