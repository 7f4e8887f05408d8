import type { Config } from "../config/config.ts";
import { adapterOf } from "../crm/registry.ts";
import type { Catalog, CatalogPart, FieldedEntity } from "../domain/catalog.ts";
import { EXIT_CODES } from "../domain/errors.ts";
import type { PlanSettings, SourceMap, SourceSettings } from "../domain/settings.ts";
import { type MapValue, readMapValue } from "../intake/constants.ts";
import { parsePath } from "../intake/path.ts";
import { ownerIsPerson } from "../planner/needed-parts.ts";
import { matchFieldName } from "../planner/plan-chain.ts";
import {
  findField,
  findLabel,
  findPipeline,
  findStage,
  findUser,
  nearestName,
  type Resolved,
} from "../planner/resolve-names.ts";
import { counted } from "../report/human.ts";
import { type Finding, fail, ok, warn } from "./doctor-finding.ts";

const FIELDED: readonly FieldedEntity[] = ["person", "organization", "deal"];

/** A name that the CRM must have for what the config says to work. */
export interface NamedThing {
  source: SourceSettings;
  /** The config's key, such as `sources.website.map.deal.pipeline`. */
  key: string;
  what: "pipeline" | "stage" | "field" | "value" | "owner" | "label" | "match";
  entity: FieldedEntity;
  name: string;
  /** Of a value: the field that it goes into. Of a stage: the pipelines that its deal can be in; null: any. */
  field?: string;
  pipelines?: string[] | null;
}

/** What the maps and match rules name literally. Names that only a record brings are not known before it comes. */
export async function namesInMaps(config: Config): Promise<NamedThing[]> {
  const found: NamedThing[] = [];
  const rules = new Set<readonly string[]>();
  for (const source of Object.values(config.sources)) {
    const { match } = source.plan.persons;
    // Sources without rules of their own share the general ones, which are named once.
    const key = match === config.plan.persons.match ? "persons.match" : `sources.${source.name}.persons.match`;
    if (!rules.has(match)) found.push(...match.filter(isField).map((rule) => matchNamed(source, key, rule)));
    rules.add(match);
    if (source.map !== null) found.push(...(await namesInMap(source, source.map)));
  }
  return found;
}

const isField = (rule: string): boolean => rule.startsWith("person.fields.");

function matchNamed(source: SourceSettings, key: string, rule: string): NamedThing {
  return { source, key, what: "match", entity: "person", name: matchFieldName(rule) };
}

async function namesInMap(source: SourceSettings, map: SourceMap): Promise<NamedThing[]> {
  const values = new Map<string, MapValue>();
  for (const [target, texts] of Object.entries(map)) values.set(target, await readAll(texts));
  const pipeline = values.get("deal.pipeline");
  const pipelines = pipeline === undefined || pipeline.open ? null : pipeline.constants;
  return [...values].flatMap(([target, { constants }]) => {
    const [section = "", member = "", field] = parsePath(target);
    const entity = FIELDED.find((known) => known === section);
    if (entity === undefined) return [];
    const base = { source, key: `sources.${source.name}.map.${target}`, entity };
    if (member === "fields" && field !== undefined) {
      const values = constants.map((name): NamedThing => ({ ...base, what: "value", name, field }));
      return [{ ...base, what: "field" as const, name: field }, ...values];
    }
    const what = ({ pipeline: "pipeline", stage: "stage", owner: "owner", labels: "label" } as const)[member];
    if (what === undefined) return [];
    return constants
      .filter((name) => name.trim() !== "" && !(what === "owner" && entity === "deal" && ownerIsPerson(name)))
      .map((name): NamedThing => ({ ...base, what, name, ...(what === "stage" && { pipelines }) }));
  });
}

async function readAll(texts: string | string[]): Promise<MapValue> {
  const read = await Promise.all((Array.isArray(texts) ? texts : [texts]).map(readMapValue));
  return { constants: read.flatMap(({ constants }) => constants), open: read.some(({ open }) => open) };
}

/** What of the catalog the names need, beyond the fields that are read anyway. */
export function partsForNames(names: readonly NamedThing[]): CatalogPart[] {
  const places = names.some(({ what }) => what === "pipeline" || what === "stage");
  return [
    ...(places ? (["pipelines", "stages"] as const) : []),
    ...(names.some(({ what }) => what === "owner") ? (["users"] as const) : []),
  ];
}

/** Each name that the CRM does not have, with the nearest one that it has; or one line that all are there. */
export function checkNames(config: Config, names: readonly NamedThing[], catalog: Catalog): Finding[] {
  if (names.length === 0) return [];
  const troubles = names.flatMap((named) => {
    const trouble = troubleOf(config, named, catalog);
    return trouble === null ? [] : [trouble];
  });
  if (troubles.length > 0) return troubles;
  return [
    ok(
      "names in maps",
      `${counted(names.length, "name")} of pipelines, stages, fields, owners and labels: all are in the CRM`,
    ),
  ];
}

function troubleOf(config: Config, named: NamedThing, catalog: Catalog): Finding | null {
  switch (named.what) {
    case "pipeline":
      return unless(named, findPipeline(catalog, named.name));
    case "stage":
      return stageTrouble(named, catalog);
    case "field":
      return unless(named, findField(catalog, named.entity, named.name));
    case "match":
      return matchTrouble(named, catalog);
    case "value":
      return valueTrouble(config, named, catalog);
    case "owner":
      return ownerTrouble(named, catalog);
    case "label":
      return labelTrouble(named, catalog);
  }
}

const NAME = "names in maps";

/** A pipeline, stage or field that is not there holds the source at the next sync, which then ends with 3. */
function unless(named: NamedThing, resolved: Resolved<unknown>): Finding | null {
  if (resolved.ok) return null;
  const { message, hint } = resolved.unknown;
  return fail(NAME, `${named.key}: ${message}`, hint, EXIT_CODES.attention);
}

/** Each pipeline that the deal can be in may have the stage, one of them must. */
function stageTrouble(named: NamedThing, catalog: Catalog): Finding | null {
  const pipelines = (named.pipelines ?? []).flatMap((name) => {
    const found = findPipeline(catalog, name);
    return found.ok ? [found.value] : [];
  });
  const anywhere = named.pipelines === null || named.pipelines === undefined;
  // In a pipeline that only the record names, any stage of that name may be meant.
  if (anywhere && mapsPipeline(named.source.map)) {
    const known = (catalog.stages ?? []).some(
      ({ name }) => name.trim().toLowerCase() === named.name.trim().toLowerCase(),
    );
    return known ? null : unless(named, findStage(catalog, named.name, null));
  }
  if (anywhere) return unless(named, findStage(catalog, named.name, null));
  const tries = pipelines.map((pipeline) => findStage(catalog, named.name, pipeline));
  return tries.length === 0 || tries.some(({ ok }) => ok) ? null : unless(named, tries[0]!);
}

const mapsPipeline = (map: SourceMap | null): boolean => map !== null && Object.hasOwn(map, "deal.pipeline");

function matchTrouble(named: NamedThing, catalog: Catalog): Finding | null {
  const found = findField(catalog, "person", named.name);
  if (found.ok) return null;
  const near = nearestName(named.name, fieldNames(catalog, "person"));
  const fix = near === null ? "Make the field in the CRM, or correct persons.match." : `Did you mean "${near}"?`;
  return warn(NAME, `${named.key}: the CRM has no person field "${named.name}": nobody is found by it`, fix);
}

const fieldNames = (catalog: Catalog, entity: FieldedEntity): string[] =>
  (catalog.fields[entity] ?? []).map(({ name }) => name);

function valueTrouble({ crm }: Config, named: NamedThing, catalog: Catalog): Finding | null {
  const found = findField(catalog, named.entity, named.field ?? "");
  // That the field is missing is said once, of the field.
  if (!found.ok) return null;
  const encoded = adapterOf(crm.type).codec.encode(found.value, named.name, catalog);
  if (encoded.ok) return null;
  const near = nearestName(
    named.name,
    found.value.options.map(({ label }) => label),
  );
  return badValue(named, `"${named.name}" ${encoded.reason}`, near);
}

function ownerTrouble(named: NamedThing, catalog: Catalog): Finding | null {
  const users = (catalog.users ?? []).filter(({ active }) => active);
  const found = findUser(catalog.users ?? [], named.name);
  if (found.ok) return null;
  const near = nearestName(
    named.name,
    named.name.includes("@") ? users.map(({ email }) => email) : users.map(({ name }) => name),
  );
  return badValue(named, `"${named.name}": ${found.reason}; new records will belong to the token's user`, near);
}

function labelTrouble(named: NamedThing, catalog: Catalog): Finding | null {
  const labels = catalog.labels[named.entity] ?? [];
  const found = findLabel(labels, named.name);
  if (found.ok) return null;
  return badValue(
    named,
    `"${named.name}": ${found.reason}`,
    nearestName(
      named.name,
      labels.map(({ label }) => label),
    ),
  );
}

/** Goes into every submission's note; where bad values reject, no submission gets through at all. */
function badValue(named: NamedThing, what: string, near: string | null): Finding {
  const { onBadValue }: Pick<PlanSettings, "onBadValue"> = named.source.plan;
  const fix = near === null ? "Correct the map, or make it in the CRM." : `Did you mean "${near}"?`;
  const message = `${named.key}: ${what}`;
  if (onBadValue === "reject")
    return fail(NAME, `${message}; every submission fails for it`, fix, EXIT_CODES.attention);
  return warn(NAME, `${message}; it goes into each note instead`, fix);
}
