/** Dotted paths such as ``fields.`1.3` ``: segments between dots, a segment with dots or spaces in backticks. */
import { CrmledgerError } from "../domain/errors.ts";

export type Path = readonly string[];

/** Splits a path. Rejects with `configInvalid` for an empty segment or a backtick without its partner. */
export function parsePath(text: string): Path {
  const segments: string[] = [];
  let rest = text.trim();
  for (;;) {
    const match = /^(?:`([^`]+)`|([^`.]+))(?:\.(?=.)|$)/s.exec(rest);
    if (match === null) {
      throw new CrmledgerError("configInvalid", `"${text}" is not a path`, {
        hint: "Write names with dots between them; a name with dots of its own goes in backticks: fields.`1.3`",
      });
    }
    segments.push(match[1] ?? (match[2] as string));
    if (match[0].length === rest.length) return segments;
    rest = rest.slice(match[0].length);
  }
}

/** The text of a path, with backticks where they are needed. */
export function pathText(path: Path): string {
  return path.map((segment) => (/[.`\s]/.test(segment) ? `\`${segment}\`` : segment)).join(".");
}

/**
 * The value at a path, or undefined. Only own members count, so `constructor` finds nothing that the record did not bring.
 * A flat record (a CSV's) is read by column names that hold dots: where `person` is not a member, `person.name` may be.
 */
export function readPath(record: unknown, path: Path): unknown {
  let value = record;
  for (let index = 0; index < path.length; index += 1) {
    if (value === null || typeof value !== "object") return undefined;
    const segment = path[index] as string;
    if (Object.hasOwn(value, segment)) value = (value as Record<string, unknown>)[segment];
    else {
      const trimmed = segment.trim();
      if (!Object.hasOwn(value, trimmed)) return readJoined(value, path.slice(index));
      value = (value as Record<string, unknown>)[trimmed];
    }
  }
  return value;
}

function readJoined(value: object, rest: Path): unknown {
  if (rest.length < 2) return undefined;
  for (const name of [rest.join("."), pathText(rest)]) {
    if (Object.hasOwn(value, name)) return (value as Record<string, unknown>)[name];
  }
  return undefined;
}

/** Sets the value at a path in a tree of plain objects and lists, making what is missing. Whole-number segments index lists. */
export function writePath(tree: Map<string, unknown>, path: Path, value: unknown): void {
  let level = tree;
  const last = path.length - 1;
  for (let index = 0; index < last; index += 1) {
    const segment = path[index] as string;
    let next = level.get(segment);
    if (!(next instanceof Map)) {
      next = new Map<string, unknown>();
      level.set(segment, next);
    }
    level = next as Map<string, unknown>;
  }
  level.set(path[last] as string, value);
}

/** Plain objects of a tree of maps. Where `isList` says so, a level whose names are all whole numbers becomes a list in their order. */
export function treeValue(tree: unknown, isList: (name: string) => boolean, name = ""): unknown {
  if (!(tree instanceof Map)) return tree;
  const level = tree as Map<string, unknown>;
  if (isList(name) && level.size > 0 && [...level.keys()].every((member) => /^\d{1,4}$/.test(member))) {
    const entries = [...level].sort(([a], [b]) => Number(a) - Number(b));
    return entries.map(([member, value]) => treeValue(value, isList, member));
  }
  const object: Record<string, unknown> = {};
  for (const [member, value] of level) setOwn(object, member, treeValue(value, isList, member));
  return object;
}

/** Sets a member of a stranger's name: assigning to `__proto__` would change what the object inherits from. */
export function setOwn(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== "__proto__") object[name] = value;
  else Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
}

/** In a submission only these are lists; a field may well be called `2024`. */
export const isSubmissionList = (name: string): boolean => name === "notes" || name === "labels";
