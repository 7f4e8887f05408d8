/** What of a record no line of the map reads. */
import { withoutBigints } from "./json-text.ts";
import type { CompiledMap } from "./map.ts";
import type { Path } from "./path.ts";
import { type Member, restMembers } from "./rest.ts";

export interface Leftover extends Member {
  /** `restToNote` makes a line of the note of it. */
  toNote: boolean;
}

/**
 * Members that neither a path of the map names nor an expression asked for. An expression is watched at work: of
 * `answers[ref = 'email'].email` only the answer that it chose counts as read.
 */
export async function leftoversOf(map: CompiledMap, rest: Path | null, record: object): Promise<Leftover[]> {
  const { watched, wasRead } = watch(withoutBigints(record) as object);
  for (const { readers } of map.lines) {
    for (const reader of readers) await reader.read(watched, true).catch(() => undefined);
  }
  const named = map.lines.flatMap(({ readers }) => readers.flatMap(({ path }) => (path === null ? [] : [path])));
  const noted = new Set(rest === null ? [] : restMembers(record, rest, map.reads).map(({ path }) => nameOf(path)));
  return restMembers(record, [], named)
    .map((member) => ({ ...member, toNote: noted.has(nameOf(member.path)) }))
    .filter(({ path, toNote }) => toNote || !wasRead(path));
}

const nameOf = (path: Path): string => JSON.stringify(path);

/** A stand-in for the record that notes which of its members were asked for. */
function watch(record: object): { watched: object; wasRead: (path: Path) => boolean } {
  const read = new Set<string>();
  const stand = (value: object, at: Path): object =>
    new Proxy(value, {
      get(target, name, receiver) {
        const member: unknown = Reflect.get(target, name, receiver);
        if (typeof name !== "string" || !Object.hasOwn(target, name)) return member;
        const path = [...at, name];
        read.add(nameOf(path));
        return member !== null && typeof member === "object" ? stand(member, path) : member;
      },
    });
  return { watched: stand(record, []), wasRead: (path) => read.has(nameOf(path)) };
}
