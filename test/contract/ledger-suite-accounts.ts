/** Accounts of all that came in: part of the ledger's suite. */
import { describe, expect, test } from "vitest";
import type { CheckScope, FoundDiscrepancy } from "../../src/ledger/checks.ts";
import { deliver, EVERYTHING, openCheck } from "../support/check-fixture.ts";
import { incoming, START_MS, take } from "../support/ledger-fixture.ts";
import type { Subject } from "./ledger-suite.ts";

const HOUR = 3_600_000;

function found(submissionId: number, kind: string): FoundDiscrepancy {
  return {
    ...{
      fingerprint: `${kind} ${submissionId}`,
      class: kind.endsWith("-missing") ? "break" : "edit",
      kind,
      source: "website",
      key: "k",
      email: null,
    },
    ...{ submissionId: submissionId as FoundDiscrepancy["submissionId"], entity: null, crmId: null, expected: null },
    ...{ actual: null, message: kind, sinceMs: START_MS, repair: null, safe: false, order: null },
  };
}

export function accountsTests(subject: Subject): void {
  const bench = () => subject.bench;
  const ledger = () => subject.bench.ledger;
  const accounts = (scope: Partial<CheckScope> = {}) =>
    ledger().accounts({ ...EVERYTHING, ...scope }, bench().now.wallMs);
  const batch = { rejects: [], progress: null, closesRejects: [] };

  describe("accounts", () => {
    test("count what came again once for each time it came, and never what is only read once more", async () => {
      const first = incoming({ key: "a", origin: { file: "spool/a.jsonl", line: 1 } });
      const repeat = { ...first, origin: { file: "spool/a.jsonl", line: 2 } };
      await take(bench(), first);
      expect(await accounts()).toMatchObject({ waiting: 1, duplicate: 0 });
      await take(bench(), first);
      expect(await accounts()).toMatchObject({ waiting: 1, duplicate: 0 });
      await take(bench(), repeat);
      expect(await accounts()).toMatchObject({ waiting: 1, duplicate: 1 });
      const again = { runId: bench().run, submissions: [repeat], ...batch, rereads: new Set([repeat.rawHash]) };
      await ledger().ingest(again, bench().now);
      expect(await accounts()).toMatchObject({ waiting: 1, duplicate: 1 });
      const skipped = { source: "website", records: 3 };
      await ledger().ingest({ runId: bench().run, submissions: [], ...batch, skipped }, bench().now);
      expect(await accounts()).toMatchObject({ waiting: 1, duplicate: 1, skipped: 3 });
    });

    test("keep to source and time, the end left out", async () => {
      await take(bench(), incoming({ key: "a" }), incoming({ key: "b", submittedAtMs: START_MS + HOUR }));
      await take(bench(), incoming({ key: "c", source: "shop" }));
      await take(bench(), incoming({ key: "a", contentHash: "content-a", submittedAtMs: START_MS }));
      expect(await accounts({ sinceMs: START_MS, untilMs: START_MS + HOUR })).toMatchObject({
        waiting: 2,
        duplicate: 1,
      });
      expect(await accounts({ sinceMs: START_MS + 1 })).toMatchObject({ waiting: 1, duplicate: 0 });
      expect(await accounts({ source: "shop" })).toMatchObject({ waiting: 1, duplicate: 0 });
    });

    test("count rejects while they are open, then as dropped, or as what they became", async () => {
      const reject = (rawHash: string) => ({
        ...{ source: "website", rawHash, raw: "{}", reason: "no e-mail" },
        origin: { file: "spool/a.csv", line: 1 },
      });
      const rejects = [reject("r1"), reject("r2"), reject("r3")];
      await ledger().ingest({ runId: bench().run, submissions: [], ...batch, rejects }, bench().now);
      expect(await accounts()).toMatchObject({ rejected: 3, dropped: 0, duplicate: 0 });
      const { rows } = await ledger().rejects(10);
      await ledger().closeReject(rows[0]!.id, "dropped: spam", bench().now);
      const closesRejects = [{ rejectId: rows[1]!.id, byIndex: 0 }];
      await ledger().ingest({ runId: bench().run, submissions: [incoming()], ...batch, closesRejects }, bench().now);
      expect(await accounts()).toMatchObject({ rejected: 1, dropped: 1, waiting: 1, duplicate: 0 });
    });

    test("say of what is done how it is in the CRM: by the worst that stands", async () => {
      const kinds: string[][] = [
        [],
        ["person-drift"],
        ["link-wrong", "person-merged"],
        ["person-merged", "note-deleted"],
        ["note-deleted", "deal-missing"],
        ["copied"],
      ];
      const ids: number[] = [];
      for (const _ of kinds) ids.push((await deliver(bench(), { person: "5" })).id);
      const check = await openCheck(bench());
      const all = kinds.flatMap((of, index) => of.map((kind) => found(ids[index]!, kind)));
      await ledger().saveDiscrepancies(check.id, all, bench().now.wallMs);
      await ledger().finishCheck(check.id, {}, bench().now.wallMs);
      const delivered = { asSent: 2, edited: 1, merged: 1, deleted: 1, missing: 1 };
      expect(await accounts()).toMatchObject({ delivered, openBreaks: 1 });
      await ledger().acceptDiscrepancies({}, "as it should be", bench().now.wallMs);
      expect(await accounts()).toMatchObject({ delivered, openBreaks: 0 });
      const next = await openCheck(bench(), EVERYTHING);
      await ledger().finishCheck(next.id, {}, bench().now.wallMs);
      expect((await accounts()).delivered).toEqual({ asSent: 6, edited: 0, merged: 0, deleted: 0, missing: 0 });
    });

    test("give delays that some submission really had", async () => {
      expect((await accounts()).delaySeconds).toEqual({ p50: null, p95: null, max: null });
      for (let hours = 1; hours <= 20; hours += 1) {
        await deliver(bench(), { person: "5" }, { submittedAtMs: bench().now.wallMs - hours * HOUR });
      }
      const { p50, p95, max } = (await accounts()).delaySeconds;
      expect([p50, p95, max].map((seconds) => Math.round(seconds! / 3600))).toEqual([10, 19, 20]);
    });

    test("list every submission once, by time, page by page, while their states change", async () => {
      for (let index = 0; index < 7; index += 1) {
        await take(bench(), incoming({ key: `k-${index}`, submittedAtMs: START_MS + (index % 3) * HOUR }));
      }
      const filter = { ...EVERYTHING, states: null };
      const listed: { id: number; key: string; submittedAtMs: number }[] = [];
      let after: Parameters<ReturnType<typeof ledger>["exportRows"]>[1] = null;
      for (;;) {
        const rows = await ledger().exportRows(filter, after, 2);
        if (rows.length === 0) break;
        listed.push(...rows);
        after = rows.at(-1)!;
        await ledger().claim({
          ...{ runId: bench().run, now: bench().now, limit: 1, leaseUntilMs: bench().now.wallMs + HOUR },
          ...{ source: null, lane: null, heldSources: [], heldLanes: [] },
        });
      }
      expect(listed.map(({ key }) => key)).toEqual(["k-0", "k-3", "k-6", "k-1", "k-4", "k-2", "k-5"]);
      const done = await deliver(bench(), { person: "5", deal: "61" }, { email: "ada@example.com" });
      expect(await ledger().exportRows({ ...filter, states: ["done"] }, null, 10)).toMatchObject([
        {
          id: done.id,
          state: "done",
          content: { person: { email: "ada@example.com" } },
          records: [
            { step: "person", crmId: "5" },
            { step: "deal", crmId: "61" },
          ],
        },
      ]);
    });
  });
}
