import { describe, expect, test } from "vitest";
import { defaultAlerts } from "../../src/config/alert-settings.ts";
import type { HoldRow } from "../../src/ledger/rows.ts";
import { conditionsOf } from "../../src/notify/conditions.ts";
import type { Facts } from "../../src/notify/facts.ts";

const NOW_MS = Date.UTC(2026, 10, 24, 12);
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

const NOTHING: Facts["ledger"] = {
  ...{ failed: [], rejects: [], oldest: [], arrivals: [], dealCounts: [], echoes: [], drifts: [] },
  requests: { total: 0, again: 0 },
  runs: { hours: [], startedAtMs: [], lastGoodEndedAtMs: null },
};

function facts(more: Partial<Omit<Facts, "ledger">> & { ledger?: Partial<Facts["ledger"]> } = {}): Facts {
  return {
    ...{ nowMs: NOW_MS, settings: defaultAlerts(), holds: [], dayUsed: null, burstLeft: null, breaks: [] },
    ...{ lastRun: null, freeBytes: 1e12, changedNames: [], closedFiles: [], heldFiles: [] },
    ...more,
    ledger: { ...NOTHING, ...more.ledger },
  };
}

/** `failed ERR warning 0` for each. */
const found = (given: Parameters<typeof facts>[0]): string[] =>
  conditionsOf(facts(given)).map(({ kind, subject, level, rank }) => `${kind} ${subject} ${level} ${rank}`);

const hold = (more: Partial<HoldRow>): HoldRow => ({
  ...{ id: 1, kind: "outage", scope: "account", untilMs: null, probe: true, message: "said ada@example.com" },
  ...{ openedAtMs: NOW_MS - 10 * MINUTE_MS, closedAtMs: null },
  ...more,
});

describe("conditions", () => {
  test("nothing is the matter with an empty ledger, and with what could not be found out", () => {
    expect(found({})).toEqual([]);
    expect(found({ freeBytes: null })).toEqual([]);
  });

  test("failed ones count together for the threshold, and each cause gets worse tenfold", () => {
    const settings = { ...defaultAlerts(), failed: 5 };
    const failed = (...counts: number[]) =>
      counts.map((count, index) => ({ cause: `ERR_${index}`, count, firstAtMs: NOW_MS }));
    expect(found({ settings, ledger: { failed: failed(2, 2) } })).toEqual([]);
    expect(found({ settings, ledger: { failed: failed(2, 3) } })).toEqual([
      "failed ERR_0 warning 0",
      "failed ERR_1 warning 0",
    ]);
    expect(found({ ledger: { failed: failed(9) } })).toEqual(["failed ERR_0 warning 0"]);
    expect(found({ ledger: { failed: failed(10) } })).toEqual(["failed ERR_0 critical 1"]);
    expect(found({ ledger: { failed: failed(1000) } })).toEqual(["failed ERR_0 critical 3"]);
  });

  test("a cause that is no machine word is not passed on", () => {
    const failed = [
      { cause: "person ada@example.com exists", count: 1, firstAtMs: NOW_MS },
      { cause: "<b>", count: 2, firstAtMs: NOW_MS },
    ];
    const [condition, ...more] = conditionsOf(facts({ ledger: { failed } }));
    expect(more).toEqual([]);
    expect(condition).toMatchObject({ subject: "other", message: "3 submissions failed: other" });
  });

  test("the budget is one alert that gets worse", () => {
    const at = (dayUsed: number) => found({ dayUsed });
    expect(at(0.69)).toEqual([]);
    expect([0.7, 0.85, 0.95].flatMap(at)).toEqual([
      "quota daily warning 0",
      "quota daily warning 1",
      "quota daily critical 2",
    ]);
    expect(found({ dayUsed: 0.6, settings: { ...defaultAlerts(), quota: [0.5] } })).toEqual(["quota daily warning 0"]);
  });

  test("a rate needs enough requests to be one", () => {
    const rate = (again: number, total: number) => found({ ledger: { requests: { again, total } } });
    expect([rate(19, 19), rate(2, 20), rate(3, 20)]).toEqual([[], [], ["retryRate requests warning 0"]]);
  });

  test("waiting is late past the target, critical past three times of it, and the worst of a source tells", () => {
    const since = (minutes: number, source = "website") => ({
      ...{ source, targetMs: 15 * MINUTE_MS },
      submittedAtMs: NOW_MS - minutes * MINUTE_MS,
    });
    expect(found({ ledger: { oldest: [since(15)] } })).toEqual([]);
    const changed = { ...since(40), targetMs: 5 * MINUTE_MS };
    expect(found({ ledger: { oldest: [since(16), changed, since(20, "fair")] } })).toEqual([
      "delay website critical 1",
      "delay fair warning 0",
    ]);
  });

  test("a hold is critical where everything waits and nobody did it on purpose", () => {
    const levels = (["outage", "blocked", "staleLedger", "dailyQuota", "burst", "paused"] as const).map(
      (kind) => conditionsOf(facts({ holds: [hold({ kind })] }))[0]!,
    );
    expect(levels.map(({ level }) => level)).toEqual([...Array(3).fill("critical"), ...Array(3).fill("warning")]);
    expect(levels.map(({ lastsMs }) => lastsMs / MINUTE_MS)).toEqual([5, 0, 0, 5, 5, 24 * 60]);
    expect(
      found({ holds: [hold({ scope: "group:notes" }), hold({ kind: "credentials", scope: "credential" })] }),
    ).toEqual(["credentials credentials credential critical 0", "hold outage group:notes warning 0"]);
  });

  test("says nothing that a hold's message or a record says", () => {
    const holds = (["outage", "source", "paused", "planCap", "credentials"] as const).map((kind) => hold({ kind }));
    expect(JSON.stringify(conditionsOf(facts({ holds })))).not.toContain("ada");
  });

  describe("the plan's cap", () => {
    const settings = { ...defaultAlerts(), dealCap: 10_000 };
    const counts = (...deals: number[]) => ({
      dealCounts: deals.map((count, index) => ({
        deals: count,
        atMs: NOW_MS - (deals.length - 1 - index) * 7 * DAY_MS,
      })),
    });

    test("is judged by what the last check counted, and forecast by the pace of the checks", () => {
      expect(found({ settings, ledger: counts(7_900) })).toEqual([]);
      expect(found({ settings, ledger: counts(8_000) })).toEqual(["planCap deals warning 1"]);
      expect(found({ settings, ledger: counts(9_500) })).toEqual(["planCap deals critical 2"]);
      expect(found({ settings, ledger: counts(6_000, 7_000) })).toEqual([]);
      const [soon] = conditionsOf(facts({ settings, ledger: counts(5_000, 7_500) }));
      expect(soon).toMatchObject({ rank: 0, message: expect.stringContaining("it is full in 7 days") });
    });

    test("is not guessed: without an allowance or a count there is only the CRM's refusal", () => {
      expect(found({ ledger: counts(1e6) })).toEqual([]);
      expect(found({ settings })).toEqual([]);
      const holds = [hold({ kind: "planCap", scope: "group:deals" })];
      expect(found({ holds, ledger: counts(9_000) })).toEqual(["planCap deals critical 3"]);
    });
  });

  test("a missing run is not told where something else tells why", () => {
    const hours = Array.from({ length: 24 * 7 }, (_, index) => NOW_MS / 3_600_000 - 24 * 7 + index);
    const startedAtMs = hours
      .slice(-100)
      .map((hour) => hour * 3_600_000)
      .reverse();
    const runs = { hours, startedAtMs, lastGoodEndedAtMs: NOW_MS - 4 * 3_600_000 };
    const lastRun = { kind: "sync", exitCode: 75, state: "ended" as const, startedAtMs: NOW_MS };
    expect(found({ lastRun, ledger: { runs } })).toEqual(["noRun sync critical 0"]);
    expect(found({ lastRun: { ...lastRun, state: "working" }, ledger: { runs } })).toEqual([]);
    expect(found({ lastRun: { ...lastRun, exitCode: 78 }, ledger: { runs } })).toEqual(["run exit 78 critical 0"]);
    expect(found({ lastRun, holds: [hold({})], ledger: { runs } })).toEqual(["hold outage account critical 0"]);
  });
});
