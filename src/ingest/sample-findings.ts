/** What is found over all records of a sample: bad values, members that nobody maps, lines of the map that find nothing. */
import type { SubmissionContent } from "../domain/submission.ts";
import type { Leftover } from "../intake/leftovers.ts";
import type { Inspection, Mapping } from "../intake/mapping.ts";
import { type Path, parsePath, pathText, readPath } from "../intake/path.ts";
import { displayText, isAbsent } from "../intake/values.ts";

/** Different things of a kind that are kept; records of strangers may name any number of members. */
const SUBJECTS_MAX = 1_000;
/** Records' own paths that are remembered to suggest the right one. */
const PATHS_MAX = 5_000;
const DEPTH_MAX = 12;

export interface BadValueCount {
  path: string;
  reason: string;
  count: number;
  /** The first one. */
  value: string;
  line: number | null;
}

export interface LeftoverCount {
  /** With `[]` for any element of a list. */
  path: string;
  /** Records that have it. */
  count: number;
  /** The first one's value. */
  value: string;
  /** `restToNote` makes lines of the note of them. */
  toNote: boolean;
}

export interface NothingFound {
  /** `deal.title`, `where`, `restToNote`. */
  target: string;
  /** The path or expression as it is written. */
  reads: string;
  /** The path that no record has; null where all are there, but never with a value. */
  missing: string | null;
  /** The target got values all the same: from another path, or an expression that can do without. */
  given: boolean;
}

export interface FindingsReport {
  badValues: BadValueCount[];
  rejects: { reason: string; count: number; line: number | null }[];
  leftovers: LeftoverCount[];
  nothingFound: NothingFound[];
  /** Paths that records have, as a map writes them. */
  paths: string[];
}

interface Watched {
  target: string;
  targetPath: Path | null;
  text: string;
  /** Null: an expression. */
  path: Path | null;
  reads: readonly Path[];
  seen: Set<Path>;
}

export class Findings {
  readonly #mapping: Mapping;
  readonly #badValues = new Map<string, BadValueCount>();
  readonly #rejects = new Map<string, FindingsReport["rejects"][number]>();
  readonly #leftovers = new Map<string, LeftoverCount>();
  readonly #watched: Watched[];
  /** Targets that got a value. */
  readonly #given = new Set<string>();
  readonly #paths = new Set<string>();
  readonly #names = new Set<string>();
  #mapped = 0;

  constructor(mapping: Mapping) {
    this.#mapping = mapping;
    this.#watched = mapping.lines.flatMap(({ target, readers }) =>
      readers.map(({ text, path, reads }) => ({
        ...{ target, targetPath: isSetting(target) ? null : parsePath(target) },
        ...{ text, path, reads, seen: new Set<Path>() },
      })),
    );
  }

  /** Takes in a record as the map saw it. */
  async see(record: unknown, inspection: Inspection): Promise<void> {
    if (record === null || typeof record !== "object") return;
    this.#collect(record, [], 0);
    for (const { reads, seen } of this.#watched) {
      for (const path of reads) if (!seen.has(path) && hasPath(record, path)) seen.add(path);
    }
    if (inspection.shape === undefined) return;
    this.#mapped += 1;
    for (const { target, targetPath } of this.#watched) {
      if (targetPath === null || this.#given.has(target)) continue;
      if (!isAbsent(readPath(inspection.shape, targetPath))) this.#given.add(target);
    }
    const leftovers = new Map<string, Leftover>();
    for (const leftover of await this.#mapping.leftovers(record)) {
      const path = pathText(leftover.path.map(erased(record, leftover.path))).replaceAll(".[]", "[]");
      if (!leftovers.has(path)) leftovers.set(path, leftover);
    }
    for (const [path, { text, toNote }] of leftovers) this.#leftover(path, text, toNote);
    const { mapped } = inspection;
    if (mapped.type !== "submission") return;
    for (const name of mapped.unknown) this.#leftover(name, displayText(readPath(record, parsedOr(name)) ?? ""), false);
  }

  #leftover(path: string, value: string, toNote: boolean): void {
    const known = this.#leftovers.get(path);
    if (known !== undefined) {
      known.count += 1;
      known.toNote ||= toNote;
    } else if (this.#leftovers.size < SUBJECTS_MAX) this.#leftovers.set(path, { path, count: 1, value, toNote });
  }

  /** Remembers the paths and names of a record's members. */
  #collect(value: object, at: Path, depth: number): void {
    if (depth > DEPTH_MAX || this.#paths.size >= PATHS_MAX) return;
    for (const [name, member] of Object.entries(value)) {
      const path = Array.isArray(value) ? at : [...at, name];
      if (!Array.isArray(value)) {
        this.#paths.add(pathText(path));
        this.#names.add(name.trim());
      }
      if (member !== null && typeof member === "object") this.#collect(member, path, depth + 1);
    }
  }

  rejected(reason: string, line: number | null): void {
    const known = this.#rejects.get(reason);
    if (known !== undefined) known.count += 1;
    else if (this.#rejects.size < SUBJECTS_MAX) this.#rejects.set(reason, { reason, count: 1, line });
  }

  badValues(content: SubmissionContent | null, line: number | null): void {
    for (const { path, reason, value } of content?.badValues ?? []) {
      const known = this.#badValues.get(`${path} ${reason}`);
      if (known !== undefined) known.count += 1;
      else if (this.#badValues.size < SUBJECTS_MAX) {
        this.#badValues.set(`${path} ${reason}`, { path, reason, count: 1, value, line });
      }
    }
  }

  report(): FindingsReport {
    return {
      badValues: [...this.#badValues.values()],
      rejects: [...this.#rejects.values()],
      leftovers: [...this.#leftovers.values()],
      nothingFound: this.#nothingFound(),
      paths: [...this.#paths],
    };
  }

  #nothingFound(): NothingFound[] {
    if (this.#names.size === 0) return [];
    return this.#watched.flatMap((line): NothingFound[] => {
      const { target, text: reads } = line;
      const given = this.#given.has(target);
      const missing = this.#missing(line);
      if (missing.length > 0) return missing.map((path) => ({ target, reads, missing: pathText(path), given }));
      const empty = line.targetPath !== null && this.#mapped > 0 && !given;
      return empty ? [{ target, reads, missing: null, given }] : [];
    });
  }

  /**
   * Paths that no record has. What an expression reads is only as sure as its text shows (`$each.name` may be anywhere), so
   * there a name counts as missing where no record has a member of that name at all.
   */
  #missing({ path, reads, seen }: Watched): Path[] {
    const unseen = reads.filter((read) => !seen.has(read));
    return path === null ? unseen.filter((read) => !read.every((name) => this.#names.has(name.trim()))) : unseen;
  }
}

const isSetting = (target: string): boolean => target === "where" || target === "restToNote";

/** Elements of lists are all one path. */
function erased(record: object, path: Path): (name: string, index: number) => string {
  return (name, index) => (Array.isArray(readPath(record, path.slice(0, index))) ? "[]" : name);
}

/** Whether the record has the member, whatever its value; through lists, as an expression reads them. */
function hasPath(value: unknown, path: Path): boolean {
  if (readPath(value, path) !== undefined) return true;
  const [name, ...rest] = path;
  if (name === undefined) return true;
  if (Array.isArray(value)) return value.some((item) => hasPath(item, path));
  if (value === null || typeof value !== "object" || !Object.hasOwn(value, name)) return false;
  return hasPath((value as Record<string, unknown>)[name], rest);
}

function parsedOr(name: string): Path {
  try {
    return parsePath(name);
  } catch {
    return [name];
  }
}
