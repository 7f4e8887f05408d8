/**
 * Turns the names that people see in the CRM into codes and ids. Names match without case and outer spaces. An unknown
 * pipeline, stage or field is a fault of the map (it holds the source); an unknown user or label is a bad value.
 */
import { distance } from "fastest-levenshtein";
import type { Catalog, CrmUser, FieldDef, FieldedEntity, FieldOption, Pipeline, Stage } from "../domain/catalog.ts";
import { foldName, normalizeEmail } from "../domain/identity.ts";
import type { CrmId } from "../domain/ids.ts";

export interface UnknownName {
  type: "unknownName";
  what: "pipeline" | "stage" | "field";
  name: string;
  message: string;
  hint: string;
}

export type Resolved<T> = { ok: true; value: T } | { ok: false; unknown: UnknownName };
export type ResolvedValue<T> = { ok: true; value: T } | { ok: false; reason: string };

const WAITS = "The source's submissions wait until then; nothing is lost.";

/** The closest of the known names, or null where none is close enough to be a slip of the pen. */
export function nearestName(name: string, known: readonly string[]): string | null {
  const wanted = foldName(name);
  let best: { name: string; far: number } | null = null;
  for (const candidate of known) {
    const far = distance(wanted, foldName(candidate));
    if (best === null || far < best.far) best = { name: candidate, far };
  }
  return best !== null && best.far <= Math.max(2, Math.floor(wanted.length / 3)) ? best.name : null;
}

function unknownName(what: UnknownName["what"], name: string, message: string, known: readonly string[]): UnknownName {
  const nearest = nearestName(name, known);
  const advice = nearest === null ? "Correct the map, or make it in the CRM." : `Did you mean "${nearest}"?`;
  return { type: "unknownName", what, name, message, hint: `${advice} ${WAITS}` };
}

function ambiguousName(what: UnknownName["what"], name: string, message: string, advice: string): UnknownName {
  return { type: "unknownName", what, name, message, hint: `${advice} ${WAITS}` };
}

/** Those with this name: without case, and of several only the ones written exactly so, where there are any. */
function withName<T extends { name: string }>(items: readonly T[], name: string): T[] {
  const folded = items.filter((item) => foldName(item.name) === foldName(name));
  const exact = folded.filter((item) => item.name.trim() === name.trim());
  return exact.length > 0 && folded.length > 1 ? exact : folded;
}

/** A field by visible name. Of several the account's own (custom) one is meant, then the one written exactly so. */
export function findField(catalog: Catalog, entity: FieldedEntity, name: string): Resolved<FieldDef> {
  const defs = catalog.fields[entity] ?? [];
  const named = defs.filter((def) => foldName(def.name) === foldName(name));
  const writable = named.filter((def) => def.writable);
  const custom = writable.filter((def) => def.custom);
  const chosen = withName(custom.length > 0 ? custom : writable, name);
  const [only] = chosen;
  if (only !== undefined && chosen.length === 1) return { ok: true, value: only };
  const byCode = defs.find((def) => def.code === name.trim() && def.writable);
  if (named.length === 0 && byCode !== undefined) return { ok: true, value: byCode };
  if (chosen.length > 1) {
    const message = `The CRM has ${chosen.length} ${entity} fields called "${name}".`;
    return {
      ok: false,
      unknown: ambiguousName("field", name, message, "Rename all but one of them, or map the field's key."),
    };
  }
  if (named.length > 0) {
    const message = `The ${entity} field "${name}" can't be written: the CRM computes it.`;
    return { ok: false, unknown: ambiguousName("field", name, message, "Map to another field.") };
  }
  const known = defs.filter((def) => def.writable).map((def) => def.name);
  return { ok: false, unknown: unknownName("field", name, `The CRM has no ${entity} field "${name}".`, known) };
}

export function findPipeline(catalog: Catalog, name: string): Resolved<Pipeline> {
  const pipelines = catalog.pipelines ?? [];
  const found = withName(pipelines, name);
  const [only] = found;
  if (only !== undefined && found.length === 1) return { ok: true, value: only };
  if (only !== undefined) {
    const message = `The CRM has ${found.length} pipelines called "${name}".`;
    return { ok: false, unknown: ambiguousName("pipeline", name, message, "Rename all but one of them.") };
  }
  const known = pipelines.map((pipeline) => pipeline.name);
  return { ok: false, unknown: unknownName("pipeline", name, `The CRM has no pipeline "${name}".`, known) };
}

/** A stage by name, in its pipeline where one is given; without one its name must be the only one of its kind. */
export function findStage(catalog: Catalog, name: string, pipeline: Pipeline | null): Resolved<Stage> {
  const stages = catalog.stages ?? [];
  const inReach = pipeline === null ? stages : stages.filter((stage) => stage.pipelineId === pipeline.id);
  const found = withName(inReach, name);
  const [only] = found;
  if (only !== undefined && found.length === 1) return { ok: true, value: only };
  const pipelineNames = (of: readonly Stage[]): string =>
    of
      .map((stage) => catalog.pipelines?.find((each) => each.id === stage.pipelineId)?.name ?? stage.pipelineId)
      .map((each) => `"${each}"`)
      .join(", ");
  if (only !== undefined) {
    const message = `The stage "${name}" is in several pipelines: ${pipelineNames(found)}.`;
    return { ok: false, unknown: ambiguousName("stage", name, message, "Name the pipeline too (deal.pipeline).") };
  }
  const elsewhere = withName(stages, name);
  if (pipeline !== null && elsewhere.length > 0) {
    const message = `The pipeline "${pipeline.name}" has no stage "${name}".`;
    const advice = `There is one of that name in ${pipelineNames(elsewhere)}.`;
    return { ok: false, unknown: ambiguousName("stage", name, message, advice) };
  }
  const message = `${pipeline === null ? "The CRM" : `The pipeline "${pipeline.name}"`} has no stage "${name}".`;
  const known = inReach.map((stage) => stage.name);
  return { ok: false, unknown: unknownName("stage", name, message, known) };
}

/** A user by e-mail address or name. Users that are switched off own nothing new. */
export function findUser(users: readonly CrmUser[], text: string): ResolvedValue<CrmId> {
  const email = normalizeEmail(text);
  const found = users.filter((user) =>
    email !== null ? normalizeEmail(user.email) === email : foldName(user.name) === foldName(text),
  );
  const active = found.filter((user) => user.active);
  const [only] = active;
  if (only !== undefined && active.length === 1) return { ok: true, value: only.id };
  if (active.length > 1) return { ok: false, reason: `${active.length} users of the CRM have this name` };
  return {
    ok: false,
    reason: found.length > 0 ? "this user of the CRM is switched off" : "the CRM has no user of this e-mail or name",
  };
}

/** A label by its text. */
export function findLabel(labels: readonly FieldOption[], text: string): ResolvedValue<CrmId> {
  const found = withName(
    labels.map((option) => ({ id: option.id, name: option.label })),
    text,
  );
  const [first] = found;
  return first === undefined ? { ok: false, reason: "the CRM has no such label" } : { ok: true, value: first.id };
}
