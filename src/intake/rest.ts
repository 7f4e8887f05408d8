/** `restToNote`: what a map leaves out, as lines of a note. */
import { type Path, readPath } from "./path.ts";
import { displayText, isAbsent } from "./values.ts";

/** Lines such as `Budget: 500` for the members below `root` that no path of `reads` takes. */
export function restLines(record: unknown, root: Path, reads: readonly Path[]): string[] {
  const start = root.length === 0 ? record : readPath(record, root);
  if (start === null || typeof start !== "object") return [];
  const below = reads
    .filter((path) => path.length > root.length && root.every((segment, index) => path[index] === segment))
    .map((path) => path.slice(root.length));
  return lines(start, below, []);
}

function lines(value: object, reads: readonly Path[], at: Path): string[] {
  return Object.entries(value).flatMap(([name, member]) => {
    const path = [...at, name];
    if (isAbsent(member) || reads.some((read) => isPrefix(read, path))) return [];
    const isList = Array.isArray(member) && member.every((item) => item === null || typeof item !== "object");
    if (isList)
      return [
        `${path.join(" / ")}: ${member
          .filter((item) => !isAbsent(item))
          .map(displayText)
          .join(", ")}`,
      ];
    if (typeof member === "object") return lines(member as object, reads, path);
    return [`${path.join(" / ")}: ${displayText(member)}`];
  });
}

/** Whether `read` names `path` itself or something above it; names compare without outer blanks, as they are read. */
function isPrefix(read: Path, path: Path): boolean {
  if (read.length === 1 && path.length === 1 && read[0]?.trim() === path[0]?.trim()) return true;
  return read.length <= path.length && read.every((segment, index) => segment === path[index]);
}
