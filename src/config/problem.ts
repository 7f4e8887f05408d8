import { closest, distance } from "fastest-levenshtein";
import { type Document, isMap, isPair, isScalar, type LineCounter, type Node } from "yaml";
import { CrmledgerError } from "../domain/errors.ts";

export type Path = readonly (string | number)[];

/** One thing that is wrong in a config file. */
export interface Problem {
  path: Path;
  message: string;
  /** Where to point: at the key (unknown ones) or at its value. */
  at: "key" | "value";
}

const PROBLEMS_SHOWN = 10;
/** Of thousands the first ones do: finding where each stands takes as long as the file is. */
const PROBLEMS_PLACED = 200;

/** The nearest of the known names, where it is near enough to be what was meant. */
export function nearest(name: string, known: readonly string[]): string | null {
  if (known.length === 0) return null;
  const candidate = closest(
    name.toLowerCase(),
    known.map((word) => word.toLowerCase()),
  );
  const match = known.find((word) => word.toLowerCase() === candidate) ?? null;
  return match !== null && distance(name.toLowerCase(), candidate) <= Math.max(2, Math.floor(name.length / 3))
    ? match
    : null;
}

/** A path as people write it: `sources.website.map`, `alerts.to[0]`. */
export function pathText(path: Path): string {
  let text = "";
  for (const part of path) text += typeof part === "number" ? `[${part}]` : text === "" ? part : `.${part}`;
  return text;
}

/** Line and column of a path's key or value, counted from 1; of its nearest parent that is there, else null. */
export function positionOf(
  document: Document,
  lines: LineCounter,
  path: Path,
  at: Problem["at"],
): { line: number; col: number } | null {
  const offset = at === "key" ? keyOffset(document, path) : null;
  for (let depth = path.length; offset === null && depth > 0; depth -= 1) {
    const node = document.getIn(path.slice(0, depth), true) as Node | undefined;
    if (node?.range) return lines.linePos(node.range[0]);
    const key = keyOffset(document, path.slice(0, depth));
    if (key !== null) return lines.linePos(key);
  }
  return offset === null ? null : lines.linePos(offset);
}

function keyOffset(document: Document, path: Path): number | null {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (!isMap(parent)) return null;
  const name = path[path.length - 1];
  const pair = parent.items.find(
    (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(name),
  );
  return pair && isScalar(pair.key) && pair.key.range ? pair.key.range[0] : null;
}

/** One error for all problems of a file, each with file, line, column and key. */
export function configError(
  file: string,
  document: Document,
  lines: LineCounter,
  problems: readonly Problem[],
): CrmledgerError {
  const placed = problems
    .slice(0, PROBLEMS_PLACED)
    .map((problem) => ({ ...problem, position: positionOf(document, lines, problem.path, problem.at) }))
    .sort((a, b) => (a.position?.line ?? 0) - (b.position?.line ?? 0));
  const texts = placed.map(({ path, message, position }) => {
    const where = position === null ? file : `${file}:${position.line}:${position.col}`;
    const key = pathText(path);
    return key === "" ? `${where}: ${message}` : `${where}: ${key} ${message}`;
  });
  const shown = texts.slice(0, PROBLEMS_SHOWN);
  if (problems.length > shown.length) shown.push(`and ${problems.length - shown.length} more`);
  return new CrmledgerError("configInvalid", shown.join("\n"), {
    hint: "Nothing was read or sent. Correct the config, then check it with `crmledger doctor`.",
    details: {
      problems: placed.map(({ path, position }) => ({
        file,
        line: position?.line ?? null,
        column: position?.col ?? null,
        key: pathText(path),
      })),
    },
  });
}
