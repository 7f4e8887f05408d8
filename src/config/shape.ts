/**
 * What may stand in the config, as plain data. A checker of our own, since it is loaded by nearly every command and each of
 * its messages is of our own making: place, key, what is accepted, and never the value, which may be a secret in the wrong place.
 */
import { nearest, type Path, type Problem } from "./problem.ts";

export interface Shape<T> {
  /** The meaning of what is given, or undefined, with the reason among `problems`. */
  read(given: unknown, path: Path, problems: Problem[]): T | undefined;
  /** Keys of a group. */
  keys?: readonly string[];
  /** A group must have it. */
  required?: boolean;
}

// biome-ignore lint/suspicious/noExplicitAny: any shape will do, and the types of its members are kept
type Members = Record<string, Shape<any>>;
type MeaningOf<S> = S extends Shape<infer T> ? T : never;
type Required<M> = { [K in keyof M]: M[K] extends { required: true } ? K : never }[keyof M];
type GroupOf<M extends Members> = { [K in Required<M>]: MeaningOf<M[K]> } & {
  [K in Exclude<keyof M, Required<M>>]?: MeaningOf<M[K]>;
};

export type Meaning<S> = MeaningOf<S>;

/** `read` gives what a value means, or undefined where it is not what is accepted. */
export function value<T>(accepted: string, read: (given: unknown) => T | undefined): Shape<T> {
  return {
    read: (given, path, problems) => {
      const meaning = read(given);
      if (meaning === undefined) problems.push(wrong(path, `must be ${accepted}`));
      return meaning;
    },
  };
}

/** Of a group's member that must not be absent. */
export function required<T>(shape: Shape<T>): Shape<T> & { required: true } {
  return { ...shape, required: true };
}

/** These keys and no other. All may be absent but those that are `required`. */
export function group<M extends Members>(members: M): Shape<GroupOf<M>> & { members: M } {
  const keys = Object.keys(members);
  const read = (given: unknown, path: Path, problems: Problem[]): GroupOf<M> | undefined => {
    if (!isGroup(given)) return noGroup(path, problems);
    const meanings: [string, unknown][] = [];
    for (const [name, shape] of Object.entries(members)) {
      const at = [...path, name];
      if (Object.hasOwn(given, name)) meanings.push([name, shape.read(given[name], at, problems)]);
      else if (shape.required) problems.push(wrong(at, "is missing"));
    }
    for (const name of Object.keys(given)) {
      if (!keys.includes(name)) problems.push({ path: [...path, name], message: unknownKey(name, keys), at: "key" });
    }
    return Object.fromEntries(meanings) as GroupOf<M>;
  };
  return { read, keys, members };
}

/** Keys of the user's own choice, each with a value of the same shape. */
export function record<T>(member: Shape<T>): Shape<Record<string, T>> {
  return {
    read: (given, path, problems) => {
      if (!isGroup(given)) return noGroup(path, problems);
      const meanings = Object.entries(given).map(([name, one]) => [name, member.read(one, [...path, name], problems)]);
      return Object.fromEntries(meanings) as Record<string, T>;
    },
  };
}

export function list<T>(item: Shape<T>): Shape<T[]> {
  return {
    read: (given, path, problems) => {
      if (Array.isArray(given)) return given.map((one, index) => item.read(one, [...path, index], problems) as T);
      problems.push(wrong(path, "must be a list"));
      return undefined;
    },
  };
}

/** One of several groups, which the first of its keys tells. */
export function oneGroupOf<S extends readonly Shape<unknown>[]>(...groups: S): Shape<MeaningOf<S[number]>> {
  const keys = groups.flatMap((one) => one.keys ?? []);
  return {
    read: (given, path, problems) => {
      const named = isGroup(given)
        ? groups.find((one) => one.keys?.some((key) => Object.hasOwn(given, key)))
        : undefined;
      if (named !== undefined) return named.read(given, path, problems) as MeaningOf<S[number]>;
      problems.push(wrong(path, `must be one of ${keys.join(", ")}, each with its value`));
      return undefined;
    },
  };
}

function isGroup(given: unknown): given is Record<string, unknown> {
  return typeof given === "object" && given !== null && !Array.isArray(given);
}

function noGroup(path: Path, problems: Problem[]): undefined {
  problems.push(wrong(path, "must be a group of keys"));
  return undefined;
}

function wrong(path: Path, message: string): Problem {
  return { path, message, at: "value" };
}

function unknownKey(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  return near === null ? `is no known key; known here: ${known.join(", ")}` : `is no known key; did you mean ${near}?`;
}
