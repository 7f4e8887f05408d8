/** What a fuzzer is made of: a maker of cases, and a run that throws where a promise is broken. */
import { CrmledgerError, EXIT_CODES } from "../../../src/domain/errors.ts";
import { peopleIn, tokenIn } from "../canary.ts";
import type { Chance } from "./chance.ts";

/** Everything that a run depends on, so that a case can be kept as a file and replayed. */
export interface FuzzCase {
  bytes: Buffer;
  /** Choices beside the bytes. Plain JSON. */
  params: Record<string, unknown>;
}

export interface FuzzTarget {
  name: string;
  makeCase(chance: Chance): FuzzCase;
  /** Rejects with `Broken` where a promise is broken; any other rejection is a crash. */
  run(one: FuzzCase): Promise<void>;
  /** Forgets what earlier cases left behind. */
  renew(): Promise<void>;
  close(): Promise<void>;
}

/** A promise of the program that a case has broken. */
export class Broken extends Error {
  override name = "Broken";
}

export function must(holds: boolean, promise: string, facts: unknown = ""): asserts holds {
  if (!holds) throw new Broken(`${promise} ${facts === "" ? "" : JSON.stringify(facts)}`.slice(0, 2000));
}

/** An error that people are meant to see: one of ours, with a code of the contract, and nothing secret or personal in it. */
export function mustBeOurs(error: unknown, codes: readonly string[]): CrmledgerError {
  if (!(error instanceof CrmledgerError)) throw error;
  must(error.code in EXIT_CODES && codes.includes(error.code), "an error has one of its room's codes", error.code);
  const text = `${error.message}\n${error.hint ?? ""}\n${JSON.stringify(error.details)}`;
  mustBeDiscreet(text);
  return error;
}

export function mustBeDiscreet(text: string): void {
  must(tokenIn(text).length === 0, "no token in what is told", text);
  must(peopleIn(text, []).length === 0, "nobody's data in what is told", text);
}
