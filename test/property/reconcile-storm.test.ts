/**
 * Whole histories under a storm, from seeds: after sync, `reconcile --repair`, sync and reconcile nothing is left that was safe
 * to mend, and nothing that people did was undone. `RECONCILE_STORM_FROM` and `RECONCILE_STORM_SEEDS` replay one or look further.
 */
import { describe, expect, it } from "vitest";
import { isSafe } from "../../src/reconcile/repair.ts";
import { named } from "../support/check-rig.ts";
import { judge } from "../support/oracle.ts";
import { doublesOf, type StormEnd, storm } from "../support/reconcile-storm.ts";

const from = Number(process.env.RECONCILE_STORM_FROM ?? 1);
const seeds = Number(process.env.RECONCILE_STORM_SEEDS ?? 12);

describe("a storm with people in it", () => {
  it.each(Array.from({ length: seeds }, (_, n) => from + n))(
    "seed %i ends with nothing to mend and nothing undone",
    { timeout: 180_000 },
    async (seed) => {
      const end = await storm(seed);
      expect(end.open.filter((row) => row.class === "break" && isSafe(row)).map(named)).toEqual([]);
      expect(end.undone).toEqual([]);
      expect(exactlyOnce(end)).toEqual({ lost: [], doubled: [] });
      expect(unsaidDoubles(end)).toEqual([]);
      // Nobody made anything vanish: whatever is not there any more was deleted or merged.
      const missing = end.open.filter(({ kind }) => kind.endsWith("-missing"));
      if (end.showsDeleted) expect(missing.map(named)).toEqual([]);
      await expectAccountsToAddUp(end);
      await end.rig.ledger.close();
    },
  );
});

/** People who delete or merge a person have the next submission make a new one. */
function exactlyOnce({ rig, delivered, deeds, late }: StormEnd): ReturnType<typeof judge> {
  const { lost, doubled } = judge(rig.simulator, delivered);
  const byPeople = (name: string): boolean => deeds.emails.has(/^person (\S+) x/.exec(name)?.[1] ?? "");
  return { lost, doubled: late ? [] : doubled.filter((name) => !byPeople(name)) };
}

/** Doubles of our own that the last check did not name. */
function unsaidDoubles({ rig, open }: StormEnd): string[] {
  const said = new Set(open.filter(({ kind }) => kind.endsWith("-duplicate")).flatMap(idsOf));
  return [...doublesOf(rig)].filter(([, ids]) => !ids.some((id) => said.has(String(id)))).map(([name]) => name);
}

function idsOf({ entity, actual }: StormEnd["open"][number]): string[] {
  return entity === null ? [] : ((actual as { ids?: string[] } | null)?.ids ?? []);
}

async function expectAccountsToAddUp({ rig, last }: StormEnd): Promise<void> {
  const { checked, matched } = last.report;
  const seen = last.rows.filter(({ state }) => state !== "gone" && state !== "repaired");
  const unmatched = new Set(seen.map(({ submissionId }) => submissionId).filter((id) => id !== null));
  expect(checked).toBe(matched + unmatched.size);
  const { failed, done, pending, waiting, uncertain, inProgress } = await rig.ledger.queue();
  expect(failed + done).toBe(checked);
  expect(pending + waiting + uncertain + inProgress).toBe(0);
}
