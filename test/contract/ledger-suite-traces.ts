import { describe, expect, test } from "vitest";
import type { Step } from "../../src/domain/chain.ts";
import type { SubmissionId } from "../../src/domain/ids.ts";
import {
  begun,
  claimed,
  columnsOf,
  finished,
  incoming,
  intent,
  plan,
  START_MS,
  take,
  turned,
} from "../support/ledger-fixture.ts";
import type { Subject } from "./ledger-suite.ts";

const ALL = Number.MAX_SAFE_INTEGER;

export function traceTests(subject: Subject): void {
  const bench = () => subject.bench;
  const arrivals = async (limit = 10): Promise<number[]> =>
    (await bench().ledger.takeArrivals(limit)).map(({ id }) => Number(id));

  describe("what traces are made of", () => {
    test("arrivals are given once, in order, to whoever asks, from the first time that traces began", async () => {
      await take(bench(), incoming());
      expect(await arrivals()).toEqual([]);
      const id = await bench().ledger.beginTraces();
      expect(id).toMatch(/^[0-9a-f]{32}$/);
      await take(bench(), incoming(), incoming(), incoming());
      expect(await bench().ledger.beginTraces()).toBe(id);
      expect(await arrivals(2)).toEqual([2, 3]);
      const other = await subject.again();
      expect((await other.takeArrivals(10)).map((one) => Number(one.id))).toEqual([4]);
      expect(await arrivals()).toEqual([]);
    });

    test("arrivals of a large import are given too, though others that came meanwhile were let in before", async () => {
      const { ledger, run, now } = bench();
      await ledger.beginTraces();
      await ledger.arrive([columnsOf([incoming(), incoming()], run)], now);
      await take(bench(), incoming());
      const seen = await arrivals();
      for (let more = true; more; ) ({ more } = await ledger.admit(run, "website", 1, { whole: true }, now));
      seen.push(...(await arrivals()));
      expect(seen.sort()).toEqual([1, 2, 3]);
      expect(await arrivals()).toEqual([]);
    });

    test("the sender's context is what the map took, and the headers that a webhook was stored with; never the body", async () => {
      const { ledger } = bench();
      await ledger.beginTraces();
      const headers = { traceparent: "00-a-b-01" };
      const content = { person: { email: "ada@example.com" }, traceparent: "00-c-d-01" };
      await take(
        bench(),
        incoming({ raw: JSON.stringify({ headers, body: { person: "Ada" } }), content }),
        incoming({ raw: "no JSON" }),
      );
      const [first, second] = await ledger.takeArrivals(10);
      expect(first).toMatchObject({ traceparent: "00-c-d-01", headers: JSON.stringify(headers), source: "website" });
      expect(second).toMatchObject({ traceparent: null, headers: null, takenBy: bench().run, receivedAtMs: START_MS });
      expect(await ledger.tracedAs(first!.id)).toEqual({ ledgerId: await ledger.beginTraces(), submission: first });
      expect(await ledger.tracedAs(99 as SubmissionId)).toBe(null);
    });

    test("a ledger that never had traces says so", async () => {
      await take(bench(), incoming());
      expect(await bench().ledger.tracedAs(1 as SubmissionId)).toBe(null);
    });

    test("of a run's work for a submission each request is told once, with its step or as a look-up", async () => {
      const { ledger, run } = bench();
      await take(bench(), incoming());
      const [claim] = await claimed(bench());
      const { id } = claim!.submissions[0]!;
      const [[step]] = (await plan(bench(), claim!, "person")) as [[Step]];
      const look = await turned(bench(), { begin: [intent(1, { method: "GET", write: false, onBehalfOf: [id] })] });
      const read = look.granted[0]!.requestId;
      await turned(bench(), { finished: [finished(bench(), read)] });
      const write = await begun(bench(), claim!.claimId, step);
      const told = async (after: number, through: number) =>
        (await ledger.workOf(run, id, after, through))!.requests.map((one) => [one.id, one.stepId, one.outcome]);
      // What is still on its way is not told.
      expect(await told(0, ALL)).toEqual([[read, null, "applied"]]);
      const steps = [{ claimId: claim!.claimId, stepId: step.id, from: "begun" as const, to: "done" as const }];
      await turned(bench(), { finished: [finished(bench(), write)], steps });
      expect(await told(0, ALL)).toEqual([
        [read, null, "applied"],
        [write, step.id, "applied"],
      ]);
      expect(await told(read, ALL)).toEqual([[write, step.id, "applied"]]);
      expect(await told(0, read)).toEqual([[read, null, "applied"]]);
      expect((await ledger.workOf(run, id, 0, ALL))!.steps).toMatchObject([{ id: step.id, name: "person" }]);
      const other = await ledger.openRun({ kind: "sync", pid: 8, host: "host", lockName: null, now: bench().now });
      expect((await ledger.workOf(other, id, 0, ALL))!.requests).toEqual([]);
      expect(await ledger.workOf(run, 99 as SubmissionId, 0, ALL)).toBe(null);
    });

    test("a dead run's submissions are told while they are in its hands, and what it had begun when they were taken back", async () => {
      const { ledger, run, now } = bench();
      await take(bench(), incoming());
      const [claim] = await claimed(bench());
      const { id } = claim!.submissions[0]!;
      const [[step]] = (await plan(bench(), claim!, "person")) as [[Step]];
      const write = await begun(bench(), claim!.claimId, step);
      expect(await ledger.inHandOf([run])).toEqual([{ run, submission: id }]);
      await ledger.recover([run], now, 60_000);
      expect(await ledger.inHandOf([run])).toEqual([]);
      const { requests } = (await ledger.workOf(run, id, 0, ALL))!;
      expect(requests).toMatchObject([{ id: write, outcome: "uncertain", endedAtMs: null, status: null }]);
    });
  });
}
