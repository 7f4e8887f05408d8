import type { Entity, FieldedEntity } from "../domain/catalog.ts";
import type { Random } from "../domain/clock.ts";
import { STAMP_FIELD_NAME } from "../domain/stamp.ts";
import type { LogEntry } from "./log.ts";
import type {
  AnyRecord,
  DealRecord,
  FieldRecord,
  NoteRecord,
  OrganizationRecord,
  PersonRecord,
  PipelineRecord,
  RecordOf,
  StageRecord,
  UserRecord,
  Via,
} from "./records.ts";
import { isSearchable, type SearchIndex } from "./search-index.ts";
import type { Table } from "./table.ts";

export interface Company {
  id: number;
  name: string;
  domain: string;
  currency: string;
}

/** Who does something: a user through the API in a request, or a person in the CRM's own pages. */
export interface Actor {
  user: UserRecord;
  via: Via;
  requestNo: number | null;
}

/** The whole state of one company's account. Changed by `commit` only, where records are concerned. */
export interface World {
  /** UTC ms of the CRM's clock, never going back. */
  nowMs: number;
  company: Company;
  tables: {
    person: Table<PersonRecord>;
    organization: Table<OrganizationRecord>;
    deal: Table<DealRecord>;
    note: Table<NoteRecord>;
  };
  search: {
    person: SearchIndex<PersonRecord>;
    organization: SearchIndex<OrganizationRecord>;
    deal: SearchIndex<DealRecord>;
  };
  fields: Record<FieldedEntity, FieldRecord[]>;
  pipelines: PipelineRecord[];
  stages: StageRecord[];
  users: UserRecord[];
  log: LogEntry[];
  random: Random;
  planCaps: { deals?: number; customFields?: number };
  /** Deals that count against the cap: open, neither archived nor deleted. */
  openDeals: number;
  deletedGet: 404 | 410 | 200;
  unknownFields: "refuse" | "ignore";
  textMax: number | null;
  /** Records that our token's user may not see, as `person:1001`. */
  hidden: Set<string>;
  searchLagMs: number;
  listLagMs: number;
  readLagMs: number;
}

/** Puts a record in its place, makes it findable in time and writes down that it happened. */
export function commit<E extends Entity>(
  world: World,
  entity: E,
  record: RecordOf[E],
  action: "create" | "update" | "delete",
  body: Readonly<Record<string, unknown>>,
  actor: Actor,
): RecordOf[E] {
  store(world, entity, record);
  const stamp = stampIn(world, entity, record);
  const { via, requestNo } = actor;
  world.log.push({ at: world.nowMs, entity, id: record.id, action, body, stamp, via, requestNo });
  return record;
}

/** As `commit`, without the log: what a merge moves along is no act of its own. */
export function store<E extends Entity>(world: World, entity: E, record: RecordOf[E]): void {
  const table = world.tables[entity] as unknown as Table<RecordOf[E]>;
  if (entity === "deal") {
    world.openDeals +=
      countsAsOpen(record as DealRecord) - countsAsOpen(table.get(record.id) as DealRecord | undefined);
  }
  table.put(record);
  if (isSearchable(entity, record)) {
    const index = world.search[entity as FieldedEntity] as SearchIndex<typeof record>;
    index.write(record);
  }
}

function countsAsOpen(deal: DealRecord | undefined): number {
  return deal && deal.status === "open" && !deal.is_archived && !deal.is_deleted ? 1 : 0;
}

const REFERENCE = /Ref\. (\S[^<]*?)(?: \(\d+\/\d+\))?\s*(?:<[^>]*>\s*)*$/;

function stampIn(world: World, entity: Entity, record: AnyRecord): string | null {
  if ("content" in record) return REFERENCE.exec(record.content)?.[1] ?? null;
  if (entity === "note") return null;
  const field = world.fields[entity].find((one) => one.is_custom_field && one.field_name === STAMP_FIELD_NAME);
  const value = field ? record.custom_fields[field.field_code] : null;
  return typeof value === "string" ? value : null;
}

/** A record that is there, or undefined. */
export function alive<E extends Entity>(world: World, entity: E, id: number): RecordOf[E] | undefined {
  const record = (world.tables[entity] as unknown as Table<RecordOf[E]>).get(id);
  return record && !record.is_deleted ? record : undefined;
}
