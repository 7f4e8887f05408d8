/** Checks: begun and ended, what is in their scope, and the records that they saw. */
import { ENTITIES, type Entity } from "../../domain/catalog.ts";
import { CrmledgerError } from "../../domain/errors.ts";
import type { AccountId, CrmId, RunId } from "../../domain/ids.ts";
import type { CheckId, CheckRow, CheckScope, Page, Sighting } from "../checks.ts";
import { forgottenByStamp } from "./forgotten.ts";
import type { Store } from "./store.ts";

/** Bounds of a scope as values of a statement. */
export interface ScopeValues {
  [name: string]: string | number | null;
  source: string | null;
  sinceMs: number;
  untilMs: number;
}

export function scopeValues(scope: CheckScope): ScopeValues {
  return {
    source: scope.source,
    sinceMs: scope.sinceMs ?? Number.MIN_SAFE_INTEGER,
    untilMs: scope.untilMs ?? Number.MAX_SAFE_INTEGER,
  };
}

/** Of a submission `u`. */
export const IN_SCOPE =
  "u.submitted_at_ms >= @sinceMs AND u.submitted_at_ms < @untilMs AND (@source IS NULL OR u.source = @source)";

/** A step `s` that has its record: repairs name records of other steps, or such as are to go. */
export const HAS_RECORD = "s.state = 'done' AND s.dropped = 0 AND s.name NOT GLOB 'repair.*'";

const CHECK = `
  SELECT id, account_id AS accountId, run_id AS runId, scope_source AS source, scope_since_ms AS sinceMs,
    scope_until_ms AS untilMs, progress, summary, started_at_ms AS startedAtMs, ended_at_ms AS endedAtMs
  FROM checks`;

type RawCheck = Omit<CheckRow, "scope" | "progress" | "summary"> &
  CheckScope & { accountId: AccountId; progress: string | null; summary: string | null };

export interface LoadedCheck extends CheckRow {
  accountId: AccountId;
}

function checkRow({ source, sinceMs, untilMs, progress, summary, ...row }: RawCheck): LoadedCheck {
  return {
    ...row,
    scope: { source, sinceMs, untilMs },
    progress: progress === null ? null : JSON.parse(progress),
    summary: summary === null ? null : JSON.parse(summary),
  };
}

export function loadCheck(store: Store, id: CheckId): LoadedCheck {
  const row = store.one<RawCheck>(`${CHECK} WHERE id = ?`, id);
  if (row === undefined) throw new CrmledgerError("unexpected", `The ledger has no check ${id}.`);
  return checkRow(row);
}

/** Of a record only the last check that saw it is kept: where another one began since, what was seen is not whole any more. */
const STOPPED = `${CHECK}
  WHERE ended_at_ms IS NULL AND account_id = @account AND kept_at_ms >= @keptSinceMs AND scope_source IS @source
    AND scope_since_ms IS @sinceMs AND scope_until_ms IS @untilMs
    AND id = (SELECT max(id) FROM checks WHERE account_id = @account)`;

export function openCheck(
  store: Store,
  account: AccountId,
  run: RunId,
  scope: CheckScope,
  nowMs: number,
  resumeWithinMs: number,
): CheckRow {
  const { source, sinceMs, untilMs } = scope;
  return store.write(() => {
    const values = { account, source, sinceMs, untilMs, keptSinceMs: nowMs - resumeWithinMs };
    const stopped = resumeWithinMs > 0 ? store.one<RawCheck>(STOPPED, values) : undefined;
    if (stopped !== undefined) {
      store.run("UPDATE checks SET run_id = ?, kept_at_ms = ? WHERE id = ?", run, nowMs, stopped.id);
      return shown(loadCheck(store, stopped.id));
    }
    const { id } = store.run(
      `INSERT INTO checks (account_id, run_id, scope_source, scope_since_ms, scope_until_ms, started_at_ms, kept_at_ms)
       VALUES (@account, @run, @source, @sinceMs, @untilMs, @nowMs, @nowMs)`,
      { account, run, source, sinceMs, untilMs, nowMs },
    );
    return shown(loadCheck(store, id));
  });
}

function shown({ accountId: _, ...row }: LoadedCheck): CheckRow {
  return row;
}

export function lastCheck(store: Store): CheckRow | null {
  const row = store.one<RawCheck>(`${CHECK} WHERE ended_at_ms IS NOT NULL ORDER BY id DESC LIMIT 1`);
  return row === undefined ? null : shown(checkRow(row));
}

/** The same by the index of all times. */
const BY_TIME =
  "u.submitted_at_ms + 0 >= @sinceMs AND u.submitted_at_ms + 0 < @untilMs AND (@source IS NULL OR u.source = @source)";
const SUBMISSIONS = `
  SELECT count(*) AS n FROM submissions u WHERE ${BY_TIME} AND u.state NOT IN ('history', 'dropped')`;
/** All ids of the index, less the few whose steps all lack them: no step's row is read but those few. */
const ALL_RECORDS = `
  SELECT (SELECT count(*) FROM (SELECT DISTINCT crm_id FROM steps WHERE entity = @entity AND crm_id IS NOT NULL)) -
    (SELECT count(*) FROM (SELECT DISTINCT o.crm_id FROM steps o INDEXED BY steps_unrecorded
      WHERE o.entity = @entity AND o.crm_id IS NOT NULL
        AND NOT (o.state = 'done' AND o.dropped = 0 AND o.name NOT GLOB 'repair.*')
        AND NOT EXISTS (SELECT 1 FROM steps s WHERE s.entity = o.entity AND s.crm_id = o.crm_id AND ${HAS_RECORD}))) AS n`;
const RECORDS = `
  SELECT s.entity, count(DISTINCT s.crm_id) AS n
  FROM submissions u CROSS JOIN steps s ON s.submission_id = u.id
  WHERE ${BY_TIME} AND ${HAS_RECORD} AND +s.crm_id IS NOT NULL GROUP BY s.entity`;

export function submissionsIn(store: Store, scope: CheckScope): number {
  return store.one<{ n: number }>(SUBMISSIONS, scopeValues(scope))!.n;
}

/** Counts what is in the scope: of all that it costs, the one question whose cost grows with the ledger. */
export function scopeSize(store: Store, scope: CheckScope): { submissions: number; records: Record<Entity, number> } {
  return store.read(() => {
    const values = scopeValues(scope);
    const submissions = submissionsIn(store, scope);
    const records: Record<Entity, number> = { organization: 0, person: 0, deal: 0, note: 0 };
    if (scope.source === null && scope.sinceMs === null && scope.untilMs === null) {
      for (const entity of ENTITIES) records[entity] = store.one<{ n: number }>(ALL_RECORDS, { entity })!.n;
    } else {
      for (const { entity, n } of store.all<{ entity: Entity; n: number }>(RECORDS, values)) records[entity] = n;
    }
    return { submissions, records };
  });
}

const SAVE = `
  INSERT INTO sightings (account_id, entity, crm_id, check_id, state, stamp, part, stamped_for, created_at_ms, by_api,
    person_id, organization_id, deal_id, was_deleted, own, drift)
  VALUES (@account, @entity, @crmId, @check, @state, @stamp, @part, @stampedFor, @createdAtMs, @byApi, @personId,
    @organizationId, @dealId, @state = 'deleted', @own, @drift)
  ON CONFLICT DO UPDATE SET check_id = excluded.check_id, state = excluded.state, stamp = excluded.stamp,
    part = excluded.part, stamped_for = excluded.stamped_for,
    created_at_ms = coalesce(excluded.created_at_ms, created_at_ms), by_api = coalesce(excluded.by_api, by_api),
    person_id = excluded.person_id, organization_id = excluded.organization_id, deal_id = excluded.deal_id,
    was_deleted = max(was_deleted, excluded.was_deleted), own = excluded.own, drift = excluded.drift`;
/** Rows that one transaction keeps. */
const SAVE_ROWS = 500;

/** Pages beyond `SAVE_ROWS` are kept part by part, the progress with the last: what was kept twice is kept once. */
export function saveSightings(
  store: Store,
  check: CheckId,
  sightings: readonly Sighting[],
  progress: unknown,
  nowMs: number,
): void {
  const { accountId } = loadCheck(store, check);
  for (let from = 0; from === 0 || from < sightings.length; from += SAVE_ROWS) {
    const last = from + SAVE_ROWS >= sightings.length;
    store.write(() => {
      for (const { drift, byApi, own, ...sighting } of sightings.slice(from, from + SAVE_ROWS)) {
        store.run(SAVE, {
          ...sighting,
          // Of a person who was forgotten the stamp is not remembered either: it holds the key.
          stamp: sighting.stamp === null || forgottenByStamp(store, sighting.stamp) !== null ? null : sighting.stamp,
          account: accountId,
          check,
          byApi: byApi === null ? null : byApi ? 1 : 0,
          own: own === true ? 1 : 0,
          drift: drift.length === 0 ? null : JSON.stringify(drift),
        });
      }
      if (!last) return;
      const kept = "UPDATE checks SET progress = ?, kept_at_ms = ? WHERE id = ? AND ended_at_ms IS NULL";
      store.run(kept, JSON.stringify(progress ?? null), nowMs, check);
    });
  }
}

/** Ids that one statement of `unsighted` goes through. */
const IDS_WINDOW = 5_000;
const IDS = `
  SELECT i.crm_id AS crmId,
    EXISTS (SELECT 1 FROM sightings g WHERE g.account_id = @account AND g.entity = @entity AND g.crm_id = i.crm_id
      AND g.check_id = @check) AS seen
  FROM (SELECT DISTINCT crm_id FROM steps WHERE entity = @entity AND crm_id IS NOT NULL AND crm_id > @after
    ORDER BY crm_id LIMIT ${IDS_WINDOW}) i`;
const OURS = `
  SELECT 1 FROM steps s JOIN submissions u ON u.id = s.submission_id
  WHERE s.entity = @entity AND s.crm_id = @crmId AND ${HAS_RECORD} AND ${IN_SCOPE} LIMIT 1`;

/** Pages are full but for the last one. The cursor is the last id, in the order of text. */
export function unsighted(store: Store, id: CheckId, entity: Entity, after: string | null, limit: number): Page<CrmId> {
  return store.read(() => {
    const check = loadCheck(store, id);
    const page = isShort(store, check.scope)
      ? unsightedOfShort(store, check, entity, after ?? "", limit)
      : unsightedOfAll(store, check, entity, after ?? "", limit);
    return { rows: page, next: page.length === limit ? (page.at(-1) ?? null) : null };
  });
}

/** Submissions of a bounded time that each page goes through whole: cheaper than going through the ids of all times. */
const SHORT_MAX = 10_000;
const SHORT = `SELECT count(*) AS n FROM (SELECT 1 FROM submissions u WHERE ${BY_TIME} LIMIT ${SHORT_MAX + 1})`;
const OF_SHORT = `
  SELECT DISTINCT s.crm_id AS crmId FROM submissions u CROSS JOIN steps s ON s.submission_id = u.id
  WHERE ${BY_TIME} AND +s.entity = @entity AND ${HAS_RECORD} AND +s.crm_id > @after
    AND NOT EXISTS (SELECT 1 FROM sightings g WHERE g.account_id = @account AND g.entity = @entity
      AND g.crm_id = s.crm_id AND g.check_id = @check)
  ORDER BY s.crm_id LIMIT @limit`;

function isShort(store: Store, scope: CheckScope): boolean {
  if (scope.sinceMs === null && scope.untilMs === null) return false;
  return store.one<{ n: number }>(SHORT, scopeValues(scope))!.n <= SHORT_MAX;
}

function unsightedOfShort(store: Store, check: LoadedCheck, entity: Entity, after: string, limit: number): CrmId[] {
  const values = { ...scopeValues(check.scope), account: check.accountId, check: check.id, entity, after, limit };
  return store.all<{ crmId: CrmId }>(OF_SHORT, values).map(({ crmId }) => crmId);
}

function unsightedOfAll(store: Store, check: LoadedCheck, entity: Entity, after: string, limit: number): CrmId[] {
  const values = { ...scopeValues(check.scope), entity };
  const rows: CrmId[] = [];
  let at = after;
  for (;;) {
    const window = { account: check.accountId, check: check.id, entity, after: at };
    const ids = store.all<{ crmId: CrmId; seen: 0 | 1 }>(IDS, window);
    for (const { crmId, seen } of ids) {
      at = crmId;
      if (seen === 1 || store.one(OURS, { ...values, crmId }) === undefined) continue;
      rows.push(crmId);
      if (rows.length === limit) return rows;
    }
    if (ids.length < IDS_WINDOW) return rows;
  }
}
