import type { FieldFinding, FieldFindingRow } from "../findings.ts";
import type { Turn } from "../rows.ts";
import type { Store } from "./store.ts";

const COUNT = `
  INSERT INTO field_findings (account_id, entity, field, finding, n, first_at_ms, last_at_ms, last_submission_id)
  VALUES (@account, @entity, @field, @finding, 1, @nowMs, @nowMs, @submissionId)
  ON CONFLICT DO UPDATE SET n = n + 1, last_at_ms = max(last_at_ms, excluded.last_at_ms),
    last_submission_id = excluded.last_submission_id`;
const TELL = "INSERT INTO waits (submission_id, at_ms, kind, until_ms, detail) VALUES (?, ?, 'echo', NULL, ?)";

/** In the turn that records the write. */
export function saveFinding(store: Store, { accountId, now }: Turn, found: FieldFinding): void {
  const { entity, field, finding, submissionId } = found;
  const nowMs = Math.round(now.wallMs);
  store.run(COUNT, { account: accountId, entity, field, finding, nowMs, submissionId });
  store.run(TELL, submissionId, nowMs, `the CRM's answer has the ${entity} field "${field}" ${finding}`);
}

export function fieldFindings(store: Store, limit: number): FieldFindingRow[] {
  return store.all<FieldFindingRow>(
    `SELECT f.entity, f.field, f.finding, f.n AS count, f.first_at_ms AS firstAtMs, f.last_at_ms AS lastAtMs,
       s.source || '/' || s.key AS lastSubmission
     FROM field_findings f LEFT JOIN submissions s ON s.id = f.last_submission_id
     ORDER BY f.last_at_ms DESC, f.entity, f.field, f.finding LIMIT ?`,
    limit,
  );
}
