/** Chance from a seed: the same seed and serial number give the same case, on any machine. */
import { seeded } from "../drain-rig.ts";

export interface Chance {
  /** 0 up to, without, `bound`. */
  below(bound: number): number;
  pick<T>(list: readonly T[]): T;
  /** True with this probability. */
  maybe(probability: number): boolean;
}

export function chanceOf(seed: number, serial: number): Chance {
  const source = seeded(Math.imul(seed, 0x9e3779b1) ^ Math.imul(serial + 1, 0x85ebca6b));
  const below = (bound: number): number => Math.floor(source.next() * bound);
  return {
    below,
    pick: (list) => list[below(list.length)]!,
    maybe: (probability) => source.next() < probability,
  };
}
