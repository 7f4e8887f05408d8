/** Replies to reads. A page with one unreadable record is unreadable: a walk that skips records would miss them for good. */
import { z } from "zod";
import type { Entity } from "../../domain/catalog.ts";
import type {
  CrmRecord,
  DescribeOperation,
  ListOperation,
  Operation,
  Outcome,
  ReadManyOperation,
  SearchOperation,
} from "../../domain/operation.ts";
import type { CrmSession } from "../adapter.ts";
import { PAGE_SIZE_MAX } from "./capabilities.ts";
import { catalogPage } from "./catalog-pages.ts";
import { type Envelope, nextCursor } from "./envelope.ts";
import { parseRecord } from "./records.ts";

/** Null where the reply is not what the operation asked for. */
export function readOutcome(operation: Operation, envelope: Envelope, session: CrmSession): Outcome | null {
  switch (operation.type) {
    case "read": {
      const record = parseRecord(operation.entity, envelope.data, session);
      return record && { type: "applied", id: record.id, record };
    }
    case "list":
      return listed(operation, envelope, session);
    case "readMany":
      return readByIds(operation, envelope, session);
    case "search":
      return found(operation, envelope, session);
    case "describe":
      return described(operation, envelope);
    default:
      return null;
  }
}

function listed(operation: ListOperation, envelope: Envelope, session: CrmSession): Outcome | null {
  // v1 has null for an empty list.
  const data = operation.entity === "note" ? (envelope.data ?? []) : envelope.data;
  const records = recordsOf(operation.entity, data, session);
  if (records === null) return null;
  const next = pageAfter(envelope, records.length, operation.cursor);
  return next === undefined ? null : { type: "applied", records, next };
}

/** Silence about a next page is the end only where the page was not full; a cursor that repeats itself never ends. */
function pageAfter(envelope: Envelope, rows: number, cursor: string | undefined): string | null | undefined {
  const found = nextCursor(envelope.additional);
  if (found === "silent") return rows < PAGE_SIZE_MAX ? null : undefined;
  if (found === "broken" || (found.next !== null && found.next === cursor)) return undefined;
  return found.next;
}

function readByIds(operation: ReadManyOperation, envelope: Envelope, session: CrmSession): Outcome | null {
  const records = recordsOf(operation.entity, envelope.data, session);
  if (records === null) return null;
  return { type: "applied", records: records.filter((record) => operation.ids.includes(record.id)), next: null };
}

const hitsSchema = z.looseObject({ items: z.array(z.looseObject({ item: z.unknown() })) });

function found(operation: SearchOperation, envelope: Envelope, session: CrmSession): Outcome | null {
  const hits = hitsSchema.safeParse(envelope.data);
  if (!hits.success) return null;
  // A hit's `custom_fields` are values without keys: they say nothing about a field.
  const items = hits.data.items.map(({ item }) =>
    typeof item === "object" && item !== null ? { ...item, custom_fields: null } : item,
  );
  const records = recordsOf(operation.entity, items, session);
  return records && { type: "applied", records, next: null };
}

function described(operation: DescribeOperation, envelope: Envelope): Outcome | null {
  const catalog = catalogPage(operation.part, envelope.data);
  if (catalog === null) return null;
  if (operation.part === "account") return { type: "applied", catalog, next: null };
  const rows = Array.isArray(envelope.data) ? envelope.data.length : 0;
  const paged = operation.part !== "users";
  const next = paged ? pageAfter(envelope, rows, operation.cursor) : null;
  return next === undefined ? null : { type: "applied", catalog, next };
}

function recordsOf(entity: Entity, data: unknown, session: CrmSession): CrmRecord[] | null {
  if (!Array.isArray(data)) return null;
  const records: CrmRecord[] = [];
  for (const raw of data) {
    const record = parseRecord(entity, raw, session);
    if (record === null) return null;
    records.push(record);
  }
  return records;
}
