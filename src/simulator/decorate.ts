/** The optional parts of a v2 record: `include_fields`, `include_labels`, `include_option_labels`. */
import type { FieldedEntity } from "../domain/catalog.ts";
import type { DealRecord, NoteRecord, RecordOf } from "./records.ts";
import { invalid } from "./refusal.ts";
import type { World } from "./world.ts";

const COUNTS = [
  "next_activity_id",
  "last_activity_id",
  "files_count",
  "notes_count",
  "followers_count",
  "email_messages_count",
  "activities_count",
  "done_activities_count",
  "undone_activities_count",
  "last_incoming_mail_time",
  "last_outgoing_mail_time",
  "smart_bcc_email",
];
const CONTACT_COUNTS = [
  "open_deals_count",
  "related_open_deals_count",
  "closed_deals_count",
  "related_closed_deals_count",
  "won_deals_count",
  "related_won_deals_count",
  "lost_deals_count",
  "related_lost_deals_count",
];
const INCLUDABLE: Readonly<Record<FieldedEntity, readonly string[]>> = {
  person: [
    ...COUNTS,
    ...CONTACT_COUNTS,
    "participant_open_deals_count",
    "participant_closed_deals_count",
    "marketing_status",
    "doi_status",
  ],
  organization: [...COUNTS, ...CONTACT_COUNTS, "people_count"],
  deal: [...COUNTS, "first_won_time", "products_count", "participants_count", "source_lead_id"],
};
const COLUMN = { person: "person_id", organization: "org_id", deal: "deal_id" } as const;

export function decorate<E extends FieldedEntity>(
  world: World,
  entity: E,
  row: RecordOf[E],
  shown: Record<string, unknown>,
  query: URLSearchParams,
): Record<string, unknown> {
  const included = query.get("include_fields");
  if (included !== null) {
    for (const name of included.split(",")) {
      if (!INCLUDABLE[entity].includes(name)) throw invalid("include_fields", `unknown field ${name}`);
      shown[name] = value(world, entity, row, name);
    }
  }
  if (query.get("include_labels") === "true")
    shown.labels = row.label_ids.map((id) => labelled(world, entity, "label_ids", id));
  if (query.get("include_option_labels") === "true")
    shown.custom_fields = optionLabels(world, entity, shown.custom_fields as Record<string, unknown>);
  return shown;
}

function value(world: World, entity: FieldedEntity, row: RecordOf[FieldedEntity], name: string): unknown {
  const column = COLUMN[entity];
  if (name === "notes_count")
    return world.tables.note.where(column as keyof NoteRecord, row.id).filter((note) => !note.is_deleted).length;
  const deals = /^(open|won|lost|closed)_deals_count$/.exec(name);
  if (deals && entity !== "deal") {
    const status = deals[1];
    const all = world.tables.deal.where(column as keyof DealRecord, row.id).filter((deal) => !deal.is_deleted);
    return all.filter((d) => d.status === status || (status === "closed" && d.status !== "open")).length;
  }
  return name.endsWith("_count") ? 0 : null;
}

function labelled(world: World, entity: FieldedEntity, code: string, id: unknown) {
  const field = world.fields[entity].find((one) => one.field_code === code);
  return { id, label: field?.options?.find((option) => option.id === id)?.label ?? null };
}

function optionLabels(world: World, entity: FieldedEntity, values: Record<string, unknown>): Record<string, unknown> {
  const shown = { ...values };
  for (const { field_code, field_type } of world.fields[entity]) {
    const given = shown[field_code];
    if (given === null || given === undefined) continue;
    if (field_type === "enum") shown[field_code] = labelled(world, entity, field_code, given);
    if (field_type === "set")
      shown[field_code] = (given as unknown[]).map((id) => labelled(world, entity, field_code, id));
  }
  return shown;
}
