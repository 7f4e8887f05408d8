/** Submissions that came in with one batch, counted together: a count for each row costs as much as an index. */
import type { SubmissionState } from "../../domain/submission.ts";
import type { IncomingSubmission, Now } from "../rows.ts";
import type { Store } from "./store.ts";

const HOUR_MS = 3_600_000;

/** What triggers add for a row that is not `tallied`. */
const QUEUED = `
  INSERT INTO queue_counts (source, lane, target_ms, state, n) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET n = n + excluded.n`;
const ARRIVED = `
  INSERT INTO rhythm (what, name, hour, n) VALUES ('source', ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n`;

interface Group {
  source: string;
  lane: string;
  targetMs: number;
  state: SubmissionState;
  n: number;
}

/** Of one write transaction, which must call `count` at its end. Its rows have `tallied = 1`. */
export class Arrivals {
  readonly #groups = new Map<string, Group>();

  add(
    { source, lane, targetMs }: Pick<IncomingSubmission, "source" | "lane" | "targetMs">,
    state: SubmissionState,
    n = 1,
  ): void {
    const id = JSON.stringify([source, lane, targetMs, state]);
    const group = this.#groups.get(id);
    if (group === undefined) this.#groups.set(id, { source, lane, targetMs: Math.round(targetMs), state, n });
    else group.n += n;
  }

  count(store: Store, now: Now): void {
    for (const { source, lane, targetMs, state, n } of this.#groups.values()) {
      store.run(QUEUED, source, lane, targetMs, state, n);
      if (state !== "history") store.run(ARRIVED, source, Math.floor(now.wallMs / HOUR_MS), n);
    }
  }
}
