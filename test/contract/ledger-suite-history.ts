import { describe, expect, test } from "vitest";
import { delayQuantile, risen, type Sample } from "../../src/domain/sample.ts";
import type { Counter, EndedRun } from "../../src/ledger/history.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import {
  begun,
  bucket,
  claimed,
  finished,
  incoming,
  intent,
  plan,
  START_MS,
  take,
  turned,
} from "../support/ledger-fixture.ts";
import type { Subject } from "./ledger-suite.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export function historyTests(subject: Subject): void {
  describe("history", () => {
    const ledger = (): Ledger => subject.bench.ledger;
    const end = (more: Partial<EndedRun> = {}, on = ledger()) => {
      const { now, credential } = subject.bench;
      const run = { kind: "sync", exitCode: 0, durationMs: 1_200, lookups: { mirror: 0, search: 0 } };
      return on.recordHistory({ ...run, credential, now: { ...now }, ...more });
    };
    const values = async (name: Counter["name"]) =>
      Object.fromEntries(
        (await ledger().counters())
          .filter((one) => one.name === name)
          .map(({ labels, value }) => [Object.values(labels).join(" "), value]),
      );

    /** One submission of a source to the CRM, so long after it was submitted. */
    const deliver = async (afterMs: number, to: "done" | "failed" = "done"): Promise<void> => {
      const { bench } = subject;
      await take(bench, incoming({ submittedAtMs: bench.now.wallMs }));
      bench.pass(afterMs);
      const [claim] = await claimed(bench);
      const step = (await plan(bench, claim!, "person"))[0]![0]!;
      const request = await begun(bench, claim!.claimId, step);
      const { claimId, submissions } = claim!;
      const error = { code: "CRM_REFUSED", message: "m", hint: "h" };
      await turned(bench, {
        finished: [finished(bench, request)],
        steps: [{ claimId, stepId: step.id, from: "begun", to: to === "done" ? "done" : "failed" }],
        submissions: [
          { claimId, submissionId: submissions[0]!.id, to, ...(to === "failed" && { error: error as never }) },
        ],
        release: [claimId],
      });
    };

    test("tells how things stood at the end of a run", async () => {
      const { bench } = subject;
      const buckets = [
        bucket("day", { kind: "day", windowMs: DAY_MS, limit: 1_000, remaining: 700, usedByOthers: 40 }),
        bucket("burst", { limit: 20, usedByOthers: 3 }),
      ];
      await turned(bench, { buckets });
      await take(bench, incoming({ submittedAtMs: START_MS - HOUR_MS }), incoming());
      await ledger().openHold(
        null,
        { kind: "paused", scope: "account", untilMs: null, probe: false, message: "m" },
        START_MS,
      );
      await end({ exitCode: 75 });
      expect(await ledger().history(0)).toMatchObject([
        {
          atMs: START_MS,
          run: { kind: "sync", exitCode: 75, durationMs: 1_200 },
          queue: { pending: 2, done: 0, failed: 0 },
          oldestSeconds: 3_600,
          daily: { limit: 1_000, usedByUs: 0, usedByOthers: 40, remaining: 700 },
          burst: { limit: 20, usedByUs: 0, usedByOthers: 3 },
          holds: 1,
          breakers: 0,
        },
      ] satisfies Partial<Record<keyof Sample, unknown>>[]);
    });

    test("counts deliveries by how long they took, each once", async () => {
      await end();
      await deliver(40_000);
      await deliver(50_000);
      await deliver(2 * HOUR_MS);
      await deliver(1_000, "failed");
      await end();
      const [before, after] = await ledger().history(0);
      expect(risen(before!.sums, after!.sums)).toMatchObject({ requests: 4, delivered: 3, failed: 1 });
      const { operational, background } = after!.delays;
      expect(background).toEqual({});
      expect(operational).toEqual({ 45: 1, 60: 1, 7200: 1 });
      expect(delayQuantile(operational, 0.5)).toBeCloseTo(52.5);
      expect(delayQuantile(operational, 0.95)).toBeGreaterThan(3_600);
      expect((await ledger().delays()).operational).toEqual({ counts: operational, seconds: 40 + 50 + 7_200 });
    });

    test("thins with age and forgets neither the worst nor the sums", async () => {
      const { bench } = subject;
      const age = (one: Sample): number => bench.now.wallMs - one.atMs;
      const between = async (from: number, to: number) =>
        (await ledger().history(0)).filter((one) => age(one) >= from && age(one) < to);
      for (let n = 0; n < 30 * 6; n += 1) {
        bench.pass(10 * MINUTE_MS);
        // Trouble, once.
        await end({ exitCode: n === 1 ? 75 : 0 });
      }
      expect(await between(0, DAY_MS)).toHaveLength(24 * 6);
      expect((await between(DAY_MS, 2 * DAY_MS)).length).toBeLessThanOrEqual(6 * 4 + 2);
      expect((await between(DAY_MS, 2 * DAY_MS)).length).toBeGreaterThan(6 * 4 - 2);
      for (let n = 0; n < 8 * 24; n += 1) {
        bench.pass(HOUR_MS);
        await end();
      }
      const old = await between(7 * DAY_MS, 10 * DAY_MS);
      expect(old.length).toBeLessThanOrEqual(55);
      expect(old.length).toBeGreaterThan(50);
      expect(old.filter((one) => one.worst.exitCode === 75)).toHaveLength(1);
      const times = (await ledger().history(0)).map((one) => one.atMs);
      expect(times).toEqual([...times].sort((a, b) => a - b));
      expect(await values("runs")).toEqual({ "0 sync": 371, "75 sync": 1 });
    });

    test("keeps one sample a minute, the last one, with the worst of all", async () => {
      await end({ exitCode: 3 });
      await take(subject.bench, incoming());
      subject.bench.pass(20_000);
      await end();
      const samples = await ledger().history(0);
      expect(samples).toMatchObject([
        { run: { exitCode: 0 }, worst: { exitCode: 3, waiting: 1 }, queue: { pending: 1 } },
      ]);
    });

    test("stays bounded over years, and through a clock that was ahead", async () => {
      const { bench } = subject;
      for (let day = 0; day < 405; day += 1) {
        bench.pass(DAY_MS);
        await end();
      }
      expect((await ledger().history(0)).length).toBeLessThanOrEqual(401);
      const { wallMs } = bench.now;
      await end({ now: { ...bench.now, wallMs: wallMs + 10 * DAY_MS } });
      await end();
      const [last] = (await ledger().history(0)).slice(-1);
      expect(last!.atMs).toBe(wallMs);
    });

    test("gives what to count from with a part of it", async () => {
      await end();
      subject.bench.pass(HOUR_MS);
      await end();
      subject.bench.pass(HOUR_MS);
      await end();
      const part = await ledger().history(START_MS + HOUR_MS + 1);
      expect(part.map((one) => one.atMs - START_MS)).toEqual([HOUR_MS, 2 * HOUR_MS]);
    });

    test("counts requests by what became of them, whether they were counted at a run's end or not yet", async () => {
      const { bench } = subject;
      const open = await turned(bench, { begin: [intent(1), intent(2, { method: "GET", write: false }), intent(3)] });
      const [first, second, third] = open.granted.map((one) => one.requestId);
      await turned(bench, {
        finished: [
          finished(bench, second!, { status: 200 }),
          finished(bench, third!, { status: 429, outcome: "deferred", rateLimited: true }),
        ],
      });
      const asked = { "applied GET /api/v2/persons 2xx": 1, "deferred POST /api/v2/persons 4xx": 1 };
      expect(await values("requests")).toEqual(asked);
      await end();
      expect(await values("requests")).toEqual(asked);
      await turned(bench, { finished: [finished(bench, first!, { status: null, outcome: "uncertain" })] });
      const all = { ...asked, "uncertain POST /api/v2/persons none": 1 };
      expect(await values("requests")).toEqual(all);
      await end();
      await end();
      expect(await values("requests")).toEqual(all);
      expect(await values("retries")).toEqual({ rateLimited: 1, uncertain: 1 });
    });

    test("counts records by verdict, submissions by how they ended, steps, look-ups and runs", async () => {
      const { bench } = subject;
      await deliver(1_000);
      const known = incoming();
      await take(bench, known, incoming({ source: "shop" }));
      await take(bench, { ...known });
      await end({ lookups: { mirror: 7, search: 2 }, exitCode: 3 });
      await end({ lookups: { mirror: 1, search: 0 }, kind: "reconcile" });
      expect(await values("ingested")).toEqual({ "website new": 2, "shop new": 1, "website duplicate": 1 });
      expect(await values("submissions")).toEqual({ "website done": 1 });
      expect(await values("steps")).toEqual({ "create applied person": 1 });
      expect(await values("lookups")).toEqual({ mirror: 8, search: 2 });
      expect(await values("runs")).toEqual({ "3 sync": 1, "0 reconcile": 1 });
    });

    test("knows since when writes are uncertain, and when a sync ended well", async () => {
      const { bench } = subject;
      expect(await ledger().metricFacts()).toEqual({
        ...{ uncertainSteps: 0, oldestLostAtMs: null, lastGoodRunEndedAtMs: null },
      });
      await take(bench, incoming());
      const [claim] = await claimed(bench);
      const step = (await plan(bench, claim!, "person"))[0]![0]!;
      const request = await begun(bench, claim!.claimId, step);
      const { claimId, submissions } = claim!;
      await turned(bench, {
        finished: [finished(bench, request, { outcome: "uncertain", status: null })],
        steps: [{ claimId, stepId: step.id, from: "begun", to: "uncertain", lostAtMs: START_MS - 5_000 }],
        submissions: [{ claimId, submissionId: submissions[0]!.id, to: "uncertain", dueAtMs: START_MS + 60_000 }],
        release: [claimId],
      });
      await ledger().closeRun(bench.run, { stopped: "drained", exitCode: 3, summary: null, nowMs: START_MS + 9 });
      expect(await ledger().metricFacts()).toEqual({
        ...{ uncertainSteps: 1, oldestLostAtMs: START_MS - 5_000, lastGoodRunEndedAtMs: START_MS + 9 },
      });
    });

    test("knows what is to be sent soon, and leaves out what is kept back", async () => {
      const { bench } = subject;
      await take(bench, incoming(), incoming({ lane: "background" }), incoming({ source: "old", submittedAtMs: 0 }));
      expect(await ledger().workAhead(START_MS + DAY_MS)).toEqual({ operational: 2, background: 1 });
      await ledger().holdBack(bench.run, "old", START_MS, bench.now, "a backlog");
      expect(await ledger().workAhead(START_MS + DAY_MS)).toEqual({ operational: 1, background: 1 });
      const [claim] = await claimed(bench);
      const { claimId, submissions } = claim!;
      const put = { claimId, submissionId: submissions[0]!.id, to: "waiting", dueAtMs: START_MS + HOUR_MS } as const;
      await turned(bench, { submissions: [put], release: [claimId] });
      expect(await ledger().workAhead(START_MS + DAY_MS)).toEqual({ operational: 1, background: 1 });
      expect(await ledger().workAhead(START_MS + MINUTE_MS)).toEqual({ operational: 0, background: 1 });
    });

    test("knows when holds were open", async () => {
      const hold = { kind: "paused", scope: "account", untilMs: null, probe: false, message: "m" } as const;
      await ledger().openHold(null, hold, START_MS);
      await ledger().closeHolds({}, START_MS + HOUR_MS);
      await ledger().openHold(null, { ...hold, scope: "source:website" }, START_MS + 2 * HOUR_MS);
      const shown = { kind: "paused", scope: "account", openedAtMs: START_MS, closedAtMs: START_MS + HOUR_MS };
      expect(await ledger().pastHolds(START_MS, 10)).toMatchObject([
        shown,
        { scope: "source:website", closedAtMs: null },
      ]);
      expect(await ledger().pastHolds(START_MS + HOUR_MS + 1, 10)).toMatchObject([{ scope: "source:website" }]);
      expect(await ledger().pastHolds(0, 1)).toMatchObject([{ scope: "source:website" }]);
    });
  });
}
