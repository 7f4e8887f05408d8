import { CrmledgerError } from "../domain/errors.ts";
import { isSubmissionList, parsePath, pathText, treeValue, writePath } from "../intake/path.ts";
import type { ExportRow } from "../ledger/accounts.ts";

/**
 * A submission in the shape that `import` takes without a map. Values that could not be taken stand where they came from,
 * so that another import finds them as this one did.
 */
export function importable({ key, submittedAtMs, lane, content }: ExportRow): Record<string, unknown> {
  const { badValues = [], ...shape } = content ?? {};
  const whole = { id: key, submittedAt: new Date(submittedAtMs).toISOString(), lane, ...shape };
  if (badValues.length === 0) return whole;
  const tree = new Map<string, unknown>();
  for (const [path, value] of leavesOf(whole, isSubmissionList)) writePath(tree, path, value);
  for (const { path, value } of badValues) writePath(tree, parsePath(path), value);
  return treeValue(tree, isSubmissionList) as Record<string, unknown>;
}

/** The same as cells by column. Throws `usage` where a CSV can't carry it: an empty deal, a list in a field. */
export function importableCells(row: ExportRow): Map<string, string> {
  const cells = new Map<string, string>();
  for (const [path, value] of leavesOf(importable(row), isSubmissionList)) {
    if (value === undefined || value === null) continue;
    if (typeof value === "object" || path.some((segment) => segment.includes("`"))) {
      throw new CrmledgerError(
        "usage",
        `${row.source}/${row.key} has a value at ${pathText(path)} that no CSV can carry`,
        {
          hint: "Use --format jsonl. Nothing was written.",
        },
      );
    }
    cells.set(pathText(path), String(value));
  }
  return cells;
}

/** Values with their paths. Empty objects and lists are values, and so are lists that have no columns of their own. */
function leavesOf(
  value: unknown,
  opensList: (name: string) => boolean,
  at: readonly string[] = [],
): [path: readonly string[], value: unknown][] {
  const isLeaf = value === null || typeof value !== "object" || Object.keys(value).length === 0;
  if (isLeaf || (Array.isArray(value) && !opensList(at.at(-1) ?? ""))) return [[at, value]];
  return Object.entries(value).flatMap(([name, member]) => leavesOf(member, opensList, [...at, name]));
}
