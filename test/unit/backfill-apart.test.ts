/** `limits.backfill`, where others let in old records that a large import has on their way in. */
import { expect, test } from "vitest";
import { guardBackfill } from "../../src/cli/backfill.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { benchOn, columnsOf, incoming, START_MS, take } from "../support/ledger-fixture.ts";

const MONTH_AGO = START_MS - 30 * 86_400_000;

test.each([1, 2, 3, 4, 5, 6, 7])("they wait like the others, after %i pieces of it", async (pieces) => {
  for (const again of [1, 2, 5]) {
    const bench = await benchOn(await openSqliteLedger({ path: ":memory:", create: true, nowMs: START_MS }));
    const { run, now } = bench;
    const guard = guardBackfill(bench.ledger, run, 3, () => now);
    const items = [1, 2, 3, 4, 5].map((n) => incoming({ key: `old-${n}`, submittedAtMs: MONTH_AGO }));
    await guard.ledger.arrive([columnsOf([...items, incoming({ key: "fresh" })], run)], now);
    const admit = async (): Promise<boolean> => {
      const { more, contested } = await guard.ledger.admit(run, "website", 2, { whole: true }, now);
      if (contested.length > 0) await take({ ...bench, ledger: guard.ledger }, ...contested);
      return more;
    };
    for (let at = 0; at < pieces; at += 1) await admit();
    const spool = await bench.ledger.openRun({ kind: "ingest", pid: 1, host: "h", lockName: null, now });
    const bytes = items.slice(0, again).map((item) => ({ ...item, rawHash: `${item.rawHash} again` }));
    await take({ ...bench, run: spool }, ...bytes);
    while (await admit());
    const { pending, waiting } = await bench.ledger.queue();
    expect(pending + waiting).toBe(6);
    // What came in as the others' own is theirs to keep back; of the rest all, where that is more than three.
    const flowing = await bench.ledger.holdBack(run, "website", START_MS - 1, now, "old");
    expect(waiting === 0 ? flowing <= 3 : flowing === 0).toBe(true);
    await bench.ledger.close();
  }
});
