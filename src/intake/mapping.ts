/** Everything that a source's settings say about its records, compiled once. */
import { CrmledgerError } from "../domain/errors.ts";
import type { IdentityKey, PhoneNormalizer } from "../domain/identity.ts";
import { sha256 } from "../domain/json.ts";
import type { SourceSettings } from "../domain/settings.ts";
import type { Lane, SubmissionContent } from "../domain/submission.ts";
import { comparedContent } from "./compared-content.ts";
import { messageOf } from "./expression.ts";
import { identityKeysOf } from "./identity-keys.ts";
import { boundFault, parseJson } from "./json-text.ts";
import { type Leftover, leftoversOf } from "./leftovers.ts";
import {
  type Applied,
  type CompiledMap,
  compileMap,
  compileReader,
  type MapLine,
  pathAt,
  pathReader,
  type Reader,
} from "./map.ts";
import { isSubmissionList, parsePath, treeValue, writePath } from "./path.ts";
import { type MapCells, plainMap } from "./plain-map.ts";
import { restLines } from "./rest.ts";
import { readSubmission, type ShapeContext } from "./submission.ts";
import { loadTimeReader } from "./time.ts";
import type { Findings } from "./values.ts";

/** A record that became a submission. */
export interface MappedSubmission {
  type: "submission";
  /** The source's own id, else SHA-256 of the mapped record with its time. */
  key: string;
  /** SHA-256 of content (note lines in any order) and time, without the time of ingest. */
  contentHash: string;
  content: SubmissionContent;
  submittedAtMs: number | null;
  lane: Lane | null;
  identityKeys: IdentityKey[];
  /** Members of the record that a submission doesn't have. */
  unknown: string[];
}

export type Mapped = MappedSubmission | { type: "skipped" } | { type: "reject"; reason: string };

/** A mapped record together with what the verdict was made from: for `check-source`. */
export interface Inspection {
  mapped: Mapped;
  /** What the map made of the record, before any value was read. Absent where it came to that not. */
  shape?: unknown;
  /** The source's own id, where it has one. */
  id?: string | null;
  submittedAtMs?: number | null;
  /** Also of a record that is rejected. */
  content?: SubmissionContent;
}

export interface Mapping {
  /** Maps one record. `flat`: its members are named by dotted paths, as a CSV's columns are. */
  map(record: unknown, flat: boolean): Promise<Mapped>;
  /** The same, with what `map` leaves out of its answer. */
  inspect(record: unknown, flat: boolean): Promise<Inspection>;
  /** Members of a record that no line of the map reads; none without a map. */
  leftovers(record: object): Promise<Leftover[]>;
  /** The same as `map`, from the cells of a CSV with these columns, where the map is a plain one; else null. */
  ofCells(columns: readonly string[]): MapCells | null;
  /** Lines of the map with what they read, then `where` and `restToNote`. */
  readonly lines: readonly MapLine[];
  /** The records in a body. */
  split(body: unknown): Promise<SplitBody>;
  /** Dotted paths that the map reads; null without a map. */
  readonly reads: readonly (readonly string[])[] | null;
}

export type SplitBody = { ok: true; records: unknown[]; list: boolean } | { ok: false; reason: string };

interface Compiled {
  source: SourceSettings;
  shape: ShapeContext;
  map: CompiledMap | null;
  where: Reader | null;
  records: Reader | null;
  rest: readonly string[] | null;
}

/** Compiles a source's settings. Rejects with `configInvalid`, naming the key, where path or expression is broken. */
export async function compileMapping(source: SourceSettings, phone: PhoneNormalizer): Promise<Mapping> {
  const tools = { phone, country: source.country, timezone: source.timezone };
  const at = `sources.${source.name}`;
  const compiled: Compiled = {
    source,
    shape: { phone, country: source.country, time: await loadTimeReader(source.timezone) },
    map: source.map === null ? null : await compileMap(source.map, `${at}.map`, tools),
    where: source.where === null ? null : await compileReader(condition(source.where), `${at}.where`, tools),
    records: source.records === null ? null : await compileReader(source.records, `${at}.records`, tools),
    rest: source.restToNote === null ? null : rootOr(source.restToNote, `${at}.restToNote`),
  };
  return {
    map: async (record, flat) => {
      const inspected = inspectSafely(compiled, record, flat);
      return inspected instanceof Promise ? (await inspected).mapped : inspected.mapped;
    },
    inspect: async (record, flat) => inspectSafely(compiled, record, flat),
    leftovers: async (record) => (compiled.map === null ? [] : await leftoversOf(compiled.map, compiled.rest, record)),
    split: (body) => splitBody(compiled, body),
    reads: compiled.map === null ? null : compiled.map.reads,
    lines: linesOf(compiled),
    ofCells: (columns) => ofCells(compiled, columns),
  };
}

function ofCells({ map, where, rest, source, shape }: Compiled, columns: readonly string[]): MapCells | null {
  const plain = map === null || where !== null || rest !== null ? null : plainMap(map.lines, columns, source, shape);
  return plain === null ? null : safely(plain);
}

/** What a bug keeps from being mapped so goes the general way, which rejects that record alone. */
function safely(plain: MapCells): MapCells {
  return (cells) => {
    try {
      return plain(cells);
    } catch {
      return null;
    }
  };
}

function linesOf({ map, where, rest }: Compiled): MapLine[] {
  return [
    ...(map?.lines ?? []),
    ...(where === null ? [] : [{ target: "where", readers: [where] }]),
    ...(rest === null || rest.length === 0 ? [] : [{ target: "restToNote", readers: [pathReader(rest)] }]),
  ];
}

/** `where` is an expression, with or without its `=`. */
function condition(text: string): string {
  return text.trim().startsWith("=") ? text : `= ${text}`;
}

/** `$` names the record itself, whose members are then the rest: a CSV's columns have nothing above them. */
function rootOr(text: string, where: string): readonly string[] {
  return text.trim() === "$" ? [] : pathAt(text, where);
}

async function splitBody(compiled: Compiled, body: unknown): Promise<SplitBody> {
  if (compiled.records === null) {
    return Array.isArray(body) ? { ok: true, records: body, list: true } : { ok: true, records: [body], list: false };
  }
  const wrapped = isWrapped(body);
  try {
    let found = await compiled.records.read(body);
    if (found === undefined && wrapped) found = await compiled.records.read(body.body);
    if (found === undefined) return { ok: false, reason: `\`records: ${compiled.records.text}\` finds nothing in it` };
    const records = Array.isArray(found) ? found : [found];
    return {
      ok: true,
      list: true,
      records: wrapped ? records.map((record) => ({ headers: body.headers, body: record })) : records,
    };
  } catch (error) {
    return { ok: false, reason: `\`records: ${compiled.records.text}\` fails: ${messageOf(error)}` };
  }
}

/** A webhook that was stored with its headers. */
function isWrapped(body: unknown): body is { headers: unknown; body: unknown } {
  if (body === null || typeof body !== "object" || Array.isArray(body)) return false;
  return Object.hasOwn(body, "headers") && Object.hasOwn(body, "body") && Object.keys(body).length === 2;
}

/** A bug that one record brings to light is that one's alone: else it would keep its whole file back, run after run. */
function inspectSafely(compiled: Compiled, record: unknown, flat: boolean): Inspection | Promise<Inspection> {
  try {
    const inspected = inspect(compiled, record, flat);
    return inspected instanceof Promise ? inspected.catch(ofBug) : inspected;
  } catch (error) {
    return ofBug(error);
  }
}

function ofBug(error: unknown): Inspection {
  if (!(error instanceof Error) || error instanceof CrmledgerError) throw error;
  const reason = `crmledger met a bug when it read this record (${error.name}): please report it`;
  return { mapped: { type: "reject", reason } };
}

/** At once where no expression has to be waited for. */
function inspect(compiled: Compiled, record: unknown, flat: boolean): Inspection | Promise<Inspection> {
  if (record === null || typeof record !== "object" || Array.isArray(record)) {
    return { mapped: { type: "reject", reason: "it is not an object" } };
  }
  const bound = boundFault(record);
  if (bound !== null) return { mapped: { type: "reject", reason: bound } };
  return compiled.where === null
    ? mapRecord(compiled, record, flat)
    : skippedOrMapped(compiled, compiled.where, record, flat);
}

function mapRecord(compiled: Compiled, record: object, flat: boolean): Inspection | Promise<Inspection> {
  if (compiled.map === null) return readShape(compiled, record, { shape: ownShape(record, flat), faults: [] });
  const applied = compiled.map.apply(record);
  return applied instanceof Promise
    ? applied.then((done) => readShape(compiled, record, done))
    : readShape(compiled, record, applied);
}

function readShape(compiled: Compiled, record: object, { shape, faults }: Applied): Inspection {
  const findings: Findings = { badValues: [], unknown: [], labelOf: compiled.map?.labelOf ?? plainLabel };
  for (const { path, expression, reason } of faults) {
    const label = findings.labelOf(path);
    findings.badValues.push({ path, label, value: expression, reason: `the expression failed: ${reason}` });
  }
  const read = readSubmission(shape, compiled.shape, findings);
  if (compiled.rest !== null) addRest(compiled, record, read.content);
  if (findings.badValues.length > 0) read.content.badValues = findings.badValues;
  const { id, submittedAtMs, content } = read;
  return { mapped: finish(compiled, read, findings), shape, id, submittedAtMs, content };
}

async function skippedOrMapped(compiled: Compiled, where: Reader, record: object, flat: boolean): Promise<Inspection> {
  try {
    if ((await where.read(record)) !== true) return { mapped: { type: "skipped" } };
  } catch (error) {
    return { mapped: { type: "reject", reason: `\`where: ${where.text}\` fails: ${messageOf(error)}` } };
  }
  return mapRecord(compiled, record, flat);
}

function plainLabel(path: string): string {
  return path.split(".").at(-1) as string;
}

function ownShape(record: object, flat: boolean): unknown {
  if (!flat) return isWrapped(record) ? record.body : record;
  const tree = new Map<string, unknown>();
  for (const [name, value] of Object.entries(record)) {
    if (value !== "") writePath(tree, columnPath(name), value);
  }
  return treeValue(tree, isSubmissionList);
}

function columnPath(name: string): readonly string[] {
  try {
    const path = parsePath(name);
    // A field's own name may hold dots: everything after `person.fields.` is one name.
    return path[1] === "fields" && path.length > 3 ? [path[0] as string, "fields", path.slice(2).join(".")] : path;
  } catch (error) {
    if (error instanceof CrmledgerError) return [name];
    throw error;
  }
}

function addRest(compiled: Compiled, record: unknown, content: SubmissionContent): void {
  const lines = restLines(record, compiled.rest as readonly string[], compiled.map?.reads ?? []);
  if (lines.length === 0) return;
  const [first, ...others] = content.notes ?? [];
  content.notes = [first === undefined ? lines.join("\n") : `${first}\n\n${lines.join("\n")}`, ...others];
}

function finish(compiled: Compiled, read: ReturnType<typeof readSubmission>, findings: Findings): Mapped {
  const { source, shape } = compiled;
  const { content, submittedAtMs, id, lane } = read;
  const identityKeys = identityKeysOf(content.person, source.plan.persons.match, shape.phone, source.country);
  if (identityKeys.length === 0) return { type: "reject", reason: unusable(source, content, findings) };
  if (source.plan.onBadValue === "reject" && findings.badValues.length > 0) {
    const [first] = findings.badValues;
    return { type: "reject", reason: `${first?.path}: ${first?.reason} (onBadValue is reject)` };
  }
  const contentHash = sha256(`${comparedContent(content)} ${submittedAtMs}`);
  const unknown = findings.unknown;
  return {
    type: "submission",
    key: id ?? contentHash,
    contentHash,
    content,
    submittedAtMs,
    lane,
    identityKeys,
    unknown,
  };
}

/** Says what is missing, and what was there but could not be used. Names members, never their values. */
function unusable(source: SourceSettings, content: SubmissionContent, findings: Findings): string {
  const fields = source.plan.persons.match.filter((way) => way !== "email" && way !== "phone");
  const wanted = ["e-mail", "phone", ...fields].join(", ").replace(/, ([^,]*)$/, " or $1");
  const seen: string[] = [];
  if (findings.badValues.some(({ path }) => path === "person.email")) seen.push("person.email is no address");
  if (content.person?.phone !== undefined) {
    seen.push(`person.phone can't be read as a number${source.country === null ? " without a `country`" : ""}`);
  }
  if (findings.unknown.length > 0) seen.push(`not known here: ${findings.unknown.slice(0, 5).join(", ")}`);
  return `no usable ${wanted}${seen.length > 0 ? ` (${seen.join("; ")})` : ""}`;
}

/**
 * Today's map over a kept raw record, for `retry-failed` and to compare versions. Null where it would now be skipped or
 * rejected, or is no record any more.
 */
export async function remapRaw(
  mapping: Mapping,
  raw: string,
  parse: (text: string) => unknown = jsonOrNull,
): Promise<MappedSubmission | null> {
  const record = parse(raw);
  const mapped = await mapping.map(record, isFlat(record));
  return mapped.type === "submission" ? mapped : null;
}

function jsonOrNull(text: string): unknown {
  const parsed = parseJson(text);
  return parsed.ok ? parsed.value : null;
}

/** A kept CSV row: no member holds anything but text. */
export function isFlat(record: unknown): boolean {
  return (
    record !== null && typeof record === "object" && Object.values(record).every((value) => typeof value === "string")
  );
}
