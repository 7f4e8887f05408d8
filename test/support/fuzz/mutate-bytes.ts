/** Changes to bytes that know nothing of what they mean. */
import type { Chance } from "./chance.ts";
import { HOSTILE_TEXTS } from "./hostile-values.ts";

/** No case grows beyond this: size is tested by cases of its own. */
const BYTES_MAX = 64 * 1024;

type Change = (bytes: Buffer, chance: Chance, other: Buffer) => Buffer;

const at = (bytes: Buffer, chance: Chance): number => chance.below(bytes.length + 1);
const insert = (bytes: Buffer, place: number, what: Buffer): Buffer =>
  Buffer.concat([bytes.subarray(0, place), what, bytes.subarray(place)]);

function span(bytes: Buffer, chance: Chance): [number, number] {
  const from = at(bytes, chance);
  return [from, Math.min(bytes.length, from + 1 + chance.below(chance.maybe(0.2) ? 400 : 12))];
}

const noise = (chance: Chance, length: number): Buffer => Buffer.from(Array.from({ length }, () => chance.below(256)));

function eachLine(bytes: Buffer, change: (lines: string[]) => string[]): Buffer {
  return Buffer.from(change(bytes.toString("latin1").split("\n")).join("\n"), "latin1");
}

const CHANGES: readonly Change[] = [
  (bytes, chance) => {
    const copy = Buffer.from(bytes);
    if (copy.length > 0) copy[chance.below(copy.length)]! ^= 1 << chance.below(8);
    return copy;
  },
  (bytes, chance) => insert(bytes, at(bytes, chance), noise(chance, 1 + chance.below(8))),
  (bytes, chance) => insert(bytes, at(bytes, chance), Buffer.from(chance.pick(HOSTILE_TEXTS))),
  (bytes, chance) =>
    insert(
      bytes,
      at(bytes, chance),
      Buffer.from(
        chance.pick([
          '"',
          "\n",
          "\r\n",
          ",",
          ";",
          "\t",
          "\\",
          "{",
          "}",
          "[",
          "]",
          ":",
          "\0",
          "'",
          "&",
          "=",
          "%",
          "-",
          "#",
          "|",
          "*",
          "`",
        ]),
      ),
    ),
  (bytes, chance) => {
    const [from, to] = span(bytes, chance);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  (bytes, chance) => {
    const [from, to] = span(bytes, chance);
    return insert(bytes, at(bytes, chance), bytes.subarray(from, to));
  },
  (bytes, chance) => {
    const [from, to] = span(bytes, chance);
    const times = 1 + chance.below(chance.maybe(0.1) ? 2000 : 8);
    return insert(bytes, to, Buffer.concat(Array.from({ length: times }, () => bytes.subarray(from, to))));
  },
  (bytes, chance) => bytes.subarray(0, at(bytes, chance)),
  (bytes, chance) => bytes.subarray(at(bytes, chance)),
  (bytes, chance, other) => Buffer.concat([bytes.subarray(0, at(bytes, chance)), other.subarray(at(other, chance))]),
  (bytes, chance) => eachLine(bytes, (lines) => lines.toSpliced(chance.below(lines.length), 1)),
  (bytes, chance) => eachLine(bytes, (lines) => lines.toSpliced(chance.below(lines.length), 0, chance.pick(lines))),
  (bytes, chance) => eachLine(bytes, (lines) => lines.map((line) => (chance.maybe(0.3) ? `${line}\r` : line))),
  (bytes) => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes]),
  (bytes) => Buffer.from(`\ufeff${bytes.toString("utf8")}`, "utf16le"),
  (bytes) => Buffer.from(bytes.toString("utf8"), "utf16le"),
  (bytes) => Buffer.from(`\ufeff${bytes.toString("utf8")}`, "utf16le").swap16(),
  (bytes) => Buffer.from(bytes.toString("utf8"), "latin1"),
  (bytes, chance) =>
    insert(
      bytes,
      at(bytes, chance),
      Buffer.alloc(1 + chance.below(3000), chance.pick(['"', " ", "a", "[", ",", "\n", "\0"])),
    ),
];

/** One to several changes. `other`: another case of the corpus, for splices. */
export function mutateBytes(bytes: Buffer, chance: Chance, other: Buffer): Buffer {
  let result = bytes;
  const times = 1 + chance.below(chance.maybe(0.3) ? 8 : 3);
  for (let time = 0; time < times; time += 1)
    result = chance.pick(CHANGES)(result, chance, other).subarray(0, BYTES_MAX);
  return result;
}

/** Bytes of no kind at all. */
export const anyBytes = (chance: Chance): Buffer => noise(chance, chance.below(chance.maybe(0.1) ? 4000 : 120));
