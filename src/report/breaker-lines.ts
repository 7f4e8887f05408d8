import { count, localTimeOf } from "./human.ts";

/** The breaker of one group of operations, as `status --json` shows it. */
export interface BreakerDocument {
  group: string;
  state: "closed" | "open" | "halfOpen";
  /** RFC 3339: since when it has not been closed; null: it is. */
  since: string | null;
  /** Of the last requests that it remembers, and how many of them failed. */
  requests: number;
  failures: number;
  /** What is not answered; null: nothing, or not known. */
  down: "reads" | "writes" | "both" | null;
  /** From when on one request tries it; each new run tries once before it. Null: it is closed, or being tried. */
  nextProbe: string | null;
}

const DOWN = { reads: "reads are", writes: "writes are", both: "reads and writes are" } as const;

/** A line for each breaker that is not closed. */
export function breakerLines(breakers: readonly BreakerDocument[]): string[] {
  return breakers
    .filter(({ state }) => state !== "closed")
    .map(({ group, state, since, requests, failures, down, nextProbe }) => {
      const what = down === null ? "it is" : DOWN[down];
      const when = since === null ? "" : ` since ${localTimeOf(since)}`;
      const rate = requests === 0 ? "" : ` (${count(failures)} of the last ${count(requests)} requests failed)`;
      if (state === "halfOpen")
        return `${group}: half open${when}${rate}; one request is finding out whether ${what} answered`;
      const next = nextProbe === null ? "" : `; one request tries it from ${localTimeOf(nextProbe)} on`;
      return `${group}: open${when}${rate}; ${what} not answered${next}`;
    });
}
