import { describe, expect, test } from "vitest";
import type { Condition } from "../../src/domain/alert.ts";
import type { AlertLook, AlertMessage } from "../../src/ledger/alerts.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { claimed, finished, incoming, intent, plan, START_MS, take, turned } from "../support/ledger-fixture.ts";
import type { Subject } from "./ledger-suite.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

const condition = (more: Partial<Condition> = {}): Condition => ({
  kind: "failed",
  subject: "TIMEOUT",
  level: "warning",
  rank: 0,
  message: "1 submission failed",
  hint: "crmledger failed",
  sinceMs: null,
  lastsMs: 0,
  quietMs: 0,
  recovers: true,
  ...more,
});

export function alertTests(subject: Subject): void {
  describe("alerts", () => {
    const ledger = (): Ledger => subject.bench.ledger;
    const nowMs = (): number => subject.bench.now.wallMs;
    const record = (conditions: Condition[], more: Partial<AlertLook> = {}, on = ledger()) =>
      on.recordAlerts({ nowMs: nowMs(), conditions, unjudged: [], channels: ["a"], ...more });
    const lease = async (on = ledger(), channels = ["a"]) =>
      (await on.leaseAlertMessages(channels, nowMs(), nowMs() + MINUTE_MS, nowMs() - 24 * HOUR_MS)).messages;
    /** What channel `a` is told now; it takes all of it. */
    const told = async (): Promise<string[]> => {
      const messages = await lease();
      await ledger().recordAlertMessages(messages, true, nowMs());
      return messages.map(({ event, subject: of, level }) => `${event} ${of} ${level}`);
    };

    test("knows what the newest run that took records in said, whatever ran or died since", async () => {
      const runOf = async (kind: string, summary: unknown) => {
        const run = await ledger().openRun({ kind, pid: 1, host: "test", lockName: null, now: subject.bench.now });
        const end = { stopped: "drained", exitCode: 0, summary, nowMs: nowMs() };
        if (summary !== undefined) await ledger().closeRun(run, end);
      };
      expect(await ledger().lastIntake()).toBeNull();
      await runOf("sync", { n: 1 });
      await runOf("ingest", { n: 2 });
      await runOf("import", { n: 3 });
      await runOf("sync", null);
      await runOf("sync", undefined);
      expect(await ledger().lastIntake()).toEqual({ n: 2 });
    });

    test("tells of a condition when it begins, when it gets worse and when it is over, and of nothing between", async () => {
      await record([condition()]);
      expect(await told()).toEqual(["opened TIMEOUT warning"]);
      await record([condition({ message: "2 submissions failed" })]);
      expect(await told()).toEqual([]);
      await record([condition({ rank: 1, level: "critical" })]);
      expect(await told()).toEqual(["worse TIMEOUT critical"]);
      await record([condition()]);
      await record([condition({ rank: 1, level: "critical" })]);
      expect(await told()).toEqual([]);
      subject.bench.pass(HOUR_MS);
      await record([]);
      const [message] = await lease();
      expect(message).toMatchObject({ event: "recovered", sinceMs: START_MS, closedAtMs: START_MS + HOUR_MS });
      await record([]);
      expect(await ledger().alerts()).toEqual([]);
    });

    test("is a new alert when it comes again, and another one for another subject", async () => {
      await record([condition()]);
      await record([]);
      await record([condition(), condition({ subject: "REFUSED" })]);
      expect(await ledger().alerts()).toHaveLength(2);
      expect(await told()).toEqual(["recovered TIMEOUT warning", "opened TIMEOUT warning", "opened REFUSED warning"]);
    });

    test("waits until it has lasted, counted from its own beginning where that is known", async () => {
      const lasting = condition({ lastsMs: 5 * MINUTE_MS });
      await record([lasting, condition({ subject: "old", lastsMs: 5 * MINUTE_MS, sinceMs: START_MS - HOUR_MS })]);
      expect(await told()).toEqual(["opened old warning"]);
      expect(await ledger().alerts()).toMatchObject([{ toldAtMs: START_MS }, { toldAtMs: null }]);
      subject.bench.pass(6 * MINUTE_MS);
      await record([lasting]);
      expect(await told()).toEqual(["opened TIMEOUT warning", "recovered old warning"]);
    });

    test("says nothing of what did not last", async () => {
      await record([condition({ lastsMs: 5 * MINUTE_MS })]);
      await record([]);
      subject.bench.pass(6 * MINUTE_MS);
      await record([condition({ lastsMs: 5 * MINUTE_MS })]);
      expect(await told()).toEqual([]);
    });

    test("damps what comes and goes: over is what was gone for its time at two looks", async () => {
      const restless = condition({ quietMs: 10 * MINUTE_MS });
      await record([restless]);
      await told();
      for (let turn = 0; turn < 5; turn += 1) {
        subject.bench.pass(8 * MINUTE_MS);
        await record(turn % 2 === 0 ? [] : [restless]);
      }
      expect(await told()).toEqual([]);
      subject.bench.pass(10 * MINUTE_MS);
      await record([]);
      const [message] = await lease();
      // Over since the first look that did not see it.
      expect(message).toMatchObject({ event: "recovered", closedAtMs: START_MS + 40 * MINUTE_MS });
    });

    test("leaves alone what a look could not judge, and ends in silence what has no end worth a word", async () => {
      await record([condition({ kind: "disk" }), condition({ kind: "crmNames", recovers: false })]);
      await told();
      await record([], { unjudged: ["disk"] });
      expect(await told()).toEqual([]);
      expect(await ledger().alerts()).toMatchObject([{ kind: "disk" }]);
    });

    test("of processes that see the same at the same time one tells, each channel once", async () => {
      const other = await subject.again();
      const both = { channels: ["a", "b"] };
      await Promise.all([record([condition()], both), record([condition()], both, other)]);
      const leases = await Promise.all([lease(ledger(), ["a", "b"]), lease(other, ["a", "b"])]);
      expect(leases.flat().map(({ channel, event }) => `${channel} ${event}`)).toEqual(["a opened", "b opened"]);
    });

    test("takes no notice of a look that is a little older than the last one, but of a clock that was put back", async () => {
      await record([]);
      await record([condition()], { nowMs: START_MS - 1 });
      expect(await ledger().alerts()).toEqual([]);
      await record([condition()], { nowMs: START_MS - HOUR_MS });
      expect(await ledger().alerts()).toHaveLength(1);
    });

    test("tries again what a channel did not take, for a day, then gives it up", async () => {
      await record([condition()], { channels: ["a", "gone"] });
      const first = await lease();
      expect(await lease()).toEqual([]);
      await ledger().recordAlertMessages(first, false, nowMs());
      subject.bench.pass(23 * HOUR_MS);
      const second = await lease();
      expect(second).toHaveLength(1);
      await ledger().recordAlertMessages(second, false, nowMs());
      subject.bench.pass(2 * HOUR_MS);
      const late = await ledger().leaseAlertMessages(["a"], nowMs(), nowMs() + 1, nowMs() - 24 * HOUR_MS);
      expect(late).toEqual({ messages: [], givenUp: [{ channel: "a", count: 1 }] });
    });

    test("a process that died while it told is followed by another one, and what changed meanwhile is told too", async () => {
      await record([condition()]);
      const lost: AlertMessage[] = await lease();
      subject.bench.pass(2 * MINUTE_MS);
      expect(await lease()).toHaveLength(1);
      // What the first process says later about its lease counts no more.
      await ledger().recordAlertMessages(lost, true, nowMs());
      subject.bench.pass(2 * MINUTE_MS);
      expect(await told()).toEqual(["opened TIMEOUT warning"]);
    });

    test("who was not told that it began is told of it with its end", async () => {
      await record([condition()]);
      await record([condition({ rank: 1 })]);
      await record([]);
      expect(await told()).toEqual(["recovered TIMEOUT warning"]);
    });
  });

  describe("what alerts are made of", () => {
    const facts = (requestsSinceMs = START_MS) => {
      const { ledger, now } = subject.bench;
      const historySinceMs = now.wallMs - 35 * 24 * HOUR_MS;
      return ledger.alertFacts({
        nowMs: now.wallMs,
        requestsSinceMs,
        driftsSinceMs: 0,
        findingsSinceMs: 0,
        historySinceMs,
      });
    };

    test("the oldest that waits, for each source, in whatever state; not what is kept back until somebody lets it go", async () => {
      const { bench } = subject;
      await take(bench, incoming({ source: "shop", submittedAtMs: START_MS - 9 * HOUR_MS }));
      expect(await bench.ledger.holdBack(bench.run, "shop", START_MS, bench.now, "old")).toBe(1);
      const old = { submittedAtMs: START_MS - 3 * HOUR_MS };
      await take(bench, incoming(), incoming({ ...old, source: "fair" }), incoming({ submittedAtMs: START_MS - 1 }));
      const [claim] = await claimed(bench, { source: "fair", limit: 1 });
      expect(claim!.submissions).toHaveLength(1);
      expect((await facts()).oldest.map(({ source, submittedAtMs }) => ({ source, submittedAtMs }))).toEqual([
        { source: "fair", ...old },
        { source: "website", submittedAtMs: START_MS - 1 },
      ]);
    });

    test("failed ones by cause, rejects by source, and requests that must be made again", async () => {
      const { bench } = subject;
      const reject = { source: "fair", rawHash: "r1", raw: "{}", reason: "nobody", origin: { file: "f", line: 1 } };
      const batch = { runId: bench.run, submissions: [], progress: null, closesRejects: [] };
      await bench.ledger.ingest({ ...batch, rejects: [reject] }, bench.now);
      await take(bench, incoming());
      const [claim] = await claimed(bench);
      const [steps] = await plan(bench, claim!, "person");
      const step = { claimId: claim!.claimId, stepId: steps![0]!.id, action: "create" as const };
      const { granted } = await turned(bench, { begin: [intent(1, { steps: [step] }), intent(2)] });
      const error = { code: "ERR_X", message: "x", hint: "y" };
      const { submissions, claimId } = claim!;
      await turned(bench, {
        finished: [
          finished(bench, granted[0]!.requestId, { outcome: "refused" }),
          finished(bench, granted[1]!.requestId, { outcome: "deferred" }),
        ],
        steps: [{ claimId, stepId: step.stepId, from: "begun", to: "failed", error }],
        submissions: [{ claimId, submissionId: submissions[0]!.id, to: "failed", error }],
        release: [claimId],
      });
      expect(await facts()).toMatchObject({
        failed: [{ cause: "ERR_X", count: 1, firstAtMs: START_MS }],
        rejects: [{ source: "fair", rejected: 1, conflict: 0 }],
        requests: { total: 2, again: 1 },
        oldest: [],
      });
      expect((await facts(START_MS + 1)).requests).toEqual({ total: 0, again: 0 });
    });

    test("the hours in which submissions came and syncs began, and when one ended well", async () => {
      const { bench } = subject;
      const hour = START_MS / HOUR_MS;
      await take(bench, incoming(), incoming());
      bench.pass(3 * HOUR_MS);
      await take(bench, incoming(), incoming({ history: true, source: "past" }));
      const { ledger, now } = bench;
      await ledger.closeRun(bench.run, { stopped: "drained", exitCode: 3, summary: null, nowMs: now.wallMs });
      const later = await ledger.openRun({ kind: "sync", pid: 1, host: "h", lockName: null, now });
      await ledger.closeRun(later, { stopped: "hold", exitCode: 75, summary: null, nowMs: now.wallMs + 1 });
      const { arrivals, runs } = await facts();
      expect(arrivals).toEqual([{ source: "website", hours: [hour, hour + 3] }]);
      expect(runs).toEqual({
        hours: [hour, hour + 3],
        startedAtMs: [now.wallMs, START_MS],
        lastGoodEndedAtMs: now.wallMs,
      });
    });
  });
}
