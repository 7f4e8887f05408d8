import type { SourceMap } from "../domain/settings.ts";

const SEGMENT = /`([^`]+)`|[^`.]+/g;

/**
 * The record's own names of what plain paths map, by target path without backticks: `person.fields.Budget` to
 * `budget_eur`. Expressions and targets of several paths have none. A path that is broken is the map compiler's to name.
 */
export function labelsOf(map: SourceMap | null): Record<string, string> {
  const labels = new Map<string, string>();
  for (const [target, value] of Object.entries(map ?? {})) {
    const paths = typeof value === "string" ? [value] : value;
    const [path] = paths;
    if (path === undefined || paths.length > 1 || path.trim().startsWith("=")) continue;
    const label = segmentsOf(path).at(-1);
    if (label !== undefined) labels.set(segmentsOf(target).join("."), label);
  }
  return Object.fromEntries(labels);
}

function segmentsOf(path: string): string[] {
  return [...path.trim().matchAll(SEGMENT)].map((match) => match[1] ?? match[0]);
}
