import type { Catalog, CatalogPart, FieldedEntity } from "../domain/catalog.ts";
import type { SubmissionContent } from "../domain/submission.ts";
import { findField } from "./resolve-names.ts";

const FIELDED: readonly FieldedEntity[] = ["person", "organization", "deal"];

/** Field types whose values are users, by e-mail or name. Pipedrive's word, and the one that other adapters take over. */
const USER_FIELD_TYPE = "user";

/** Nothing that could be written: absent, null, blank text. */
export function isBlank(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === "string" && value.trim() === "");
}

/**
 * The parts of the catalog that this submission needs and that are not there yet. Whether a user field is among its
 * fields shows only once the fields are known, so a second question may follow the first.
 */
export function neededParts(content: SubmissionContent, catalog: Catalog): CatalogPart[] {
  const parts = new Set<CatalogPart>();
  for (const entity of FIELDED) {
    const part = content[entity];
    if (part === undefined) continue;
    const names = Object.entries(part.fields ?? {}).flatMap(([name, value]) => (isBlank(value) ? [] : [name]));
    const labels = (part.labels ?? []).some((label) => !isBlank(label));
    // Labels come with the fields. An entity that has none shows no labels however often it is asked.
    if ((names.length > 0 || labels) && catalog.fields[entity] === undefined) parts.add(`fields:${entity}`);
    const ownerIsName = !isBlank(part.owner) && !(entity === "deal" && ownerIsPerson(part.owner));
    if (catalog.users === undefined && (ownerIsName || names.some((name) => takesUser(catalog, entity, name))))
      parts.add("users");
  }
  const { pipeline, stage } = content.deal ?? {};
  if ((!isBlank(pipeline) || !isBlank(stage)) && catalog.pipelines === undefined) parts.add("pipelines");
  if (!isBlank(stage) && catalog.stages === undefined) parts.add("stages");
  return [...parts];
}

/** `deal.owner: person`: the owner of the person. */
export function ownerIsPerson(owner: string | undefined): boolean {
  return owner?.trim().toLowerCase() === "person";
}

function takesUser(catalog: Catalog, entity: FieldedEntity, name: string): boolean {
  if (catalog.fields[entity] === undefined) return false;
  const found = findField(catalog, entity, name);
  return found.ok && found.value.type === USER_FIELD_TYPE;
}
