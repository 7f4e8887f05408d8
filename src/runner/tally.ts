/** Counts of a drain, for its summary and for the progress bar. */
import type { Entity } from "../domain/catalog.ts";
import type { SubmissionId } from "../domain/ids.ts";
import type { BadValue, SubmissionState } from "../domain/submission.ts";
import type { EchoFinding } from "../ledger/findings.ts";
import type { DrainReport } from "./runner.ts";

const ECHO_WORDS = { dropped: "did not keep", truncated: "cut", coerced: "changed" } as const;

export class Tally {
  readonly warnings = new Set<string>();
  readonly heldSources = new Set<string>();
  /** When progress was last shown. Monotonic ms. */
  shownAtMs = Number.NEGATIVE_INFINITY;
  readonly #badValues = new Map<string, number>();
  readonly #echoes = new Map<string, { entity: Entity; field: string; finding: EchoFinding; count: number }>();
  readonly #unfinished = new Map<SubmissionId, "waiting" | "uncertain">();
  #mishaps = 0;
  #done = 0;
  #failed = 0;

  /** A submission left its claim in this state; what comes back and ends later is counted once, by its last state. */
  count(id: SubmissionId, state: SubmissionState): void {
    this.#unfinished.delete(id);
    if (state === "done") this.#done += 1;
    else if (state === "failed") this.#failed += 1;
    else if (state === "waiting" || state === "uncertain") this.#unfinished.set(id, state);
  }

  get drained(): DrainReport["drained"] {
    const states = [...this.#unfinished.values()];
    const waiting = states.filter((state) => state === "waiting").length;
    return { done: this.#done, waiting, uncertain: states.length - waiting, failed: this.#failed };
  }

  /** A bug met while this submission was in hand; how many of them there were by now. The error's words may hold its data. */
  mishap({ source, key }: { source: string; key: string }, error: Error): number {
    this.#mishaps += 1;
    const place = /\(?([^/\s(]+\.[jt]s:\d+)/.exec(error.stack?.split("\n    at ")[1] ?? "")?.[1] ?? "an unknown place";
    this.warnings.add(
      `${source}/${key}: crmledger met a bug (${error.name} at ${place}); it waits and is tried again, the others go on. Please report it`,
    );
    return this.#mishaps;
  }

  badValue(source: string, bad: BadValue): void {
    // Paths and labels are set-up, not personal data; the value itself goes into the note only.
    const name = `${source}: ${bad.label} (${bad.path})`;
    this.#badValues.set(name, (this.#badValues.get(name) ?? 0) + 1);
  }

  echo(entity: Entity, field: string, finding: EchoFinding): void {
    const name = `${finding} ${entity} ${field}`;
    const { count } = this.#echoes.get(name) ?? { count: 0 };
    this.#echoes.set(name, { entity, field, finding, count: count + 1 });
  }

  allWarnings(): string[] {
    const bad = [...this.#badValues].map(([name, count]) => {
      const values = count === 1 ? "1 value" : `${count} values`;
      return `${name}: ${values} that the CRM's field can't take went into the note`;
    });
    const echoes = [...this.#echoes.values()].map(({ entity, field, finding, count }) => {
      const values = count === 1 ? "1 value" : `${count} values`;
      return `${entity} field ${JSON.stringify(field)}: the CRM ${ECHO_WORDS[finding]} ${values} as its answer shows; see its type and length there`;
    });
    return [...this.warnings, ...bad, ...echoes];
  }
}
