import { readFileSync } from "node:fs";
import { basename } from "node:path";
import type { Config } from "../config/config.ts";
import { placeOfKey } from "../config/place-of-key.ts";
import type { Catalog } from "../domain/catalog.ts";
import { foldName } from "../domain/identity.ts";
import type { SubmissionContent } from "../domain/submission.ts";
import type { CrmChange } from "../ledger/names.ts";
import type { ChangedName } from "../notify/facts.ts";
import { counted } from "../report/human.ts";
import type { Shop } from "./compose.ts";
import type { NamedThing } from "./doctor-names.ts";

const DAY_MS = 86_400_000;
/** What a map still names after so long is no news: then it is the hold, or the note, that tells. */
const TOLD_MS = 90 * DAY_MS;
/** Whether a new type or a new duty was seen to can't be told from the config. */
const UNJUDGED_TOLD_MS = 7 * DAY_MS;
const CHANGES_MAX = 500;
/** Of those that wait; the oldest. */
const CONTENTS_MAX = 2_000;

/** A name of the CRM that changed while something of ours goes by the old one. */
export interface NameWarning extends ChangedName {
  /** What happened, with both names. */
  message: string;
  /** What to change, and where. */
  fix: string;
  /** What it was called. */
  name: string;
}

type Looked = Pick<Shop, "ledger" | "now"> & { config: Config | null };

/**
 * What changed at the CRM, as the catalog told whenever it was read, and is still used by a map, a match rule or a submission
 * that waits. Asks the CRM nothing. Over once the config names it otherwise, or the CRM has the name again.
 */
export async function changedNames({ config, ledger, now }: Looked): Promise<NameWarning[]> {
  const account = await ledger.account();
  if (config === null || account === null) return [];
  const nowMs = now().wallMs;
  const changes = newestOfEach(await ledger.crmChanges(account.id, nowMs - TOLD_MS, CHANGES_MAX));
  if (changes.length === 0) return [];
  const catalog = joined((await ledger.loadCatalog(account.id)).map((row) => row.catalog));
  const open = changes.filter((change) => !isOver(change, catalog, nowMs));
  if (open.length === 0) return [];
  // Loaded where something changed: it knows the CRM's fields, which a status or a sync without work has no use for.
  const { namesInMaps } = await import("./doctor-names.ts");
  const names = await namesInMaps(config);
  const waiting = await ledger.openContents(CONTENTS_MAX);
  const lines = linesOf(config);
  return open
    .map((change) => asItIsNow(change, catalog))
    .flatMap((change) => {
      const uses = usesOf(change, config, names, catalog);
      // What a map has made of a record is made anew by the map as it is now.
      const isMended = (source: string): boolean =>
        change.kind === "field" &&
        config.sources[source]?.map != null &&
        !uses.some((key) => key.startsWith(`sources.${source}.`));
      const bringing = waiting.filter(
        ({ source, content }) => !isMended(source) && brings(content, change, catalog),
      ).length;
      if (uses.length === 0 && bringing === 0) return [];
      return [warningOf(change, catalog, uses, lines, bringing)];
    });
}

/** A thing that was renamed twice has two old names; one that was renamed there and back only what it is called. */
function newestOfEach(changes: readonly CrmChange[]): CrmChange[] {
  const seen = new Set<string>();
  return changes.filter(({ kind, entity, parent, id, change, name }) => {
    const isName = change === "renamed" || change === "removed";
    const key = [kind, entity, parent, id, isName ? "name" : change, foldName(name)].join("\n");
    return !seen.has(key) && seen.add(key);
  });
}

function joined(parts: readonly Partial<Catalog>[]): Catalog {
  const fields = Object.assign({}, ...parts.map((part) => part.fields)) as Catalog["fields"];
  return { ...(Object.assign({}, ...parts) as Partial<Catalog>), fields, labels: {} };
}

function isOver(change: CrmChange, catalog: Catalog, nowMs: number): boolean {
  const { entity, id, name } = change;
  if (change.change === "retyped" || change.change === "required") {
    const field = catalog.fields[entity!]?.find(({ code }) => code === id);
    const isBack = change.change === "retyped" ? field?.type === change.before : field?.required !== true;
    return field === undefined || isBack || nowMs - change.atMs > UNJUDGED_TOLD_MS;
  }
  return namesNow(change, catalog).some((known) => foldName(known) === foldName(name));
}

/** What was renamed may have been renamed once more since, or taken away. */
function asItIsNow(change: CrmChange, catalog: Catalog): CrmChange {
  if (change.change !== "renamed") return change;
  const { kind, entity, parent, id } = change;
  const fields = catalog.fields[entity!] ?? [];
  const options = fields.find(({ code }) => code === parent)?.options ?? [];
  const after = {
    field: () => fields.find(({ code }) => code === id)?.name,
    option: () => options.find((option) => option.id === id)?.label,
    pipeline: () => catalog.pipelines?.find((one) => one.id === id)?.name,
    stage: () => catalog.stages?.find((one) => one.id === id)?.name,
  }[kind]();
  return after === undefined ? { ...change, change: "removed" } : { ...change, after };
}

/** What is called something where the change was. An option whose field is gone is told with the field. */
function namesNow({ kind, entity, parent, name }: CrmChange, catalog: Catalog): string[] {
  if (kind === "pipeline") return (catalog.pipelines ?? []).map((one) => one.name);
  if (kind === "stage")
    return (catalog.stages ?? []).filter(({ pipelineId }) => pipelineId === parent).map((one) => one.name);
  const fields = catalog.fields[entity!] ?? [];
  if (kind === "field") return fields.map((field) => field.name);
  const field = fields.find(({ code }) => code === parent);
  return field === undefined ? [name] : field.options.map(({ label }) => label);
}

/** Keys of the config that go by what changed. */
function usesOf(change: CrmChange, config: Config, names: readonly NamedThing[], catalog: Catalog): string[] {
  if (change.change === "required") return unfilled(change, config);
  const found = names.filter((named) => isMeant(named, change, catalog)).map(({ key }) => key);
  return [...new Set(found)];
}

function isMeant(named: NamedThing, { kind, entity, parent, name }: CrmChange, catalog: Catalog): boolean {
  if (foldName(named.name) !== foldName(name)) return false;
  if (kind === "pipeline") return named.what === "pipeline";
  if (kind === "stage") {
    const pipeline = catalog.pipelines?.find(({ id }) => id === parent);
    const inReach = named.pipelines?.some((one) => foldName(one) === foldName(pipeline?.name ?? "")) ?? true;
    return named.what === "stage" && inReach;
  }
  if (named.entity !== entity) return false;
  if (kind === "field") return named.what === "field" || named.what === "match";
  const field = catalog.fields[entity]?.find(({ code }) => code === parent);
  if (named.what === "label") return isLabels(parent);
  return named.what === "value" && foldName(named.field ?? "") === foldName(field?.name ?? "");
}

/** Maps that write such records and leave the field empty. */
function unfilled({ entity, name }: CrmChange, { sources }: Config): string[] {
  return Object.values(sources).flatMap(({ name: source, map }) => {
    const targets = Object.keys(map ?? {}).filter((target) => target.startsWith(`${entity}.`));
    const fills = targets.some(
      (target) => foldName(target.replaceAll("`", "")) === foldName(`${entity}.fields.${name}`),
    );
    return targets.length === 0 || fills ? [] : [`sources.${source}.map`];
  });
}

/** In the documents the labels' field is `label_ids` or `label`. */
const isLabels = (code: string | null): boolean => code === "label_ids" || code === "label";

function brings(content: SubmissionContent, change: CrmChange, catalog: Catalog): boolean {
  const { kind, entity, parent, name } = change;
  const isIt = (text: unknown): boolean => typeof text === "string" && foldName(text) === foldName(name);
  if (kind === "pipeline") return isIt(content.deal?.pipeline);
  if (kind === "stage") return isIt(content.deal?.stage);
  const given = content[entity!];
  const fields = Object.entries(given?.fields ?? {});
  if (kind === "field") return change.change !== "required" && fields.some(([field]) => isIt(field));
  if (isLabels(parent)) return given?.labels?.some(isIt) ?? false;
  const called = catalog.fields[entity!]?.find(({ code }) => code === parent)?.name ?? "";
  return fields.some(([field, value]) => foldName(field) === foldName(called) && [value].flat().some(isIt));
}

type Lines = (key: string) => string;

/** Where a key stands, for people. */
function linesOf({ file }: Config): Lines {
  let text: string | null = null;
  return (key) => {
    try {
      text ??= readFileSync(file, "utf8");
      const place = placeOfKey(text, key);
      return place === null ? key : `${key} (${basename(file)} line ${place.line})`;
    } catch {
      return key;
    }
  };
}

function warningOf(change: CrmChange, catalog: Catalog, uses: string[], lines: Lines, waiting: number): NameWarning {
  const { kind, entity, parent, id, name, atMs } = change;
  const what = kind === "field" ? `${entity} field` : kind === "option" ? `option of a ${entity} field` : kind;
  const place = [uses[0] ?? [entity, parent].filter((part) => part !== null).join(" "), kind, id].join(" ").trim();
  const bringing =
    waiting === 0 ? "" : `; ${counted(waiting, "waiting submission")} ${waiting === 1 ? "brings" : "bring"} it`;
  return {
    subject: `${place} ${change.change}`,
    ...{ what, change: change.change, uses, waiting, sinceMs: atMs, name },
    message: messageOf(change, catalog) + bringing,
    fix: fixOf(change, uses.map(lines)),
  };
}

function messageOf(change: CrmChange, catalog: Catalog): string {
  const { kind, entity, parent, name, before, after } = change;
  const field = catalog.fields[entity!]?.find(({ code }) => code === parent)?.name ?? parent;
  const thing = {
    field: `${entity} field "${name}"`,
    option: isLabels(parent) ? `${entity} label "${name}"` : `option "${name}" of the ${entity} field "${field}"`,
    ...{ pipeline: `pipeline "${name}"`, stage: `stage "${name}"` },
  }[kind];
  switch (change.change) {
    case "renamed":
      return `the ${thing} is now called "${after}" in the CRM`;
    case "removed":
      return `the CRM does not show the ${thing} any more`;
    case "retyped":
      return `the ${thing} was ${before} and is ${after} now`;
    case "required":
      return `the CRM now wants the ${thing} to be filled`;
  }
}

/** Nothing in the CRM's answer tells what was taken away from what this token may not see. */
const UNSEEN = "Is it still there, the token's user may not see it: look at its rights, or use the earlier token.";

function fixOf({ change, after }: CrmChange, places: readonly string[]): string {
  const where = places.join(", ");
  switch (change) {
    case "renamed":
      if (places.length === 0) return "Give it its old name again in the CRM: the records name it themselves.";
      return `Change ${where} to "${after}", or give it its old name again in the CRM.`;
    case "removed":
      if (places.length === 0) return `Make it again in the CRM: the records name it themselves. ${UNSEEN}`;
      return `Change ${where}, or make it again in the CRM. ${UNSEEN}`;
    case "retyped":
      return `Look whether ${where === "" ? "what the records bring" : where} suits it: crmledger sync --dry-run shows what would be sent.`;
    case "required":
      return `Let ${where} fill it, if the CRM insists on it; some do so on their own pages only.`;
  }
}
