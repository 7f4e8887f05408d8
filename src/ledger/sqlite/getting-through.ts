/** Whether others get through: what tells one submission's trouble from everybody's. */
import type { StepId } from "../../domain/ids.ts";
import type { Store } from "./store.ts";

const FOUND = `
  SELECT EXISTS (SELECT 1 FROM requests
    WHERE id > (SELECT min(request_id) FROM
        (SELECT request_id FROM attempts WHERE step_id = @step ORDER BY request_id DESC LIMIT 2))
      AND is_write = 1 AND outcome = 'applied'
      AND op_group = (SELECT r.op_group FROM attempts a JOIN requests r ON r.id = a.request_id
        WHERE a.step_id = @step ORDER BY a.request_id DESC LIMIT 1)) AS found`;

/** Reads what was sent since: a quarter of an hour's requests, where a step is tried that often. */
export function othersWritten(store: Store, step: StepId): boolean {
  return store.one<{ found: number }>(FOUND, { step })!.found === 1;
}

const DELIVERED = `
  SELECT EXISTS (SELECT 1 FROM submissions
    WHERE state IN ('done', 'dropped') AND (content IS NOT NULL OR raw IS NOT NULL)
      AND coalesce(done_at_ms, failed_at_ms, received_at_ms) >= ? AND state = 'done') AS found`;

export function deliveredSince(store: Store, ms: number): boolean {
  return store.one<{ found: number }>(DELIVERED, Math.round(ms))!.found === 1;
}
