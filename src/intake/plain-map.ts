/**
 * A map of plain paths over a CSV's cells: the texts that the ledger keeps of a submission, without the objects that a map makes in
 * general. A row with anything else to tell (a value that can't be taken, nobody to be known by) is left to those.
 */
import { normalizeEmail } from "../domain/identity.ts";
import { canonicalJson, quoted, sha256 } from "../domain/json.ts";
import type { SourceSettings } from "../domain/settings.ts";
import { comparedNotes } from "./compared-content.ts";
import { identityKeysOf } from "./identity-keys.ts";
import type { MapLine } from "./map.ts";
import { type Path, parsePath, pathText } from "./path.ts";
import { onOneLine, readCurrency, type ShapeContext } from "./submission.ts";
import { cleanText, displayText, type Findings, isAbsent, readNumber } from "./values.ts";

/** A submission as texts: the same as the general way makes of the row's record. */
export interface PlainMapped {
  key: string;
  contentHash: string;
  /** JSON. */
  content: string;
  submittedAtMs: number | null;
  identityKeys: string[];
}

/** Null: the row needs the general way. The cells are as many as the columns. */
export type MapCells = (cells: readonly string[]) => PlainMapped | null;

/** Members that have a text, or a number, in the order of a submission's content. `fields` are any. */
const ORDER: Readonly<Record<string, readonly string[]>> = {
  person: ["name", "email", "phone", "owner", "fields"],
  organization: ["name", "owner", "fields"],
  deal: ["title", "value", "currency", "pipeline", "stage", "owner", "key", "fields"],
};
const NAMES: readonly string[] = ["person.name", "organization.name", "deal.title"];

interface Target {
  path: Path;
  /** Where its values stand, the first that is there counts. */
  columns: readonly number[];
}

/** For rows of these columns. Null where the map has more than this knows: then all go the general way. */
export function plainMap(
  lines: readonly MapLine[],
  columns: readonly string[],
  { plan, country }: SourceSettings,
  shape: ShapeContext,
): MapCells | null {
  const targets = targetsOf(lines, columns);
  const { match } = plan.persons;
  if (targets === null || match.some((way) => way !== "email" && way !== "phone")) return null;
  const top = new Map(targets.map((target) => [target.path.join("."), target]));
  const [id, time, notes] = [top.get("id"), top.get("submittedAt"), top.get("notes")];
  const readContent = contentReader(targets, notes, shape);
  return (cells) => {
    const at = time === undefined ? undefined : firstOf(time, cells);
    const submittedAtMs = at === undefined ? null : shape.time(at);
    if (at !== undefined && submittedAtMs === null) return null;
    const read = readContent(cells);
    if (read === null) return null;
    const identityKeys = identityKeysOf(read.person, match, shape.phone, country);
    if (identityKeys.length === 0) return null;
    const contentHash = sha256(`${read.compared} ${submittedAtMs}`);
    const own = id === undefined ? undefined : firstOf(id, cells);
    const key = (own !== undefined && displayText(own)) || contentHash;
    return { key, contentHash, content: read.content, submittedAtMs, identityKeys };
  };
}

/** Null: one of them is not known here. */
function targetsOf(lines: readonly MapLine[], columns: readonly string[]): Target[] | null {
  const targets = lines.map(({ target, readers }) => ({
    path: parsePath(target),
    columns: readers.flatMap(({ path }) => (path === null ? [-1] : (columnOf(path, columns) ?? []))),
  }));
  const isKnown = ({ path: [first, second, field], columns: found }: Target): boolean => {
    if (found.includes(-1)) return false;
    if (second === undefined) return first === "id" || first === "submittedAt" || first === "notes";
    if (ORDER[first as string]?.includes(second) !== true) return false;
    // Names that are whole numbers have an order of their own in an object.
    return field === undefined || (field !== "__proto__" && !/^\d+$/.test(field) && cleanText(field) === field);
  };
  const names = new Set(targets.map(({ path }) => pathText(path)));
  return targets.every(isKnown) && names.size === targets.length && new Set(columns).size === columns.length
    ? targets
    : null;
}

/** As `readPath` finds it in a record that has all the columns; undefined where it finds nothing. */
function columnOf(path: Path, columns: readonly string[]): number | undefined {
  const [first] = path as [string];
  const own = [first, first.trim()].find((name) => columns.includes(name));
  if (own !== undefined) return path.length === 1 ? columns.indexOf(own) : undefined;
  if (path.length === 1) return undefined;
  const joined = [path.join("."), pathText(path)].find((name) => columns.includes(name));
  return joined === undefined ? undefined : columns.indexOf(joined);
}

function firstOf({ columns }: Target, cells: readonly string[]): string | undefined {
  for (let at = 0; at < columns.length; at += 1) {
    const cell = cells[columns[at]!]!;
    if (!isAbsent(cell)) return cell;
  }
  return undefined;
}

interface ReadContent {
  /** JSON. */
  content: string;
  /** As `comparedContent` gives it. */
  compared: string;
  person: { email?: string; phone?: string };
}

/** Null where a value can't be taken. */
function contentReader(
  targets: readonly Target[],
  notes: Target | undefined,
  shape: ShapeContext,
): (cells: readonly string[]) => ReadContent | null {
  const members = targets.filter(({ path }) => path.length > 1);
  const readers = members.map(({ path }) => readerOf(path, shape));
  const [email, phone] = ["email", "phone"].map((name) =>
    members.findIndex(({ path: [first, second] }) => first === "person" && second === name),
  ) as [number, number];
  const placed = members.map(({ path }, at) => ({ path, at }));
  const inOrder = [...placed].sort((a, b) => placeOf(a.path) - placeOf(b.path));
  const [asRead, asCompared] = [members.length, members.length + 1];
  const content = nodesOf([...inOrder, { path: ["notes"], at: asRead }], false);
  const canonical = nodesOf([...placed, { path: ["notes"], at: asCompared }], true);
  const texts: string[] = [...members.map(() => ""), "", ""];
  return (cells) => {
    const person: ReadContent["person"] = {};
    for (let at = 0; at < members.length; at += 1) {
      const value = firstOf(members[at]!, cells);
      const read = value === undefined ? "" : readers[at]!(value);
      if (read === null) return null;
      if (value !== undefined && at === email) person.email = read as string;
      if (value !== undefined && at === phone) person.phone = read as string;
      texts[at] = typeof read === "number" ? canonicalJson(read) : value === undefined ? "" : quoted(read);
    }
    const lines = notes === undefined ? NONE : notesOf(notes, cells);
    texts[asRead] = lines.length === 0 ? "" : canonicalJson(lines);
    const isPlain = lines.length === 1 && lines[0] !== "" && !lines[0]!.includes("\n");
    texts[asCompared] = lines.length === 0 || isPlain ? texts[asRead] : canonicalJson(comparedNotes(lines));
    return { content: written(content, texts), compared: written(canonical, texts), person };
  };
}

const NONE: readonly string[] = [];

function notesOf({ columns }: Target, cells: readonly string[]): string[] {
  const found: string[] = [];
  for (const column of columns) if (!isAbsent(cells[column])) found.push(displayText(cells[column]));
  return found;
}

/** What becomes of a value that is there; null where it can't be taken. */
function readerOf(path: Path, { phone, country }: ShapeContext): (text: string) => string | number | null {
  const [section, name] = path as [string, string];
  const findings: Findings = { badValues: [], unknown: [], labelOf: () => "" };
  const orNull = <Value>(value: Value | undefined): Value | null => {
    findings.badValues = [];
    return value ?? null;
  };
  const text = (value: string): string | null => displayText(value) || null;
  if (name === "fields") return cleanText;
  if (name === "value") return (value) => orNull(readNumber(findings, "", value));
  if (name === "currency") return (value) => orNull(readCurrency(value, findings));
  if (NAMES.includes(`${section}.${name}`)) return (value) => onOneLine(displayText(value)) || null;
  if (name === "email") return (value) => normalizeEmail(displayText(value));
  if (name !== "phone") return text;
  return (value) => {
    const own = text(value);
    return own === null ? null : (phone(own, country ?? undefined) ?? own);
  };
}

/** In the content's own order; fields keep theirs. */
function placeOf([section, name]: Path): number {
  const sections = Object.keys(ORDER);
  return sections.indexOf(section as string) * 100 + ORDER[section as string]!.indexOf(name as string);
}

/** A member of an object: a text by its index, or an object of others. */
interface Node {
  name: string;
  prefix: string;
  at: number;
  members: Node[] | null;
}

function nodesOf(places: readonly { path: Path; at: number }[], isSorted: boolean): Node[] {
  const names = [...new Set(places.map(({ path }) => path[0] as string))];
  if (isSorted) names.sort();
  return names.map((name) => {
    const below = places.filter(({ path }) => path[0] === name);
    const [leaf] = below.filter(({ path }) => path.length === 1);
    const rest = below.map(({ path, at }) => ({ path: path.slice(1), at }));
    const prefix = `${quoted(name)}:`;
    return leaf === undefined
      ? { name, prefix, at: -1, members: nodesOf(rest, isSorted) }
      : { name, prefix, at: leaf.at, members: null };
  });
}

/** Without the members that are not there; empty where none is. */
function written(nodes: readonly Node[], texts: readonly string[]): string {
  let text = "";
  for (let at = 0; at < nodes.length; at += 1) {
    const node = nodes[at]!;
    const value = node.members === null ? texts[node.at]! : written(node.members, texts);
    if (value !== "") text += (text === "" ? "{" : ",") + node.prefix + value;
  }
  return text === "" ? "" : `${text}}`;
}
