/** Payloads that are old enough go; who came, what became of it and every key, hash and CRM id stay. */
import type { SubmissionId } from "../../domain/ids.ts";
import type { Thinned } from "../care.ts";
import type { Store } from "./store.ts";

/** A step whose content is gone: it wants nothing, and nothing differs from it. */
const EMPTY_STEP = JSON.stringify({ values: {}, onMatch: "keep" });

/** Not while another version of the record is under way: what it changes is known from the earlier ones. */
const OLD = `
  SELECT id FROM submissions s
  WHERE state IN ('done', 'dropped') AND (content IS NOT NULL OR raw IS NOT NULL)
    AND coalesce(done_at_ms, failed_at_ms, received_at_ms) < @beforeMs
    AND NOT EXISTS (SELECT 1 FROM submissions v WHERE v.revises = coalesce(s.revises, s.id)
      AND v.state NOT IN ('done', 'dropped', 'history'))
  ORDER BY coalesce(done_at_ms, failed_at_ms, received_at_ms) LIMIT @limit`;

/** One short transaction. */
export function thin(store: Store, before: { payloadsMs: number; rejectsMs: number }, limit: number): Thinned {
  return store.write(() => {
    const old = store.all<{ id: SubmissionId }>(OLD, { beforeMs: before.payloadsMs, limit });
    for (const { id } of old) thinSubmission(store, id);
    thinDiscrepancies(store, before.payloadsMs, limit);
    const rejects = store.run(
      `UPDATE rejects SET raw = '', content = NULL WHERE id IN
        (SELECT id FROM rejects WHERE closed_at_ms < ? AND closed_at_ms IS NOT NULL AND raw <> '' LIMIT ?)`,
      before.rejectsMs,
      limit,
    ).changes;
    return { payloads: old.length, rejects };
  });
}

/** All that a submission said; not who it was. Inside a write transaction. */
export function thinSubmission(store: Store, id: SubmissionId): void {
  store.run("UPDATE submissions SET content = NULL, raw = NULL, error = NULL WHERE id = ?", id);
  store.run("DELETE FROM revisions WHERE submission_id = ?", id);
  store.run(
    `UPDATE sightings SET drift = NULL WHERE drift IS NOT NULL AND (entity, crm_id) IN
      (SELECT entity, crm_id FROM steps WHERE submission_id = ? AND crm_id IS NOT NULL)`,
    id,
  );
  store.run(
    "UPDATE steps SET content = ?, sent = NULL, error = NULL, explanation = NULL WHERE submission_id = ?",
    EMPTY_STEP,
    id,
  );
  store.run("UPDATE attempts SET error = NULL WHERE step_id IN (SELECT id FROM steps WHERE submission_id = ?)", id);
}

function thinDiscrepancies(store: Store, beforeMs: number, limit: number): void {
  store.run(
    `UPDATE discrepancies SET email = NULL, expected = NULL, actual = NULL, repair_order = NULL WHERE id IN
      (SELECT id FROM discrepancies INDEXED BY discrepancies_payload WHERE state IN ('accepted', 'repaired', 'gone') AND last_seen_at_ms < ?
        AND (email IS NOT NULL OR expected IS NOT NULL OR actual IS NOT NULL) LIMIT ?)`,
    beforeMs,
    limit,
  );
}
