/** Chance from one seed, by name: one more throw of one kind changes none of another. */
import { createHash } from "node:crypto";
import { seeded } from "../support/drain-rig.ts";

export interface Dice {
  /** In [0, 1). */
  next(): number;
  chance(odds: number): boolean;
  /** A whole number in [least, most]. */
  between(least: number, most: number): number;
  pick<T>(of: readonly T[]): T;
}

export function dice(seed: number, name: string): Dice {
  const random = seeded(createHash("sha256").update(`${seed} ${name}`).digest().readUInt32BE(0));
  const next = (): number => random.next();
  return {
    next,
    chance: (odds) => next() < odds,
    between: (least, most) => least + Math.floor(next() * (most - least + 1)),
    pick: (of) => of[Math.floor(next() * of.length)]!,
  };
}
