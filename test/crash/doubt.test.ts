/** Every create's answer is lost: nothing twice within the settle times, and what comes later is told. `npm run doubt` has more. */
import { expect, it } from "vitest";
import { doubt } from "../support/doubt.ts";

const CREATES = Number(process.env.DOUBT_CREATES ?? 160);

it("within the settle times nothing is lost and nothing comes twice", { timeout: 180_000 }, async () => {
  const figures = await doubt({ creates: CREATES, seed: 1, broken: "nothing", deathsEach: 30 });
  const { uncertain, lost, doubled, missed, wrong } = figures;
  expect(Object.values(uncertain).reduce((sum, count) => sum + count)).toBeGreaterThanOrEqual(CREATES);
  expect(Object.entries(uncertain).filter(([, count]) => count === 0)).toEqual([]);
  expect({ lost, doubled, missed, wrong }).toEqual({ lost: [], doubled: 0, missed: [], wrong: [] });
});

it.each(["effects", "lists"] as const)(
  "%s that are later than the last settle time make doubles, and reconcile names each",
  { timeout: 180_000 },
  async (broken) => {
    const { lost, doubled, missed, wrong } = await doubt({ creates: CREATES, seed: 1, broken });
    expect(doubled).toBeGreaterThan(0);
    expect({ lost, missed, wrong }).toEqual({ lost: [], missed: [], wrong: [] });
  },
);
