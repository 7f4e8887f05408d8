import { describe, expect, it } from "vitest";
import { mentionsOf } from "../../src/domain/mentions.ts";

const KEYS = ["email:ada+forms@example.com", "phone:+441234567890", "field:Customer no.:1234"];
const isHers = (text: string, asked: string[] = []): boolean => mentionsOf(KEYS, asked).record(text);

describe("a record of a person", () => {
  it.each([
    ['{"email":"Ada+Forms@Example.com"}'],
    ['{"text":"write to\\nada+forms@example.com."}'],
    ['{"from":"Ada \\u003cada+forms@example.com\\u003e"}'],
    ["id=1&email=ada%2Bforms%40example.com"],
    ["f1;Ada;ada+forms@example.com;"],
    ['{"phone":"+44 (1234) 567-890"}'],
    ["name=Ada&phone=%2B441234567890"],
    ["1;Ada;01234 567890"],
  ])("%s", (text) => expect(isHers(text)).toBe(true));

  it.each([
    ['{"email":"nada+forms@example.com"}'],
    ['{"email":"x.ada+forms@example.com"}'],
    ['{"email":"ada+forms@example.com.au"}'],
    ['{"email":"ada+forms@example.community"}'],
    ['{"phone":"+44 1234 567891"}'],
    ['{"phone":"567890"}'],
    ['{"customer":"1234","total":12345}'],
    ['{"email":"bob@example.com","phone":"+441234567890"}'],
    ["email=bob%40example.com&phone=%2B441234567890"],
  ])("is not %s", (text) => expect(isHers(text)).toBe(false));

  it("is, of a number that somebody named, whoever has it", () => {
    const asked = ["phone:+441234567890"];
    expect(isHers('{"email":"bob@example.com","phone":"+441234567890"}', asked)).toBe(true);
  });

  it("is looked for in one very long word without a long wait", () => {
    const started = performance.now();
    expect(isHers("a".repeat(2_000_000))).toBe(false);
    expect(isHers(`1${"(".repeat(2_000_000)}`)).toBe(false);
    expect(isHers("1 ".repeat(1_000_000))).toBe(false);
    expect(performance.now() - started).toBeLessThan(30_000);
  });
});

describe("a record that may be somebody else's", () => {
  const namesOthers = (text: string): boolean => mentionsOf(KEYS, []).others(text);

  it.each([
    ['{"email":"bob@example.com","text":"a friend of ada+forms@example.com"}'],
    ["email=bob%40example.com&text=ada%2Bforms%40example.com"],
    ['{"phone":"+3725550100","text":"ada+forms@example.com"}'],
  ])("%s", (text) => expect(namesOthers(text)).toBe(true));

  it.each([
    ['{"email":"ada+forms@example.com","text":"\\nada+forms@example.com\\n","phone":"+44 1234 567890"}'],
    ["email=%61da%2Bforms%40example%2Ecom&phone=%2B441234567890"],
    ['{"id":"1042","total":"12500","sent":"2026-11-24T10:00:00+02:00"}'],
  ])("is not %s", (text) => expect(namesOthers(text)).toBe(false));
});
