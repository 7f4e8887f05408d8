/** Steps as a check names them, and how its pages are cut. */
import type { Entity } from "../../domain/catalog.ts";
import type { CrmId, StepId } from "../../domain/ids.ts";
import type { CheckId, Page, Sighting, StepFact } from "../checks.ts";
import { HAS_RECORD, IN_SCOPE, type LoadedCheck, loadCheck, scopeValues } from "./checks.ts";
import type { Store } from "./store.ts";

/** Records that one page looks at, whatever it has to say about them. */
export const WINDOW = 1_000;

export const STEP_FACT = `s.id AS stepId, u.id AS submissionId, u.source, u.key,
  json_extract(u.content, '$.person.email') AS email, u.state AS submissionState, u.submitted_at_ms AS submittedAtMs,
  s.name, s.entity, s.state, s.action, s.crm_id AS crmId`;

const FACT = `SELECT ${STEP_FACT} FROM steps s JOIN submissions u ON u.id = s.submission_id WHERE s.id = ?`;

export function stepFact(store: Store, id: StepId): StepFact {
  return store.one<StepFact>(FACT, id)!;
}

/** Number of the request that carried its last write: the order in which steps were written. */
export const WRITTEN = "coalesce((SELECT max(request_id) FROM attempts WHERE step_id = s.id), 0)";

const OF_RECORD = `
  FROM steps s JOIN submissions u ON u.id = s.submission_id
  WHERE s.entity = @entity AND s.crm_id = @crmId AND s.state = 'done' AND s.dropped = 0 AND ${IN_SCOPE}`;
const MAKER = `
  SELECT s.id ${OF_RECORD} AND ${HAS_RECORD} AND s.action IN ('create', 'adopt')
  ORDER BY s.action = 'adopt', s.id LIMIT 1`;
const NEWEST = `SELECT s.id ${OF_RECORD} AND ${HAS_RECORD} ORDER BY ${WRITTEN} DESC, s.id DESC LIMIT 1`;
const NEWEST_WRITE = `
  SELECT s.id ${OF_RECORD} AND s.action IN ('create', 'update', 'adopt') ORDER BY ${WRITTEN} DESC, s.id DESC LIMIT 1`;

/** The step in the check's scope that made the record; null where a step of another scope did, or none of ours. */
export function makerOf(store: Store, check: LoadedCheck, entity: Entity, crmId: CrmId): StepFact | null {
  return found(store, MAKER, check, entity, crmId);
}

/** The step in the check's scope that has the record: the one that made it, else the newest. */
export function ownerOf(store: Store, check: LoadedCheck, entity: Entity, crmId: CrmId): StepFact | null {
  return makerOf(store, check, entity, crmId) ?? newestOf(store, check, entity, crmId);
}

export function newestOf(store: Store, check: LoadedCheck, entity: Entity, crmId: CrmId): StepFact | null {
  return found(store, NEWEST, check, entity, crmId);
}

/** Repairs that overwrote the record are writes too. */
export function newestWriteOf(store: Store, check: LoadedCheck, entity: Entity, crmId: CrmId): StepFact | null {
  return found(store, NEWEST_WRITE, check, entity, crmId);
}

function found(store: Store, sql: string, { scope }: LoadedCheck, entity: Entity, crmId: CrmId): StepFact | null {
  const row = store.one<{ id: StepId }>(sql, { ...scopeValues(scope), entity, crmId });
  return row === undefined ? null : stepFact(store, row.id);
}

export const SIGHTING = `g.entity, g.crm_id AS crmId, g.state, g.stamp, g.part, g.stamped_for AS stampedFor,
  g.created_at_ms AS createdAtMs, g.by_api AS byApi, g.person_id AS personId, g.organization_id AS organizationId,
  g.deal_id AS dealId, g.drift`;

export type RawSighting = Omit<Sighting, "byApi" | "own" | "drift"> & { byApi: 0 | 1 | null; drift: string | null };

export function sightingRow({ byApi, drift, ...row }: RawSighting): Sighting {
  return {
    ...row,
    byApi: byApi === null ? null : byApi === 1,
    drift: drift === null ? [] : (JSON.parse(drift) as Sighting["drift"]),
  };
}

const THERE = `
  SELECT 1 FROM sightings WHERE account_id = ? AND entity = ? AND crm_id = ? AND check_id = ?
    AND state IN ('present', 'archived')`;

/** Whether the check saw the record, present or archived. */
export function isThere(store: Store, check: LoadedCheck, entity: Entity, crmId: CrmId): boolean {
  return store.one(THERE, check.accountId, entity, crmId, check.id) !== undefined;
}

/**
 * One page over a list of sightings: at the most `WINDOW` of them are judged, so a page may have fewer rows than `limit`, even
 * none, and yet have a next one. `sql` takes account, check, entity, crmId (behind which it begins) and window.
 */
export function pageOf<Row extends { entity: Entity; crmId: CrmId }, Fact>(
  store: Store,
  checkId: CheckId,
  sql: string,
  after: string | null,
  limit: number,
  judge: (row: Row, check: LoadedCheck) => Fact | null,
): Page<Fact> {
  return store.read(() => {
    const check = loadCheck(store, checkId);
    const [entity, crmId] = after === null ? ["", ""] : (JSON.parse(after) as [string, string]);
    const seen = store.all<Row>(sql, { account: check.accountId, check: checkId, entity, crmId, window: WINDOW });
    const rows: Fact[] = [];
    for (const row of seen) {
      const fact = judge(row, check);
      if (fact !== null) rows.push(fact);
      if (rows.length === limit) return { rows, next: JSON.stringify([row.entity, row.crmId]) };
    }
    const last = seen.at(-1);
    const more = seen.length === WINDOW && last !== undefined;
    return { rows, next: more ? JSON.stringify([last.entity, last.crmId]) : null };
  });
}
