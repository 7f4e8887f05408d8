/** Records made to use up stack, memory or time: each ends as a record or as a reject with its reason, at once. */
import { describe, expect, it, vi } from "vitest";
import { readFormDocument, readJsonDocument } from "../../src/intake/document.ts";
import { compileExpression } from "../../src/intake/expression.ts";
import { readForm } from "../../src/intake/form.ts";
import { parseJson } from "../../src/intake/json-text.ts";

const MEGABYTES_20 = 20_000_000;
const LONG = "x".repeat(MEGABYTES_20);
const DIGITS = "12345678901234567890";

describe("JSON", () => {
  it("of one very long string is read, beside a number that keeps its digits", () => {
    const read = parseJson(`{"a":"${LONG}","n":${DIGITS}}`);
    expect(read).toMatchObject({ ok: true, value: { n: BigInt(DIGITS) } });
  });

  it("keeps digits beside strings that end in backslashes and quotes", () => {
    const value = { "a\\": '\\"', '"': `\\\\"${DIGITS}`, c: "\\" };
    const read = parseJson(`${JSON.stringify(value).slice(0, -1)},"n":${DIGITS},"m":-${DIGITS},"d":${DIGITS}.5}`);
    expect(read).toEqual({
      ok: true,
      value: { ...value, n: BigInt(DIGITS), m: -BigInt(DIGITS), d: Number(`${DIGITS}.5`) },
    });
  });

  it.each([
    ["a mistake behind a very long string", `{"a":"${LONG}",}`, MEGABYTES_20 + 9],
    ["a very long string that does not end", `{"n":${DIGITS},"a":"${LONG}`, 31],
    ["a mistake behind escapes", `["${"\\n".repeat(1_000_000)}",]`, 2_000_005],
    ["a mistake behind blanks", `${" ".repeat(MEGABYTES_20)}}`, MEGABYTES_20 + 1],
    ["a character that no string may hold", `["a\u0001"]`, 2],
    ["an escape that is none", `["${"é".repeat(5000)}\\x"]`, 2],
  ])("with %s is named with its place", (_what, text, column) => {
    expect(parseJson(text)).toEqual({ ok: false, reason: `not JSON (at line 1, column ${column})` });
  });

  it("nested a million deep ends too early, or is read for its bounds to be checked", () => {
    expect(parseJson("[".repeat(1_000_000))).toEqual({ ok: false, reason: "not JSON (it ends too early)" });
    expect(parseJson(`${"[".repeat(100_000)}${DIGITS}${"]".repeat(100_000)}`).ok).toBe(true);
  });
});

describe("a form", () => {
  it.each(["a", "a[]"])("in which %s comes half a million times is a list", (name) => {
    expect(readForm(`${name}=1&`.repeat(500_000)).value.a).toHaveLength(500_000);
  });

  it("may call its fields as it likes: nothing else changes", () => {
    const { value } = readForm("__proto__[x]=1&constructor[prototype][y]=2&a[__proto__][z]=3&toString=4");
    expect(Object.keys(value)).toEqual(["__proto__", "constructor", "a", "toString"]);
    expect([{}, Object].map((other) => ["x", "y", "z"].filter((name) => name in other))).toEqual([[], []]);
  });
});

describe("a document", () => {
  it("of more values than memory could hold is not read, and says what would be", () => {
    const many = Buffer.alloc(36_000_006, "{},");
    expect(readJsonDocument(many).parsed).toEqual({ ok: false, reason: expect.stringContaining("as JSONL") });
  });

  it("that is a form of megabytes is not read", async () => {
    const { parsed } = await readFormDocument(Buffer.alloc(4_000_000, "a=1&"));
    expect(parsed).toEqual({ ok: false, reason: expect.stringContaining("limit of a url-encoded form") });
  });
});

describe("an expression", () => {
  const tools = { phone: () => null, country: null, timezone: "UTC" };
  const BOUNDS = { stack: 1_000, sequence: 1_000_000, timeout: 20_000 };

  it.each([
    ["calls itself ever deeper", "($f := function($x){1 + $f($x)}; $f(1))", /Stack overflow/],
    ["makes a list of millions", "[1..5000000]", /maximum sequence length/],
    ["doubles a text as often as the record says", "$reduce([1..n], function($a, $b){$a & $a}, 'x')", /Invalid string/],
    ["fills up a text", "$pad('x', n * 1000000)", /Invalid string/],
  ])("that %s fails, and the record goes on without that field", async (_how, text, message) => {
    const { evaluate } = await compileExpression(text, "sources.w.map.notes", tools, BOUNDS);
    await expect(evaluate({ n: 3000 })).rejects.toMatchObject({ message: expect.stringMatching(message) });
  });

  it("that runs on for ever fails when its time is up", async () => {
    const text = "($f := function($x){$f($x)}; $f(1))";
    const { evaluate } = await compileExpression(text, "sources.w.map.notes", tools, { ...BOUNDS, timeout: 100 });
    await expect(evaluate({})).rejects.toMatchObject({ message: expect.stringMatching(/Evaluation timeout/) });
  });

  it("that a machine kept waiting is tried once more, and a few times only", async () => {
    // The clock that JSONata looks at, for a real wait might be too long for the second try, too.
    const { now } = Date;
    let lateMs = 0;
    const clock = vi.spyOn(Date, "now").mockImplementation(() => now() + lateMs);
    let calls = 0;
    let isSlow = (call: number): boolean => call === 1;
    const standStill = (): null => {
      calls += 1;
      if (isSlow(calls)) lateMs += 2 * BOUNDS.timeout;
      return null;
    };
    const text = "($phone(t); t)";
    const slow = { ...tools, phone: standStill };
    const { evaluate } = await compileExpression(text, "sources.w.map.notes", slow, BOUNDS);
    expect(await evaluate({ t: "1" })).toBe("1");
    expect(calls).toBe(2);
    isSlow = () => true;
    for (const more of [2, 2, 1]) {
      const before = calls;
      await expect(evaluate({ t: "1" })).rejects.toMatchObject({
        message: expect.stringMatching(/Evaluation timeout/),
      });
      expect(calls - before).toBe(more);
    }
    clock.mockRestore();
  });

  it.each([
    "$merge([{}, {'__proto__': {'polluted': 1}}])",
    "{'__proto__': {'polluted': 1}, 'constructor': {'prototype': {'polluted': 1}}}",
    "$ ~> |$|{'__proto__': {'polluted': 1}}|",
    "$.constructor.prototype.polluted",
    "$lookup($, '__proto__')",
  ])("reaches nothing but its record: %s", async (text) => {
    const { evaluate } = await compileExpression(text, "sources.w.map.notes", tools);
    await evaluate({ a: { b: 1 } });
    expect("polluted" in {}).toBe(false);
  });
});
