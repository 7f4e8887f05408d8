/** Guesses what members of records mean: first by their values, then by their names. */
import { normalizeEmail } from "../../domain/identity.ts";
import type { SourceMap } from "../../domain/settings.ts";
import { type Path, pathText, readPath } from "../path.ts";
import { timeFormOf } from "../time.ts";
import { displayText, isAbsent } from "../values.ts";
import { inExpression, isNameable } from "./draft.ts";
import { pictureOf } from "./time-pictures.ts";

/** A member that holds plain values. */
export interface Leaf {
  path: Path;
  /** Its last name in lower case, words apart. */
  name: string;
  /** What records have there, without what is empty. */
  values: string[];
}

const LEAVES_MAX = 500;
const DEPTH_MAX = 6;

/** Members below `root`, in the order in which records name them; nothing inside of lists. */
export function leavesOf(records: readonly unknown[], root: Path): Leaf[] {
  const leaves = new Map<string, Leaf>();
  for (const record of records) collect(root.length === 0 ? record : readPath(record, root), root, leaves, 0);
  return [...leaves.values()];
}

function collect(value: unknown, at: Path, leaves: Map<string, Leaf>, depth: number): void {
  if (value === null || typeof value !== "object" || Array.isArray(value) || depth > DEPTH_MAX) return;
  for (const [name, member] of Object.entries(value)) {
    if (!isNameable(name)) continue;
    const path = [...at, name];
    if (member !== null && typeof member === "object") {
      collect(member, path, leaves, depth + 1);
      continue;
    }
    const id = JSON.stringify(path);
    if (!leaves.has(id) && leaves.size >= LEAVES_MAX) continue;
    const leaf = leaves.get(id) ?? { path, name: words(name), values: [] };
    leaves.set(id, leaf);
    if (!isAbsent(member)) leaf.values.push(displayText(member));
  }
}

/** `fullName`, `full_name` and `Full name ` are one name. */
export function words(name: string): string {
  const apart = name.replace(/([a-z])([A-Z])/g, "$1 $2").replace(/[_\-.:*[\]()]+/g, " ");
  return apart.replace(/\s+/g, " ").trim().toLowerCase();
}

export interface Guess {
  id: Leaf | null;
  time: Leaf | null;
  email: Leaf | null;
  phone: Leaf | null;
  /** One, or first and last name. */
  name: Leaf[];
  company: Leaf | null;
  message: Leaf | null;
}

const ID_NAMES = [
  /^(event|submission|response|entry|lead|record|message|request|conversion|order) ?id$/,
  /^(id|uuid|guid|token|reference|ref)$/,
];
const TIME_NAMES = [
  /\b(submitted|submission|completed)\b/,
  /\b(created|received|sent|timestamp|entry date)\b/,
  /\b(date|time|datum|fecha)\b/,
];
const EMAIL = /\be ?mail\b|\bmail\b|correo|courriel/;
const PHONE = /phone|\btel\b|telefon|telephone|téléphone|mobile|\bcell\b|handy|whatsapp|móvil|number$/;
const FULL_NAME =
  /^((your|full|contact|customer|client|person|lead|sender|complete) )?name$|^(nombre|nom|imię i nazwisko|vollständiger name)$/;
const FIRST_NAME = /^((your|contact) )?(first|given|fore) ?name$|^name first$|^(vorname|prénom|imię|nombre)$/;
const LAST_NAME =
  /^((your|contact) )?(last|family|sur) ?name$|^name last$|^(nachname|nom de famille|nazwisko|apellidos?)$/;
const COMPANY = /\b(company|organi[sz]ation|firma|firm|employer|business|unternehmen|société|entreprise|empresa)\b/;
const MESSAGE =
  /\b(message|comments?|nachricht|mensaje|anything else|inquiry|enquiry|details|remarks?|how can we help|notes?|question|wiadomość)\b/;

/** Each member is taken once, for what it fits best. */
export function guess(leaves: readonly Leaf[], records: number): Guess {
  const free = new Set(leaves);
  const take = (fits: (leaf: Leaf) => boolean): Leaf | null => {
    const found = [...free].find(fits) ?? null;
    if (found !== null) free.delete(found);
    return found;
  };
  const best = (ways: readonly ((leaf: Leaf) => boolean)[]): Leaf | null => {
    for (const way of ways) {
      const found = take(way);
      if (found !== null) return found;
    }
    return null;
  };
  const email = best([
    (leaf) => EMAIL.test(leaf.name) && leaf.values.some(isEmail),
    (leaf) => mostly(leaf, isEmail),
    (leaf) => EMAIL.test(leaf.name) && leaf.values.length === 0,
  ]);
  const isDated = (leaf: Leaf): boolean => leaf.values.length === records && leaf.values.every(isCalendarTime);
  const time = best([
    ...TIME_NAMES.map((name) => (leaf: Leaf) => name.test(leaf.name) && mostly(leaf, isTime)),
    // Of several nobody can say which is meant.
    (leaf) => isDated(leaf) && [...free].filter(isDated).length === 1,
  ]);
  const isId = (leaf: Leaf): boolean => leaf.values.length === records && new Set(leaf.values).size > records / 2;
  const id = best(ID_NAMES.map((name) => (leaf: Leaf) => name.test(leaf.name) && isId(leaf)));
  const phone = best([
    (leaf) => PHONE.test(leaf.name) && mostly(leaf, isPhone),
    (leaf) => mostly(leaf, (value) => /^\s*(\+|00)/.test(value) && isPhone(value)),
    (leaf) => /phone|telefon|\btel\b|mobile/.test(leaf.name) && leaf.values.length === 0,
  ]);
  const company = take((leaf) => COMPANY.test(leaf.name) && !/size|website|url|\bid\b/.test(leaf.name));
  const name = nameOf(take);
  const message = take((leaf) => MESSAGE.test(leaf.name) && !/\bid\b|type/.test(leaf.name));
  return { id, time, email, phone, name, company, message };
}

function nameOf(take: (fits: (leaf: Leaf) => boolean) => Leaf | null): Leaf[] {
  const first = take((leaf) => FIRST_NAME.test(leaf.name));
  const last = take((leaf) => LAST_NAME.test(leaf.name));
  const both = [first, last].filter((leaf) => leaf !== null);
  if (both.length > 0) return both;
  const full =
    take((leaf) => FULL_NAME.test(leaf.name)) ?? take((leaf) => /\bname\b/.test(leaf.name) && isPerson(leaf));
  return full === null ? [] : [full];
}

/** "What's your name?" is one; "File name" and "Form name" are not. */
const isPerson = ({ name }: Leaf): boolean =>
  !/\b(form|file|user|campaign|ad|adset|product|page|site|domain)\b/.test(name);

function mostly({ values }: Leaf, fits: (value: string) => boolean): boolean {
  return values.length > 0 && values.filter(fits).length * 2 > values.length;
}

const isEmail = (value: string): boolean => normalizeEmail(value) !== null;
const isTime = (value: string): boolean => isCalendarTime(value) || /^\d{10,13}(\.\d+)?$/.test(value);

function isCalendarTime(value: string): boolean {
  const form = timeFormOf(value);
  return form === "offset" || form === "local" || (form === null && pictureOf([value]) !== null);
}

function isPhone(value: string): boolean {
  const digits = value.replace(/\D/g, "").length;
  return /^[\w:]{0,4}[+\d\s().\-/]+$/.test(value) && digits >= 6 && digits <= 16 && timeFormOf(value) !== "local";
}

/** Lines of a map for what was guessed. */
export function mapOf(found: Guess): SourceMap {
  const path = ({ path }: Leaf): string => pathAsWritten(path);
  const map: SourceMap = {};
  if (found.id !== null) map.id = path(found.id);
  if (found.time !== null) map.submittedAt = timeReader(found.time);
  const [first, last] = found.name;
  if (last !== undefined && first !== undefined) map["person.name"] = fullName(first.path, last.path);
  else if (first !== undefined) map["person.name"] = path(first);
  if (found.email !== null) map["person.email"] = path(found.email);
  if (found.phone !== null) map["person.phone"] = path(found.phone);
  if (found.company !== null) map["organization.name"] = path(found.company);
  if (found.message !== null) map.notes = path(found.message);
  return map;
}

/** Names with a blank need no backticks where they stand alone: a column is read by its name. */
export function pathAsWritten(path: Path): string {
  const [only] = path;
  return path.length === 1 && only !== undefined && !/^[=`]|\./.test(only) ? only : pathText(path);
}

function fullName(first: Path, last: Path): string {
  const parent = first.slice(0, -1);
  const isShared =
    parent.length > 0 && parent.length === last.length - 1 && parent.every((name, at) => name === last[at]);
  if (!isShared) return `= $trim(${inExpression(first)} & ' ' & ${inExpression(last)})`;
  const [one, other] = [first, last].map((path) => inExpression(path.slice(-1)));
  return `= $trim(${inExpression(parent)}.(${one} & ' ' & ${other}))`;
}

function timeReader({ path, values }: Leaf): string {
  const picture = values.every((value) => timeFormOf(value) !== null) ? null : pictureOf(values);
  return picture === null ? pathText(path) : `= $time(${inExpression(path)}, '${picture}')`;
}

/** Leaves that a guess gave no meaning to. */
export function withoutGuessed(leaves: readonly Leaf[], { name, ...found }: Guess): Leaf[] {
  const taken = new Set<Leaf | null>([...Object.values(found), ...name]);
  return leaves.filter((leaf) => !taken.has(leaf));
}
