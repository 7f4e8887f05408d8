import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { count, counted, localTime, span } from "../../src/report/human.ts";
import { createProgress } from "../../src/report/progress.ts";
import { safeJson, safeLine, safeText, shorten, terminalText } from "../../src/report/safe-text.ts";
import { createStyle } from "../../src/report/style.ts";
import { renderSyncSummary, type SyncSummary } from "../../src/report/sync-summary.ts";
import { table } from "../../src/report/table.ts";

const plain = createStyle({ isTTY: false, columns: undefined }, { color: true }, {});

describe("text of records on a terminal", () => {
  it.each([
    ["\u001b[31mred\u001b[0m", "red"],
    ["\u001b]0;title\u0007x", "x"],
    ["\u001b]8;;https://evil.example\u001b\\link\u001b]8;;\u001b\\", "link"],
    ["\u009b2Jx", "x"],
    ["a\r\nb\tc", "a b c"],
    ["\u202eevil\u2066", "evil"],
    ["bell\u0007\u0000\u007f", "bell"],
    ["\u001bcx", "cx"],
    ["a\u200bd\u2060a\ufeff@\u00adexample\u061c.\u{e0041}com", "ada@example.com"],
    ["a\u200dd\u200ca", "ada"],
    ["\u3164Hangul\uffa0filler", "Hangulfiller"],
    ["می\u200cخواهم", "می\u200cخواهم"],
    ["Ünïcödé 日本 👩‍💻", "Ünïcödé 日本 👩‍💻"],
  ])("%j shows as %j", (text, expected) => {
    expect(safeLine(text)).toBe(expected);
  });

  it("keeps its line ends where several lines are meant", () => {
    expect(safeText("a\u001b[2J\r\nb\rc")).toBe("a\nb\nc");
  });

  it("goes through the same sieve in a table, whoever fills it", () => {
    const text = table([{ title: "KEY" }], [["\u001b[2Jx\ny"]], plain);
    expect(text).toBe("KEY\nx y");
  });

  it("on a whole page is as safe, and colours stay", () => {
    const page = "\u001b[1mTitle\u001b[22m\n\u001b[2Jname\u202e\u009b1mx\tb\u200b\n";
    expect(terminalText(page)).toBe("\u001b[1mTitle\u001b[22m\nnamex\tb\n");
  });

  it("in JSON is the same text, written with escapes", () => {
    const text = "\u001b[2J\u009b1m\u202e\u200b\u2028\u{e0041}\u007f Ünï 👩‍💻\n";
    const written = safeJson(`${JSON.stringify({ text }, null, 2)}\n`);
    expect(JSON.parse(written)).toEqual({ text });
    expect(written.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u202e\u200b\u2028\u{e0041}]/u);
  });

  it("is cut between characters", () => {
    expect(shorten("👩👩👩👩", 3)).toBe("👩👩…");
    expect(shorten("abc", 3)).toBe("abc");
  });
});

describe("colour", () => {
  const painted = (isTTY: boolean, color: boolean, env: Record<string, string>) =>
    createStyle({ isTTY, columns: 100 }, { color }, env).red("x") !== "x";

  it("is there on a terminal only, and where nobody says no", () => {
    expect(painted(true, true, {})).toBe(true);
    expect(painted(false, true, {})).toBe(false);
    expect(painted(false, true, { FORCE_COLOR: "1" })).toBe(false);
    expect(painted(true, false, {})).toBe(false);
    expect(painted(true, true, { NO_COLOR: "1" })).toBe(false);
    expect(painted(true, true, { NO_COLOR: "" })).toBe(true);
    expect(painted(true, true, { TERM: "dumb" })).toBe(false);
  });
});

describe("numbers and times for people", () => {
  it("have their units", () => {
    expect([0, 999, 1000, 1234567].map(count)).toEqual(["0", "999", "1,000", "1,234,567"]);
    expect([counted(1, "record"), counted(2, "record"), counted(0, "discrepancy", "discrepancies")]).toEqual([
      "1 record",
      "2 records",
      "0 discrepancies",
    ]);
    expect([0, 400, 1000, 61_000, 3_600_000, 90_061_000, -5].map(span)).toEqual([
      "0.0s",
      "0.4s",
      "1s",
      "1m 1s",
      "1h",
      "1d 1h",
      "0.0s",
    ]);
  });

  it("name the instant that they mean, in whatever zone the machine is", () => {
    const at = Date.UTC(2026, 10, 20, 10, 15);
    expect(Date.parse(localTime(at).replace(" ", "T").replace(" ", ""))).toBe(at);
  });
});

describe("the progress bar", () => {
  const written = (shown: boolean): string => {
    const parts: string[] = [];
    const stream = new Writable({
      write(chunk, _encoding, done) {
        parts.push(String(chunk));
        done();
      },
    });
    const progress = createProgress(Object.assign(stream, { isTTY: true, columns: 80 }), "Sending", shown);
    progress.update(1, 4, "20 tokens");
    progress.stop();
    const stopped = parts.join("");
    // What was still in flight reports after a signal; it must not bring the bar back.
    progress.update(2, 4, "30 tokens");
    expect(parts.join("")).toBe(stopped);
    return stopped;
  };

  it("shows how far it is, and nothing where it is not wanted", () => {
    expect(written(true)).toContain("1/4 20 tokens");
    expect(written(false)).toBe("");
  });
});

describe("a run's summary", () => {
  const summary: SyncSummary = {
    run: "7",
    ingested: { new: 12, duplicate: 3, conflict: 0, skipped: 0, history: 0, rejected: 0 },
    drained: { done: 10, waiting: 1, uncertain: 1, failed: 2 },
    remaining: 1200,
    warnings: [],
    requests: { total: 31, rateLimited: 1, retried: 2, tokens: 201 },
    lookups: { mirror: 10, search: 2 },
    stopped: "hold",
    hold: {
      kind: "dailyQuota",
      scope: "account",
      until: "2026-11-24T00:00:00.000Z",
      message: "the day's tokens are spent",
    },
    durationMs: 65_000,
  };

  it("says what happened, what holds and what to do", () => {
    expect(renderSyncSummary(summary, plain)).toBe(
      `Ingested  12 new, 3 duplicate
Drained   10 done, 1 waiting, 1 uncertain (being looked for, never sent twice), 2 failed
Requests  31 for 201 tokens, 1 rate limited, 2 retried; look-ups: 10 from the mirror, 2 by search
Hold      dailyQuota (account) until ${localTime(Date.UTC(2026, 10, 24))}: the day's tokens are spent
Failed    2 submissions; see: crmledger failed
Stopped for a hold; the rest waits in the ledger. 1,200 submissions left in the queue. Took 1m 5s.
`,
    );
  });

  it("of a run that broke off does not say that nothing was done where nobody counted it", () => {
    const broken = { ...summary, hold: null, error: { code: "diskFull", message: "the disk is full", hint: null } };
    const text = renderSyncSummary(broken, plain, undefined, { ingested: false, drained: true });
    expect(text).toMatch(/^Ingested {2}12 new, 3 duplicate\nDrained {3}not counted, the run broke off/);
    expect(renderSyncSummary(broken, plain, undefined, { ingested: true, drained: false })).toMatch(
      /^Ingested {2}not counted/,
    );
  });

  it("says when, for a log, and where to look for what was not taken", () => {
    const ingested = { ...summary.ingested, rejected: 1, conflict: 1 };
    const text = renderSyncSummary({ ...summary, ingested }, plain, "2026-11-24T00:00:00.000Z");
    expect(text).toContain("\nKept      2 records that can't be taken; see: crmledger rejects\n");
    expect(text).toContain(`Took 1m 5s, until ${localTime(Date.UTC(2026, 10, 24))}.\n`);
  });
});
