/** Changes to a JSON value, and ways of writing it down that are JSON still, or nearly. */
import type { Chance } from "./chance.ts";
import { HOSTILE_NUMBERS, HOSTILE_TEXTS, HOSTILE_VALUES } from "./hostile-values.ts";

const DEPTH_MAX = 200;
const NAMES = [
  "__proto__",
  "constructor",
  "toString",
  "",
  "length",
  "id",
  "person",
  "notes",
  "fields",
  "a.b",
  "`",
  "#2",
];

function hostileValue(chance: Chance): unknown {
  if (chance.maybe(0.6)) return chance.pick(HOSTILE_TEXTS);
  if (chance.maybe(0.05)) return deep(chance.below(DEPTH_MAX));
  return chance.pick(HOSTILE_VALUES);
}

function deep(levels: number): unknown {
  let value: unknown = "deep";
  for (let level = 0; level < levels; level += 1) value = level % 2 === 0 ? [value] : { deeper: value };
  return value;
}

/** Changes some members somewhere in the tree. */
export function mutateJson(value: unknown, chance: Chance): unknown {
  if (chance.maybe(0.12)) return hostileValue(chance);
  if (Array.isArray(value)) return mutateList(value, chance);
  if (value !== null && typeof value === "object") return mutateObject(value, chance);
  return chance.maybe(0.15) ? hostileValue(chance) : value;
}

function mutateList(list: readonly unknown[], chance: Chance): unknown[] {
  const changed = list.map((member) => (chance.maybe(0.4) ? mutateJson(member, chance) : member));
  if (list.length > 0 && chance.maybe(0.15)) changed.splice(chance.below(list.length), 1);
  if (list.length > 0 && chance.maybe(0.15)) changed.push(chance.pick(list));
  if (chance.maybe(0.05)) changed.push(hostileValue(chance));
  return changed;
}

function mutateObject(object: object, chance: Chance): Record<string, unknown> {
  const members = Object.entries(object)
    .filter(() => !chance.maybe(0.06))
    .map(([name, member]): [string, unknown] => [
      chance.maybe(0.04) ? chance.pick(NAMES) : name,
      chance.maybe(0.5) ? mutateJson(member, chance) : member,
    ]);
  if (chance.maybe(0.08)) members.push([chance.pick(NAMES), hostileValue(chance)]);
  return Object.fromEntries(members);
}

/** JSON text: mostly as usual; sometimes with names twice, odd numbers, escapes, white space. */
export function writeJson(value: unknown, chance: Chance): string {
  const text = JSON.stringify(value, null, chance.maybe(0.1) ? 2 : 0) ?? "null";
  if (chance.maybe(0.6)) return text;
  return text
    .replace(/([:,[]) ?-?\d+(?:\.\d+)?(?=[,}\]])/g, (written, before: string) =>
      chance.maybe(0.1) ? `${before}${chance.pick(HOSTILE_NUMBERS)}` : written,
    )
    .replace(/"[a-z_]+":/gi, (name) => (chance.maybe(0.03) ? `${name}"twice",${name}` : name))
    .replace(/[@a-z]/g, (letter) =>
      chance.maybe(0.005) ? `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}` : letter,
    );
}
