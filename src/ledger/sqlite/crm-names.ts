import type { Catalog, FieldDef, FieldedEntity } from "../../domain/catalog.ts";
import { foldName } from "../../domain/identity.ts";
import type { AccountId } from "../../domain/ids.ts";
import type { SubmissionContent } from "../../domain/submission.ts";
import type { CrmChange, CrmChangeKind, CrmNameKind } from "../names.ts";
import type { Store } from "./store.ts";

interface NameRow {
  kind: CrmNameKind;
  crmId: string;
  name: string;
  type: string | null;
  required: 0 | 1 | null;
}

type Place = "entity" | "parent" | "id";

const SAVE = `
  INSERT INTO crm_names (account_id, part, kind, crm_id, name, type, required)
  VALUES (@account, @part, @kind, @crmId, @name, @type, @required)
  ON CONFLICT DO UPDATE SET name = excluded.name, type = excluded.type, required = excluded.required`;
const KNOWN = `
  SELECT kind, crm_id AS crmId, name, type, required FROM crm_names WHERE account_id = ? AND part = ?`;
const GONE = "DELETE FROM crm_names WHERE account_id = ? AND part = ? AND kind = ? AND crm_id = ?";
const CHANGED = `
  INSERT INTO crm_changes (account_id, kind, crm_id, change, name, before, after, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`;

/** Holds a part of the catalog against what it brought before, within the transaction that saves it. */
export function watchNames(store: Store, account: AccountId, part: string, catalog: Partial<Catalog>, nowMs: number) {
  const found = namesOf(catalog);
  // A CRM without any field, pipeline or stage is not one: a list that is empty was not read right.
  if (found.length === 0) return;
  const known = store.all<NameRow>(KNOWN, account, part);
  const before = new Map(known.map((row) => [keyOf(row), row]));
  const told = (row: NameRow, change: CrmChangeKind, from: string | null, to: string | null): void => {
    store.run(CHANGED, account, row.kind, row.crmId, change, row.name, from, to, nowMs);
  };
  for (const row of found) {
    const was = before.get(keyOf(row));
    before.delete(keyOf(row));
    if (was !== undefined && isSame(was, row)) continue;
    store.run(SAVE, { account, part, ...row });
    if (was === undefined) continue;
    if (foldName(was.name) !== foldName(row.name)) told(was, "renamed", was.name, row.name);
    if (was.type !== row.type) told(was, "retyped", was.type, row.type);
    if (was.required === 0 && row.required === 1) told(was, "required", null, null);
  }
  for (const row of before.values()) {
    told(row, "removed", row.name, null);
    store.run(GONE, account, part, row.kind, row.crmId);
  }
}

const keyOf = ({ kind, crmId }: NameRow): string => `${kind} ${crmId}`;

function isSame(a: NameRow, b: NameRow): boolean {
  return a.name === b.name && a.type === b.type && a.required === b.required;
}

function namesOf(catalog: Partial<Catalog>): NameRow[] {
  const named = (kind: CrmNameKind, rows: readonly { id: string; name: string }[]): NameRow[] =>
    rows.map(({ id, name }) => ({ kind, crmId: id, name, type: null, required: null }));
  return [
    ...Object.values(catalog.fields ?? {}).flatMap((fields) => fields.flatMap(fieldRows)),
    ...named("pipeline", catalog.pipelines ?? []),
    ...named(
      "stage",
      (catalog.stages ?? []).map(({ id, name, pipelineId }) => ({ id: `${pipelineId}:${id}`, name })),
    ),
  ];
}

/** No code holds a colon: the CRM's are words and hashes. */
function fieldRows({ entity, code, name, type, required, options }: FieldDef): NameRow[] {
  const isRequired = required === undefined ? null : required ? 1 : 0;
  const field: NameRow = { kind: "field", crmId: `${entity}:${code}`, name, type, required: isRequired };
  const rows = options.map(
    ({ id, label }): NameRow => ({
      kind: "option",
      crmId: `${entity}:${code}:${id}`,
      name: label,
      type: null,
      required: null,
    }),
  );
  return [field, ...rows];
}

export function crmChanges(store: Store, account: AccountId, sinceMs: number, limit: number): CrmChange[] {
  const rows = store.all<Omit<CrmChange, Place> & { crmId: string }>(
    `SELECT kind, crm_id AS crmId, change, name, before, after, at_ms AS atMs FROM crm_changes
     WHERE account_id = ? AND at_ms >= ? ORDER BY at_ms DESC, id DESC LIMIT ?`,
    account,
    sinceMs,
    limit,
  );
  return rows.map(({ crmId, ...row }) => ({ ...row, ...partsOf(row.kind, crmId) }));
}

function partsOf(kind: CrmNameKind, crmId: string): Pick<CrmChange, Place> {
  if (kind === "pipeline") return { entity: null, parent: null, id: crmId };
  const [first = "", second = "", ...rest] = crmId.split(":");
  if (kind === "stage") return { entity: null, parent: first, id: second };
  const entity = first as FieldedEntity;
  return kind === "field" ? { entity, parent: null, id: second } : { entity, parent: second, id: rest.join(":") };
}

export function openContents(store: Store, limit: number): { source: string; content: SubmissionContent }[] {
  const rows = store.all<{ source: string; content: string | null }>(
    `SELECT source, content FROM submissions WHERE state IN ('pending', 'waiting', 'inProgress', 'uncertain')
     ORDER BY submitted_at_ms, id LIMIT ?`,
    limit,
  );
  return rows.flatMap(({ source, content }) =>
    content === null ? [] : [{ source, content: JSON.parse(content) as SubmissionContent }],
  );
}
