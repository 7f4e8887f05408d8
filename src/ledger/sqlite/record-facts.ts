/** What a check's sightings say about the records of our steps: lost, drifted, or hanging elsewhere. */
import type { Entity } from "../../domain/catalog.ts";
import type { StepContent } from "../../domain/chain.ts";
import type { CrmId, StepId, SubmissionId } from "../../domain/ids.ts";
import { oldestFirst } from "../../domain/record-keys.ts";
import type { CheckId, DriftedRecord, LostRecord, MislinkedDeal, Page, SightingState, StepFact } from "../checks.ts";
import { HAS_RECORD, type LoadedCheck } from "./checks.ts";
import { inHand } from "./in-hand.ts";
import { makerOf, newestWriteOf, ownerOf, pageOf, type RawSighting, SIGHTING, sightingRow } from "./step-facts.ts";
import type { Store } from "./store.ts";

const LOST = `
  SELECT g.entity, g.crm_id AS crmId, g.state, g.was_deleted AS wasDeleted FROM sightings g
  WHERE g.check_id = @check AND g.state IN ('deleted', 'gone', 'hidden') AND (g.entity, g.crm_id) > (@entity, @crmId)
  ORDER BY g.entity, g.crm_id LIMIT @window`;

interface LostRow {
  entity: Entity;
  crmId: CrmId;
  state: SightingState;
  wasDeleted: 0 | 1;
}

export function lostRecords(store: Store, id: CheckId, after: string | null, limit: number): Page<LostRecord> {
  return pageOf<LostRow, LostRecord>(store, id, LOST, after, limit, (row, check) => {
    const step = ownerOf(store, check, row.entity, row.crmId);
    if (step === null) return null;
    const hung = whatHung(store, check, row.entity, row.crmId);
    return {
      ...step,
      sighting: { state: row.state, wasDeleted: row.wasDeleted === 1 },
      ...hung,
      heirs: heirsOf(store, check, step, hung.movedTo),
    };
  });
}

/** Chains and records that are followed for one lost record. */
const HUNG_MAX = 200;
const CHAINS = `
  SELECT s.submission_id AS id FROM steps s
  WHERE s.entity = @entity AND s.crm_id = @crmId AND ${HAS_RECORD}
  ORDER BY s.id DESC LIMIT ${HUNG_MAX}`;
const HUNG = `
  SELECT DISTINCT g.entity, g.crm_id AS crmId, g.person_id AS person, g.organization_id AS organization, g.deal_id AS deal
  FROM (${CHAINS}) c CROSS JOIN steps d ON d.submission_id = c.id
    CROSS JOIN sightings g ON g.account_id = @account AND g.entity = d.entity AND g.crm_id = +d.crm_id
  WHERE d.state = 'done' AND d.dropped = 0 AND d.name NOT GLOB 'repair.*' AND g.check_id = @check
    AND g.state IN ('present', 'archived')
  ORDER BY g.entity, g.crm_id`;

type Hung = { entity: Entity; crmId: CrmId } & Record<"person" | "organization" | "deal", CrmId | null>;
const HANGS_ON: Record<Entity, readonly Entity[]> = {
  person: ["deal", "note"],
  organization: ["deal", "note", "person"],
  deal: ["note"],
  note: [],
};

/** Where the records of its chains hang now: on others (it was merged), on it still or on none (it was deleted). */
function whatHung(
  store: Store,
  check: LoadedCheck,
  entity: Entity,
  crmId: CrmId,
): Pick<LostRecord, "movedTo" | "stayed"> {
  const parts = HANGS_ON[entity];
  if (entity === "note") return { movedTo: [], stayed: 0 };
  const movedTo = new Set<CrmId>();
  let stayed = 0;
  for (const row of store.all<Hung>(HUNG, { entity, crmId, account: check.accountId, check: check.id })) {
    if (!parts.includes(row.entity)) continue;
    const hangsOn = row[entity];
    // A note names no organization: that says nothing about where its deal hangs.
    if (hangsOn === null && entity === "organization" && row.entity === "note") continue;
    if (hangsOn !== null && hangsOn !== crmId) movedTo.add(hangsOn);
    else if (row.entity !== "person") stayed += 1;
  }
  return { movedTo: [...movedTo], stayed };
}

const STAMPED = `
  SELECT g.crm_id AS crmId, g.created_at_ms AS createdAtMs, g.part FROM sightings g
  WHERE g.stamped_for = @submission AND g.entity = @entity AND +g.check_id = @check AND g.account_id = @account
    AND g.state IN ('present', 'archived') AND g.crm_id <> @crmId ORDER BY g.crm_id LIMIT ${HUNG_MAX}`;
const KEYED = `
  SELECT r.crm_id AS crmId, r.created_at_ms AS createdAtMs
  FROM mirror_keys k JOIN mirror_records r
    ON r.account_id = k.account_id AND r.entity = k.entity AND r.crm_id = k.crm_id
  WHERE k.account_id = @account AND k.entity = @entity AND k.key = @key AND k.crm_id <> @crmId
    AND NOT EXISTS (SELECT 1 FROM sightings g WHERE g.account_id = k.account_id AND g.entity = k.entity
      AND g.crm_id = k.crm_id AND g.check_id = @check AND g.state NOT IN ('present', 'archived'))
  ORDER BY r.created_at_ms IS NULL, r.created_at_ms, r.crm_id LIMIT ${HUNG_MAX}`;

interface Candidate {
  crmId: CrmId;
  createdAtMs: number | null;
}

/** A survivor that has a stamp of its own keeps it: only what moved to it tells. */
const STAMPED_OTHER = `
  SELECT crm_id AS crmId, created_at_ms AS createdAtMs FROM sightings
  WHERE account_id = @account AND entity = @entity AND crm_id = @other AND check_id = @check AND stamp IS NOT NULL
    AND state IN ('present', 'archived')`;

function heirsOf(store: Store, check: LoadedCheck, step: StepFact, movedTo: readonly CrmId[]): LostRecord["heirs"] {
  const { entity, submissionId: submission } = step;
  const crmId = step.crmId!;
  const values = { account: check.accountId, check: check.id, entity, crmId };
  const heirs = new Map<CrmId, LostRecord["heirs"][number]>();
  for (const { part, ...row } of store.all<Candidate & { part: number | null }>(STAMPED, { ...values, submission })) {
    if (entity === "note" && `note.${part ?? 1}` !== step.name) continue;
    heirs.set(row.crmId, { ...row, by: "stamp" });
  }
  if (entity === "person" || entity === "organization") {
    for (const key of matchKeysOf(store, step.stepId)) {
      for (const row of store.all<Candidate>(KEYED, { ...values, key })) {
        if (!heirs.has(row.crmId)) heirs.set(row.crmId, { ...row, by: "key" });
      }
    }
  }
  for (const other of movedTo) {
    const row = heirs.has(other) ? undefined : store.one<Candidate>(STAMPED_OTHER, { ...values, other });
    if (row !== undefined) heirs.set(other, { ...row, by: "hung" });
  }
  return [...heirs.values()].sort((a, b) => oldestFirst({ ...a, id: a.crmId }, { ...b, id: b.crmId }));
}

function matchKeysOf(store: Store, step: StepId): readonly string[] {
  const { content } = store.one<{ content: string }>("SELECT content FROM steps WHERE id = ?", step)!;
  return (JSON.parse(content) as StepContent).matchKeys ?? [];
}

const DRIFTED = `
  SELECT ${SIGHTING} FROM sightings g
  WHERE g.check_id = @check AND g.drift IS NOT NULL AND (g.entity, g.crm_id) > (@entity, @crmId)
  ORDER BY g.entity, g.crm_id LIMIT @window`;

export function driftedRecords(store: Store, id: CheckId, after: string | null, limit: number): Page<DriftedRecord> {
  let isInHand: ReturnType<typeof inHand> | null = null;
  return pageOf<RawSighting, DriftedRecord>(store, id, DRIFTED, after, limit, (row, check) => {
    if (row.state !== "present" && row.state !== "archived") return null;
    isInHand ??= inHand(store, check);
    if (isInHand(row.entity, row.crmId)) return null;
    const step = newestWriteOf(store, check, row.entity, row.crmId);
    return step === null ? null : { sighting: sightingRow(row), step };
  });
}

const makerBy = (action: "create" | "adopt"): string => `SELECT s.submission_id FROM steps s
  WHERE s.entity = 'deal' AND s.crm_id = g.crm_id AND s.action = '${action}' AND ${HAS_RECORD} ORDER BY s.id LIMIT 1`;
/** With what the chain that made each deal, whatever its scope, has as person and organization. */
const DEALS = `
  SELECT m.*, (SELECT crm_id FROM steps WHERE submission_id = m.maker AND name = 'person' AND state = 'done') AS ownPerson,
    (SELECT crm_id FROM steps WHERE submission_id = m.maker AND name = 'organization' AND state = 'done') AS ownOrganization
  FROM (SELECT ${SIGHTING}, coalesce((${makerBy("create")}), (${makerBy("adopt")})) AS maker
    FROM sightings g
    WHERE g.account_id = @account AND g.entity = 'deal' AND @entity IN ('', 'deal') AND g.crm_id > @crmId
      AND g.check_id = @check
    ORDER BY g.crm_id LIMIT @window) m`;

type DealSighting = RawSighting & {
  maker: SubmissionId | null;
  ownPerson: CrmId | null;
  ownOrganization: CrmId | null;
};

export function mislinkedDeals(store: Store, id: CheckId, after: string | null, limit: number): Page<MislinkedDeal> {
  return pageOf<DealSighting, MislinkedDeal>(store, id, DEALS, after, limit, (row, check) => {
    const { maker, ownPerson: personId, ownOrganization: organizationId, ...sighting } = row;
    const elsewhere =
      (personId !== null && personId !== row.personId) ||
      (organizationId !== null && organizationId !== row.organizationId);
    if (!elsewhere || (row.state !== "present" && row.state !== "archived")) return null;
    // A deal that several submissions share hangs where the one that made it put it.
    const step = makerOf(store, check, "deal", row.crmId);
    if (step === null || step.submissionId !== maker) return null;
    return { step, sighting: sightingRow(sighting), personId, organizationId };
  });
}
