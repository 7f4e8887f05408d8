/** Every record that came in is in exactly one place of the accounts, whatever happened to it. */
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import type { Accounts } from "../../src/ledger/accounts.ts";
import type { FoundDiscrepancy } from "../../src/ledger/checks.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import type { IncomingReject, SubmissionRow } from "../../src/ledger/rows.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { EVERYTHING, openCheck } from "../support/check-fixture.ts";
import { type Bench, benchOn, claimed, incoming, START_MS, turned } from "../support/ledger-fixture.ts";

const HOUR = 3_600_000;
const KINDS = ["deal-missing", "deal-deleted", "person-merged", "person-drift", "link-wrong", "copied"] as const;

const act = fc.oneof(
  fc.record({
    do: fc.constant("take" as const),
    key: fc.nat(6),
    content: fc.nat(2),
    history: fc.boolean(),
    hours: fc.nat(30),
  }),
  fc.record({ do: fc.constant("reject" as const), raw: fc.nat(4) }),
  fc.record({ do: fc.constant("skip" as const), records: fc.nat(3) }),
  fc.record({
    do: fc.constant("work" as const),
    to: fc.constantFrom("done" as const, "failed" as const, "waiting" as const),
  }),
  fc.record({ do: fc.constant("drop" as const) }),
  fc.record({ do: fc.constant("requeue" as const) }),
  fc.record({ do: fc.constant("close" as const), mended: fc.boolean() }),
  fc.record({ do: fc.constant("check" as const), kind: fc.constantFrom(...KINDS), which: fc.nat(5) }),
);
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

let open: Ledger | null = null;
afterEach(async () => {
  await open?.close();
  open = null;
});

const batch = { rejects: [], progress: null, closesRejects: [] };

/** Does one act; how many records came in by it, less those that became another one. */
async function perform(bench: Bench, one: Act, serial: number): Promise<number> {
  const { ledger, now, run } = bench;
  const origin = { file: "spool/a.jsonl", line: serial };
  switch (one.do) {
    case "take": {
      const { key, content, history, hours } = one;
      const hashes = { rawHash: `${key} ${content}`, contentHash: String(content) };
      const submittedAtMs = START_MS - hours * HOUR;
      const record = incoming({
        key: `k${key}`,
        email: `p${key}@example.com`,
        ...hashes,
        origin,
        history,
        submittedAtMs,
      });
      await ledger.ingest({ runId: run, submissions: [record], ...batch }, now);
      return 1;
    }
    case "reject": {
      const reject: IncomingReject = {
        source: "website",
        rawHash: `bad ${one.raw}`,
        raw: "{}",
        reason: "no person",
        origin,
      };
      await ledger.ingest({ runId: run, submissions: [], ...batch, rejects: [reject] }, now);
      return 1;
    }
    case "skip":
      await ledger.ingest(
        { runId: run, submissions: [], ...batch, skipped: { source: "website", records: one.records } },
        now,
      );
      return one.records;
    case "work": {
      const [claim] = await claimed(bench, { limit: 1 });
      if (claim === undefined) return 0;
      const changes = claim.submissions.map(({ id }: SubmissionRow) => ({
        claimId: claim.claimId,
        submissionId: id,
        to: one.to,
        ...(one.to === "waiting" && { dueAtMs: now.wallMs }),
      }));
      await turned(bench, { submissions: changes, release: [claim.claimId] });
      return 0;
    }
    case "drop": {
      const [row] = await ledger.failed({});
      if (row !== undefined) await ledger.drop(row.id, "spam", now);
      return 0;
    }
    case "requeue": {
      const rows = await ledger.failed({});
      await ledger.requeue(
        rows.map(({ id }) => id),
        new Map(),
        now,
      );
      return 0;
    }
    case "close": {
      const [row] = (await ledger.rejects(1)).rows;
      if (row === undefined) return 0;
      if (!one.mended) {
        await ledger.closeReject(row.id, "dropped: spam", now);
        return 0;
      }
      const submissions = [incoming({ origin: { file: "mended.csv", line: serial }, submittedAtMs: START_MS })];
      const closesRejects = [{ rejectId: row.id, byIndex: 0 }];
      await ledger.ingest({ runId: run, submissions, ...batch, closesRejects }, now);
      // The mended record is the rejected one.
      return 0;
    }
    case "check": {
      const rows = await ledger.exportRows({ ...EVERYTHING, states: null }, null, 100);
      const row = rows[one.which % Math.max(1, rows.length)];
      const check = await openCheck(bench);
      if (row !== undefined) await ledger.saveDiscrepancies(check.id, [found(row.id, one.kind)], now.wallMs);
      await ledger.finishCheck(check.id, {}, now.wallMs);
      return 0;
    }
  }
}

function found(submissionId: FoundDiscrepancy["submissionId"], kind: string): FoundDiscrepancy {
  return {
    ...{
      fingerprint: `${kind} ${submissionId}`,
      class: "edit",
      kind,
      source: "website",
      key: "k",
      email: null,
      submissionId,
    },
    ...{
      entity: null,
      crmId: null,
      expected: null,
      actual: null,
      message: kind,
      sinceMs: START_MS,
      repair: null,
      safe: false,
      order: null,
    },
  };
}

function sumOf({
  delivered,
  duplicate,
  skipped,
  rejected,
  conflict,
  failed,
  dropped,
  waiting,
  history,
}: Accounts): number {
  const inCrm = Object.values(delivered).reduce((total, n) => total + n, 0);
  return inCrm + duplicate + skipped + rejected + conflict + failed + dropped + waiting + history;
}

test("each record that came in is counted once, and times and sources divide the whole", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 1, maxLength: 25 }), async (acts) => {
      open = await openSqliteLedger({ path: ":memory:", create: true, nowMs: START_MS, uid: undefined });
      const bench = await benchOn(open);
      let received = 0;
      for (const [index, one] of acts.entries()) {
        bench.pass(1_000);
        received += await perform(bench, one, index + 1);
      }
      const nowMs = bench.now.wallMs;
      const all = await open.accounts(EVERYTHING, nowMs);
      expect(sumOf(all)).toBe(received);
      const done = (await open.queue()).done;
      expect(Object.values(all.delivered).reduce((total, n) => total + n, 0)).toBe(done);
      const before = await open.accounts({ ...EVERYTHING, untilMs: START_MS - 12 * HOUR }, nowMs);
      const after = await open.accounts({ ...EVERYTHING, sinceMs: START_MS - 12 * HOUR }, nowMs);
      expect(sumOf(before) + sumOf(after)).toBe(received);
      expect(sumOf(await open.accounts({ ...EVERYTHING, source: "shop" }, nowMs))).toBe(0);
      await open.close();
      open = null;
    }),
    { numRuns: 150 },
  );
});
