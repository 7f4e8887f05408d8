/** `restToNote`: what a map leaves out, as lines of a note. */
import { type Path, readPath } from "./path.ts";
import { displayText, isAbsent } from "./values.ts";

/** Lines such as `Budget: 500` for the members below `root` that no path of `reads` takes. */
export function restLines(record: unknown, root: Path, reads: readonly Path[]): string[] {
  return restMembers(record, root, reads).map(({ path, text }) => `${path.slice(root.length).join(" / ")}: ${text}`);
}

/** A member with a value; a list of plain values is one. */
export interface Member {
  /** From the record's root. */
  path: Path;
  /** Its value for people. */
  text: string;
}

/** The members below `root` that no path of `reads` takes, without those that are empty. */
export function restMembers(record: unknown, root: Path, reads: readonly Path[]): Member[] {
  const start = root.length === 0 ? record : readPath(record, root);
  if (start === null || typeof start !== "object") return [];
  const below = reads
    .filter((path) => path.length > root.length && root.every((segment, index) => path[index] === segment))
    .map((path) => path.slice(root.length));
  return membersOf(start, below, []).map(({ path, text }) => ({ path: [...root, ...path], text }));
}

function membersOf(value: object, reads: readonly Path[], at: Path): Member[] {
  return Object.entries(value).flatMap(([name, member]) => {
    const path = [...at, name];
    if (isAbsent(member) || reads.some((read) => isPrefix(read, path))) return [];
    const isList = Array.isArray(member) && member.every((item) => item === null || typeof item !== "object");
    if (isList) {
      const texts = member.filter((item) => !isAbsent(item)).map(displayText);
      return texts.length === 0 ? [] : [{ path, text: texts.join(", ") }];
    }
    if (typeof member === "object") return membersOf(member as object, reads, path);
    return [{ path, text: displayText(member) }];
  });
}

/** Whether `read` names `path` itself or something above it; names compare without outer blanks, as they are read. */
function isPrefix(read: Path, path: Path): boolean {
  if (read.length === 1 && path.length === 1 && read[0]?.trim() === path[0]?.trim()) return true;
  return read.length <= path.length && read.every((segment, index) => segment === path[index]);
}
