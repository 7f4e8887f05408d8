import type { Entity } from "../../domain/catalog.ts";
import type { StepContent } from "../../domain/chain.ts";
import type { CrmId, SubmissionId } from "../../domain/ids.ts";
import type { SentValues } from "../checks.ts";
import type { RecordWrite } from "../ledger.ts";
import type { Store } from "./store.ts";

export const WRITES_TO = `
  SELECT u.submitted_at_ms AS submittedAtMs, s.content, iif(s.action = 'match', NULL, s.sent) AS sent,
    (SELECT max(r.ended_at_ms) FROM attempts a JOIN requests r ON r.id = a.request_id WHERE a.step_id = s.id) AS endedAtMs,
    (SELECT max(r.begun_at_ms) FROM attempts a JOIN requests r ON r.id = a.request_id WHERE a.step_id = s.id) AS begunAtMs,
    (SELECT max(request_id) FROM attempts WHERE step_id = s.id) AS requestNo
  FROM steps s JOIN submissions u ON u.id = s.submission_id
  WHERE s.entity = ? AND s.crm_id = ? AND s.state = 'done' AND s.submission_id <> ?
  ORDER BY u.submitted_at_ms DESC LIMIT ?`;

export function writesTo(
  store: Store,
  entity: Entity,
  crmId: CrmId,
  except: SubmissionId,
  limit: number,
): RecordWrite[] {
  type Raw = Omit<RecordWrite, "content" | "sent"> & { content: string; sent: string | null };
  return store.all<Raw>(WRITES_TO, entity, crmId, except, limit).map(({ content, sent, ...row }) => ({
    ...row,
    content: JSON.parse(content) as StepContent,
    ...(sent !== null && { sent: (JSON.parse(sent) as SentValues).values }),
  }));
}
