/** What the ledger's every-day verbs take on a ledger of `scaleFolder`, in this process. Some of its queue is delivered. */
import type { Step } from "../../src/domain/chain.ts";
import type { CrmId, SubmissionId } from "../../src/domain/ids.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import type { Claim } from "../../src/ledger/rows.ts";
import { type Bench, begun, claimed, finished, plan, turned } from "./ledger-fixture.ts";
import type { Scale } from "./scale-ledger.ts";
import { numbered } from "./scale-world.ts";

export interface Verb {
  name: string;
  /** Median. */
  ms: number;
}

const ROUNDS = 100;

export async function verbTimes(ledger: Ledger, scale: Scale): Promise<Verb[]> {
  const bench = await benchFor(ledger);
  const verbs: Verb[] = [];
  const timed = async (name: string, work: (round: number) => Promise<unknown>): Promise<void> => {
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const began = performance.now();
      await work(round);
      times.push(performance.now() - began);
    }
    verbs.push({ name, ms: times.sort((a, b) => a - b)[ROUNDS / 2]! });
  };
  const any = (round: number): number => 1 + ((round * 7919) % (scale.delivered - 1));
  const many = <T>(count: number, round: number, one: (name: string) => T): T[] =>
    Array.from({ length: count }, (_, index) => one(numbered(any(round * count + index))));
  await timed("claim of 8", () => claimed(bench, { limit: 8 }));
  await timed("claim, plan, begin and end of one write", () => deliverOne(bench));
  await timed("turn with nothing in it", () => turned(bench));
  await timed("next due time", () => ledger.nextDueAtMs({ source: null, lane: null }));
  await timed("counts of the queue", () => ledger.queue());
  await timed("delays of the queue", () => ledger.lag(bench.now.wallMs));
  await timed("look ahead at 100", () => ledger.peek(100, bench.now.wallMs, { source: null, lane: null }));
  await timed("expired leases", () => ledger.recoverExpired(bench.now, 1));
  const emailOf = (name: string) => `email:lead.${name}@example.com` as const;
  await timed("20 persons of the mirror by e-mail", (round) =>
    ledger.mirrorFind(bench.account, "person", many(20, round, emailOf)),
  );
  await timed("submission by SOURCE/KEY", (round) => ledger.findByName(`website/wf_${numbered(any(round))}`, []));
  await timed("submission by e-mail", (round) => ledger.findByName("", [emailOf(numbered(any(round)))]));
  await timed("story of a submission", (round) => ledger.story(any(round) as SubmissionId));
  await timed("100 keys that came again", (round) =>
    ledger.findSubmissions(
      "website",
      many(100, round, (name) => `wf_${name}`),
    ),
  );
  await ledger.recover([bench.run], bench.now, 0);
  await ledger.closeRun(bench.run, { stopped: "drained", exitCode: 0, summary: null, nowMs: bench.now.wallMs });
  return verbs;
}

async function benchFor(ledger: Ledger): Promise<Bench> {
  const account = (await ledger.account())!.id;
  const now = { wallMs: Date.now(), monoMs: performance.now(), bootId: "bench" };
  const run = await ledger.openRun({ kind: "bench", pid: process.pid, host: "bench", lockName: null, now });
  const pass = (ms: number): void => {
    now.wallMs += ms;
    now.monoMs += ms;
  };
  return { ledger, now, run, account, credential: "bench", pass };
}

/** A turn each for the plan, the intent and the outcome, as a drain has them. */
async function deliverOne(bench: Bench): Promise<void> {
  const [claim] = (await claimed(bench, { limit: 1 })) as [Claim];
  const { claimId } = claim;
  const [[person]] = (await plan(bench, claim, "person")) as [[Step]];
  const requestId = await begun(bench, claimId, person);
  await turned(bench, {
    finished: [finished(bench, requestId)],
    steps: [{ claimId, stepId: person.id, from: "begun", to: "done", crmId: `${person.id}` as CrmId }],
    submissions: [{ claimId, submissionId: person.submissionId, to: "done" }],
    release: [claimId],
  });
}
