import { expect, test } from "vitest";
import type { SourceSettings } from "../../src/domain/settings.ts";
import { compileMapping } from "../../src/intake/mapping.ts";
import { loadPhoneNormalizer } from "../../src/intake/phone.ts";
import { timeFormOf } from "../../src/intake/time.ts";
import { sourceOf } from "../support/ingest-rig.ts";

async function leftovers(record: object, changes: Partial<SourceSettings>): Promise<string[]> {
  const mapping = await compileMapping(sourceOf(changes), await loadPhoneNormalizer());
  const found = await mapping.leftovers(record);
  return found.map(({ path, text, toNote }) => `${path.join(".")}=${text}${toNote ? " (note)" : ""}`);
}

test("an expression reads what it chose, not everything that it might have chosen", async () => {
  const answers = [
    { ref: "mail", value: "ada@example.com" },
    { ref: "team", value: "11-50" },
  ];
  const map = { "person.email": "= answers[ref = 'mail'].value" };
  expect(await leftovers({ answers }, { map })).toEqual(["answers.1.value=11-50"]);
});

test("an expression that builds on whole members reads all that is in them", async () => {
  const record = { data: { a: "1", b: { c: "2" } }, other: "3" };
  expect(await leftovers(record, { map: { notes: "= $each(data, function($v) { $string($v) })" } })).toEqual([
    "other=3",
  ]);
  expect(await leftovers(record, { map: { "person.fields.All": "data" } })).toEqual(["other=3"]);
});

test("an expression that fails leaves what it did not come to", async () => {
  const record = { mail: "ada@example.com", at: "yesterday" };
  expect(await leftovers(record, { map: { submittedAt: "= $time(at, 'x') & mail" } })).toEqual([
    "mail=ada@example.com",
  ]);
});

test("whole numbers beyond 2^53 are shown with their digits", async () => {
  expect(await leftovers({ id: 706405506930370084n, mail: "" }, { map: { "person.email": "= mail" } })).toEqual([
    "id=706405506930370084",
  ]);
});

test("what restToNote takes is named as such, exactly as the note has it", async () => {
  const record = { fields: { mail: "ada@example.com", team: "5", tags: [], notes: ["a", "b"] }, ip: "192.0.2.1" };
  const changes = { map: { "person.email": "fields.mail" }, restToNote: "fields" };
  expect(await leftovers(record, changes)).toEqual([
    "fields.team=5 (note)",
    "fields.notes=a, b (note)",
    "ip=192.0.2.1",
  ]);
  const mapping = await compileMapping(sourceOf(changes), await loadPhoneNormalizer());
  const mapped = await mapping.map(record, false);
  // An empty list is no line.
  expect(mapped.type === "submission" && mapped.content.notes).toEqual(["team: 5\nnotes: a, b"]);
});

test("without a map nothing is left over: members that are unknown are the mapping's to name", async () => {
  expect(await leftovers({ person: { email: "ada@example.com" }, x: 1 }, { map: null })).toEqual([]);
});

test.each([
  ["2026-11-20T10:15:00Z", "offset"],
  ["2026-11-20 10:15+0100", "offset"],
  ["2026-11-20 10:15", "local"],
  [1795169827, "epochSeconds"],
  ["1795169827310", "epochMilliseconds"],
  ["20.11.2026", null],
])("the form of the time %s is %s", (text, form) => {
  expect(timeFormOf(text)).toBe(form);
});
