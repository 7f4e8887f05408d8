/** Whatever happens in whatever order: one person is in one hand, and a person's submissions of a lane keep their order. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Step } from "../../src/domain/chain.ts";
import type { Claim } from "../../src/ledger/rows.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import {
  type Bench,
  begun,
  benchOn,
  claimed,
  incoming,
  LEASE_MS,
  plan,
  START_MS,
  take,
  turned,
} from "../support/ledger-fixture.ts";

const SETTLE_MS = 60_000;

type Action =
  | { type: "ingest"; people: number[]; ageMinutes: number; background: boolean }
  | { type: "claim"; limit: number }
  | { type: "end"; which: number; to: "done" | "failed" | "waiting" | "uncertain" }
  | { type: "pass"; minutes: number }
  | { type: "die" };

const person = fc.integer({ min: 0, max: 3 });
const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({
    type: fc.constant("ingest" as const),
    people: fc.uniqueArray(person, { minLength: 1, maxLength: 2 }),
    ageMinutes: fc.integer({ min: 0, max: 40 }),
    background: fc.boolean(),
  }),
  fc.record({ type: fc.constant("claim" as const), limit: fc.integer({ min: 1, max: 5 }) }),
  fc.record({
    type: fc.constant("end" as const),
    which: fc.nat(9),
    to: fc.constantFrom("done" as const, "failed" as const, "waiting" as const, "uncertain" as const),
  }),
  fc.record({ type: fc.constant("pass" as const), minutes: fc.integer({ min: 0, max: 3 }) }),
  fc.constant({ type: "die" as const }),
);

/** Ends the first submission of a claim, and gives the claim back. */
async function end(bench: Bench, claim: Claim, to: "done" | "failed" | "waiting" | "uncertain"): Promise<void> {
  const { claimId } = claim;
  const submission = claim.submissions[0]!;
  const known = submission.steps.find((step) => step.name === "person");
  const step = known ?? ((await plan(bench, claim, "person")) as [[Step]])[0][0];
  if (to === "uncertain" && step.state === "open") await begun(bench, claimId, step);
  const from = to === "uncertain" && step.state === "open" ? ("begun" as const) : step.state;
  const stepTo = to === "done" ? "done" : to === "uncertain" ? "uncertain" : step.state;
  const dueAtMs = bench.now.wallMs + SETTLE_MS;
  const result = await turned(bench, {
    steps: [{ claimId, stepId: step.id, from, to: stepTo, lostAtMs: to === "uncertain" ? bench.now.wallMs : null }],
    submissions: [{ claimId, submissionId: submission.id, to, dueAtMs, keepKeys: to === "uncertain" }],
    release: [claimId],
  });
  expect(result.fenced).toEqual([]);
}

function expectOneHand(live: readonly Claim[]): void {
  const holders = new Map<string, number>();
  for (const claim of live) {
    for (const key of new Set(claim.submissions.flatMap((submission) => submission.identityKeys))) {
      expect(holders.get(key), `${key} is in two hands`).toBeUndefined();
      holders.set(key, claim.claimId);
    }
  }
}

describe("claims", () => {
  test("one person is in one hand, nothing is lost, and everything ends", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 60 }), async (actions) => {
        const ledger = await openSqliteLedger({ path: ":memory:", create: true, nowMs: START_MS });
        const bench = await benchOn(ledger);
        let live: Claim[] = [];
        let given = 0;
        for (const act of actions) {
          if (act.type === "ingest") {
            given += 1;
            await take(
              bench,
              incoming({
                identityKeys: act.people.map((who) => `email:${who}@example.com`),
                submittedAtMs: bench.now.wallMs - act.ageMinutes * 60_000,
                lane: act.background ? "background" : "operational",
              }),
            );
          } else if (act.type === "claim") {
            for (const claim of await claimed(bench, { limit: act.limit })) {
              const times = claim.submissions.map((row) => row.submittedAtMs);
              const uncertain = claim.submissions.some((row) => row.steps.some((step) => step.state === "uncertain"));
              if (!uncertain) expect(times).toEqual([...times].sort((a, b) => a - b));
              live.push(claim);
            }
          } else if (act.type === "end" && live.length > 0) {
            const [claim] = live.splice(act.which % live.length, 1);
            await end(bench, claim!, act.to);
          } else if (act.type === "pass") {
            bench.pass(act.minutes * 60_000);
            await turned(bench);
          } else if (act.type === "die") {
            live = [];
            bench.pass(LEASE_MS + 1);
            await ledger.recoverExpired(bench.now, SETTLE_MS);
          }
          expectOneHand(live);
        }
        // Somebody does all the rest: nothing may stay behind a key that nobody gives back.
        for (let rounds = 0; rounds < 200; rounds += 1) {
          for (const claim of live.splice(0)) await end(bench, claim, "done");
          live.push(...(await claimed(bench)));
          if (live.length === 0) bench.pass(SETTLE_MS);
          expectOneHand(live);
          const queue = await ledger.queue();
          if (queue.done + queue.failed === given) break;
        }
        const queue = await ledger.queue();
        expect(queue.done + queue.failed).toBe(given);
        expect(await ledger.check()).toEqual([]);
        await ledger.close();
      }),
      { numRuns: 60 },
    );
  });
});
