import { describe, expect, test } from "vitest";
import { type ForecastDocument, forecastText, lookupsText } from "../../src/report/forecast-words.ts";
import { localTime } from "../../src/report/human.ts";

const NOW_MS = Date.UTC(2026, 10, 23, 12, 0, 0);
const at = (hours: number): string => new Date(NOW_MS + hours * 3_600_000).toISOString();
/** As this machine's zone shows it. */
const shown = (hours: number): string => localTime(NOW_MS + hours * 3_600_000).slice(0, 16);
const told = (more: Partial<ForecastDocument> = {}): string =>
  forecastText(
    {
      ...{ submissions: 214, requests: 900, tokensMin: 4_310, tokensMax: 4_310, plannedFrom: 214, today: 214 },
      ...{ leftToday: 7_065, partOfLeft: 0.61, held: false, doneAt: at(0.01), days: [] },
      ...more,
    },
    NOW_MS,
  );

describe("a forecast in words", () => {
  test("of what fits into today", () => {
    const time = shown(0.01).slice(11);
    expect(told()).toBe(`214 submissions, 4,310 tokens, 61 % of what is left today, done at ${time}`);
    expect(told({ tokensMin: 3_900, plannedFrom: 100 })).toBe(
      `214 submissions, about 3,900 to 4,310 tokens, at most 61 % of what is left today, done at ${time}`,
    );
    expect(told({ partOfLeft: 0.001 })).toContain(", less than 1 % of");
    expect(told({ partOfLeft: null, leftToday: null })).toBe(`214 submissions, 4,310 tokens, done at ${time}`);
    expect(told({ submissions: 1, today: 1 })).toMatch(/^1 submission, /);
  });

  test("of what does not: what goes today, and when the rest goes", () => {
    const days = [
      { from: at(0), submissions: 90, tokens: 1_800 },
      { from: at(30), submissions: 124, tokens: 2_510 },
    ];
    expect(told({ today: 90, doneAt: at(31), days, leftToday: 1_812 })).toBe(
      `214 submissions, 4,310 tokens: 90 go today (1,812 tokens are left for us), the rest from ${shown(30)} on, done at ${shown(31)}`,
    );
    expect(told({ today: 0, doneAt: at(31), days, leftToday: 0 })).toContain(": none of them goes today (0 tokens");
  });

  test("of what never fits, and of what a hold keeps back", () => {
    expect(told({ doneAt: null })).toMatch(/more than the day's budget will ever let through/);
    expect(told({ held: true })).toMatch(/61 % of what is left today; they go once the hold is over$/);
  });

  test("look-ups say what they saved, where they did", () => {
    expect(lookupsText({ mirror: 1_204, search: 31, tokensSaved: 23_000 })).toBe(
      "1,204 answered by the mirror, 31 by search; about 23,000 tokens saved",
    );
    expect(lookupsText({ mirror: 0, search: 3, tokensSaved: 0 })).toBe("0 answered by the mirror, 3 by search");
  });
});
