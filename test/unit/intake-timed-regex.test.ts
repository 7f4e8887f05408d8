/** Regular expressions of maps: the same results as ever, and no text keeps the others waiting. */
import fc from "fast-check";
import jsonata from "jsonata";
import { describe, expect, it } from "vitest";
import { compileExpression } from "../../src/intake/expression.ts";
import { compileMapping } from "../../src/intake/mapping.ts";
import { timedRegex } from "../../src/intake/timed-regex.ts";
import { sourceOf } from "../support/ingest-rig.ts";

const TOOLS = { phone: () => null, country: null, timezone: "UTC" };

describe("an expression with regular expressions", () => {
  const EXPRESSIONS = [
    "$match(t, /a(b+)?/)",
    "$match(t, /(a|b)+c?/)",
    "$replace(t, /(a+)(b*)/, '$2-$1')",
    "$replace(t, /[ab]+/, 'x', 3)",
    "$split(t, /c+b?/)",
    "$contains(t, /(ab)+c/)",
    "$contains(t, /^abc/i)",
    "$replace(t, /b{2,}/, function($m) { $uppercase($m.match) })",
    "$match(t, /c*$/)",
  ];

  it.each(EXPRESSIONS)("means what JSONata says: %s", async (text) => {
    const { evaluate } = await compileExpression(text, "x", TOOLS);
    const plain = jsonata(text);
    const settled = (work: Promise<unknown>): Promise<string> =>
      work.then(
        (value) => JSON.stringify(value) ?? "nothing",
        (error: { code?: string }) => `throws ${error.code}`,
      );
    const texts = fc.array(fc.constantFrom("a", "b", "c", "ab", "aab", " "), { maxLength: 12 });
    const repeats = fc.constantFrom(1, 3, 120, 900);
    await fc.assert(
      fc.asyncProperty(texts, repeats, async (parts, times) => {
        const t = parts.join("").repeat(times).slice(0, 6_000);
        expect(await settled(evaluate({ t }))).toBe(await settled(plain.evaluate({ t })));
      }),
      { numRuns: 60 },
    );
  });
});

it.each([
  ["quantifiers in each other", "$contains(t, /^(a+)+$/)", `${"a".repeat(40)}!`],
  ["alternatives that overlap", "$match(t, /^(a|aa)+$/)", `${"a".repeat(60)}!`],
  ["three quantifiers in a row", "$replace(t, /a*a*a*b/, '')", "a".repeat(20_000)],
  ["one quantifier over a very long text", "$replace(t, /\\s+$/, '')", `${" ".repeat(500_000)}!`],
  ["what a group found, again", "$match(t, /(a*)\\1\\1b/)", "a".repeat(20_000)],
  ["a split", "$split(t, /(x+x+)+y/)", "x".repeat(40)],
])("one hostile text is a bad value, and the next record is read: %s", { timeout: 180_000 }, async (_how, text, t) => {
  const map = { id: "id", "person.email": "mail", "deal.title": `= ${text} ~> $string()` };
  const mapping = await compileMapping(sourceOf({ map }), () => null);
  const mapped = await mapping.map({ id: "1", mail: "a@example.com", t }, false);
  expect(mapped).toMatchObject({
    content: { badValues: [{ path: "deal.title", reason: expect.stringMatching(/takes longer than \d+ ms/) }] },
  });
  expect(JSON.stringify(mapped)).not.toContain(`${t.slice(0, 30)} takes`);
  const next = await mapping.map({ id: "2", mail: "b@example.com", t: "aab" }, false);
  expect(next).toMatchObject({ type: "submission", content: { person: { email: "b@example.com" } } });
});

describe("a search that the deadline ended", () => {
  // Some ten milliseconds of work.
  const text = `${"a".repeat(22)}!`;

  it("is made once more with patience: what a busy machine reads is what an idle one does", () => {
    const Patient = timedRegex(1, 1);
    expect(new Patient(/^(a+)+$/).exec(text)).toBeNull();
    // What was found did not use it up.
    expect(new Patient(/^(a+)+$|!/).exec(text)).toMatchObject({ 0: "!", index: 22 });
  });

  it("is a fault at once, when patience was for nothing too often", () => {
    const hostile = `${"a".repeat(60)}!`;
    const Patient = timedRegex(1, 1);
    expect(() => new Patient(/^(a+)+$/).exec(hostile)).toThrow("takes longer than 2000 ms");
    expect(() => new Patient(/^(a+)+$/).exec(hostile)).toThrow("takes longer than 1 ms");
  });
});
