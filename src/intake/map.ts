/** A source's map, compiled once: from a raw record to the submission's own shape. */
import { CrmledgerError } from "../domain/errors.ts";
import type { SourceMap } from "../domain/settings.ts";
import { compileExpression, type ExpressionTools, messageOf } from "./expression.ts";
import { isSubmissionList, type Path, parsePath, pathText, readPath, treeValue, writePath } from "./path.ts";
import { SHAPE } from "./submission.ts";
import { isAbsent } from "./values.ts";

/** A value out of a record: a path, or an expression after `=`. */
export interface Reader {
  /** `plain`: the record is known to hold no bigint, so that only what is asked for is touched. */
  read: (record: unknown, plain?: boolean) => Promise<unknown>;
  /** As people wrote it. */
  text: string;
  /** Null for an expression. */
  path: Path | null;
  reads: readonly Path[];
}

export interface MapFault {
  /** Target, such as `deal.title`. */
  path: string;
  expression: string;
  reason: string;
}

export interface Applied {
  shape: unknown;
  faults: readonly MapFault[];
}

export interface CompiledMap {
  /** The shape that the map makes of a record, and the expressions that threw. At once where the map has no expression. */
  apply: (record: unknown) => Applied | Promise<Applied>;
  /** The record's own name for the target, where the map is a plain path; else the target's last part. */
  labelOf: (path: string) => string;
  reads: readonly Path[];
  lines: readonly MapLine[];
}

/** One line of a map: a target such as `deal.title`, and what it is read from, in the order of the config. */
export interface MapLine {
  target: string;
  readers: readonly Reader[];
}

/** Rejects with `configInvalid`, naming `where` (the config key), for text that is neither path nor expression. */
export async function compileReader(text: string, where: string, tools: ExpressionTools): Promise<Reader> {
  const trimmed = text.trim();
  if (trimmed.startsWith("=")) {
    const compiled = await compileExpression(trimmed.slice(1), where, tools);
    return { read: compiled.evaluate, text: trimmed, path: null, reads: compiled.reads };
  }
  return { ...pathReader(pathAt(trimmed, where)), text: trimmed };
}

export function pathReader(path: Path): Reader {
  return { read: async (record) => readPath(record, path), text: pathText(path), path, reads: [path] };
}

/** A path of the config; the error names the config key. */
export function pathAt(text: string, where: string): Path {
  try {
    return parsePath(text);
  } catch (error) {
    const hint = error instanceof CrmledgerError ? error.hint : undefined;
    throw new CrmledgerError("configInvalid", `${where}: ${messageOf(error)}`, { hint, cause: error });
  }
}

interface Target {
  name: string;
  path: Path;
  readers: Reader[];
  /** All values count (notes, labels); elsewhere the first that is there. */
  all: boolean;
}

/** Rejects with `configInvalid` for a target that is no part of a submission, a broken path or a broken expression. */
export async function compileMap(map: SourceMap, where: string, tools: ExpressionTools): Promise<CompiledMap> {
  const targets: Target[] = [];
  for (const [name, value] of Object.entries(map)) targets.push(await compileTarget(name, value, where, tools));
  const labels = new Map(targets.map((target) => [pathText(target.path), labelOfTarget(target)]));
  return {
    apply: targets.every(isPlain) ? (record) => applyPaths(targets, record) : (record) => applyTargets(targets, record),
    labelOf: (path) => labels.get(path) ?? labels.get(pathText(path.split("."))) ?? lastName(path),
    reads: targets.flatMap((target) => target.readers.flatMap((reader) => [...reader.reads])),
    lines: targets.map(({ name, readers }) => ({ target: name, readers })),
  };
}

async function compileTarget(
  name: string,
  value: string | readonly string[],
  where: string,
  tools: ExpressionTools,
): Promise<Target> {
  const key = `${where}.${name}`;
  const path = pathAt(name, key);
  checkTarget(path, key);
  const readers: Reader[] = [];
  for (const text of Array.isArray(value) ? value : [value]) readers.push(await compileReader(text, key, tools));
  return { name: pathText(path), path, readers, all: path[0] === "notes" || path.at(-1) === "labels" };
}

function checkTarget(path: Path, key: string): void {
  const [first, second] = path as [string, string | undefined];
  const section = Object.hasOwn(SHAPE, first) ? SHAPE[first] : undefined;
  const known =
    section === undefined
      ? (SHAPE[""] as readonly string[]).includes(first) && path.length <= (first === "notes" ? 2 : 1)
      : second !== undefined && section.includes(second) && path.length === (second === "fields" ? 3 : 2);
  if (known) return;
  throw new CrmledgerError("configInvalid", `${key} is no part of a submission`, {
    hint: `Known are id, submittedAt, lane, notes, traceparent, ${["person", "organization", "deal"].map((name) => `${name}.(${SHAPE[name]?.join("|")})`).join(", ")}; a field is written as person.fields.\`Its name\`.`,
  });
}

function labelOfTarget(target: Target): string {
  const path = target.readers.length === 1 ? target.readers[0]?.path : null;
  return path?.at(-1) ?? (target.path.at(-1) as string);
}

function lastName(path: string): string {
  return path.split(".").at(-1) as string;
}

const isPlain = ({ readers }: Target): boolean => readers.every(({ path }) => path !== null);
const NO_FAULTS: readonly MapFault[] = [];

/** A map of paths alone: waiting for each record would cost as much as reading it. */
function applyPaths(targets: readonly Target[], record: unknown): Applied {
  const tree = new Map<string, unknown>();
  for (const target of targets) {
    const values: unknown[] = [];
    for (const { path } of target.readers) {
      const value = readPath(record, path as Path);
      if (!isAbsent(value)) values.push(value);
      if (values.length > 0 && !target.all) break;
    }
    writeValues(tree, target, values);
  }
  return { shape: treeValue(tree, isSubmissionList), faults: NO_FAULTS };
}

function writeValues(tree: Map<string, unknown>, { path, all }: Target, values: unknown[]): void {
  if (values.length > 0) writePath(tree, path, all && path.at(-1) !== "0" ? values.flat() : values[0]);
}

async function applyTargets(targets: readonly Target[], record: unknown): Promise<Applied> {
  const tree = new Map<string, unknown>();
  const faults: MapFault[] = [];
  for (const target of targets) {
    const values: unknown[] = [];
    for (const reader of target.readers) {
      // A path is read at once: waiting for each costs more than reading it.
      const value =
        reader.path === null ? await readOrFault(reader, target, record, faults) : readPath(record, reader.path);
      if (!isAbsent(value)) values.push(value);
      if (values.length > 0 && !target.all) break;
    }
    writeValues(tree, target, values);
  }
  return { shape: treeValue(tree, isSubmissionList), faults };
}

async function readOrFault(reader: Reader, target: Target, record: unknown, faults: MapFault[]): Promise<unknown> {
  try {
    return await reader.read(record);
  } catch (error) {
    faults.push({ path: target.name, expression: reader.text, reason: messageOf(error) });
    return undefined;
  }
}
