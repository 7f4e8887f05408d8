/** A person's records in the files of a spool and of its archive. */
import type { Stats } from "node:fs";
import { lstat, open, readdir, readFile, rename, unlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { RunId } from "../domain/ids.ts";
import type { Mentions } from "../domain/mentions.ts";
import type { SourceSettings } from "../domain/settings.ts";
import { decodeWhole } from "../intake/document.ts";
import { jsonText, parseJson } from "../intake/json-text.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { FileProgress } from "../ledger/rows.ts";
import { ARCHIVE, isArchived } from "./acknowledge.ts";
import type { IngestFailpoint } from "./failpoints.ts";
import { hasOthers, isTheirs, recordsIn, type Span, spansOf, type View, viewOf } from "./forget-records.ts";
import { formatOfName } from "./formats.ts";
import { headLength, headOf } from "./growing.ts";
import { errorCode, openRegular } from "./open.ts";

/** Its writer goes on meanwhile: what came since was not searched, and is neither overwritten nor deleted. */
const CHANGED = "changed while it was searched; the same command again takes it";

/** Somebody else may only have named the person, and be in no ledger yet. */
const UNREAD = "not read yet, and it names others too; forget again after the next sync";

/** Larger ones are told and left: the whole file is held. */
const BYTES_MAX = 256 * 1024 * 1024;

/** What became of files: whole ones deleted, records in others blanked or taken out, and files that need a person. */
export interface ForgottenFiles {
  deleted: number;
  records: number;
  left: string[];
  /** Files in which records were blanked: their first bytes may be others now. */
  blanked: string[];
}

/**
 * Documents of that person are deleted, elements of lists taken out, lines and rows overwritten with blanks in their place: so
 * what was read of a file that still grows stays the same bytes. With `dryRun` they are only counted. `taken`: how far the
 * ledger has each file. What it does not have yet and may be somebody else's stays, and is told.
 */
export async function forgetInFiles(
  source: SourceSettings,
  spool: string,
  mentions: Mentions,
  dryRun: boolean,
  failpoint: IngestFailpoint,
  taken: readonly Pick<FileProgress, "path" | "offset">[] = [],
): Promise<ForgottenFiles> {
  const takenTo = new Map(taken.map(({ path, offset }) => [path, offset]));
  const search = { source, mentions, dryRun, failpoint, takenTo };
  const result: ForgottenFiles = { deleted: 0, records: 0, left: [], blanked: [] };
  for (const path of await filesOf(spool, result)) {
    try {
      await forgetInFile(search, path, result);
      failpoint("ingest.forget.file");
    } catch (error) {
      if (errorCode(error) !== "ENOENT") result.left.push(`${path} (${errorCode(error)})`);
    }
  }
  return result;
}

/** Files that may still grow are known by some of their bytes: with blanks in them they are read on and not anew. */
export async function keepPlaces(ledger: Ledger, source: string, blanked: readonly string[]): Promise<void> {
  for (const before of await ledger.fileProgress(source)) {
    const opened = blanked.includes(before.path) ? await openRegular(before.path) : null;
    if (opened === null || !opened.ok) continue;
    try {
      const head = await headOf(opened.file, headLength(before.head), before.offset);
      const progress = { ...before, head };
      const nothing = { submissions: [], rejects: [], closesRejects: [] };
      await ledger.ingest({ runId: 0 as RunId, ...nothing, progress }, { wallMs: 0, monoMs: 0, bootId: "" });
    } finally {
      await opened.file.handle.close();
    }
  }
}

async function filesOf(spool: string, { left }: ForgottenFiles): Promise<string[]> {
  const archive = join(spool, ARCHIVE);
  const days = await namesIn(archive, left);
  const folders = [spool, archive, ...days.map((day) => join(archive, day))];
  const files: string[] = [];
  for (const folder of folders) for (const name of await namesIn(folder, left)) files.push(join(folder, name));
  return files;
}

async function namesIn(folder: string, left: string[]): Promise<string[]> {
  try {
    return (await lstat(folder)).isDirectory() ? await readdir(folder) : [];
  } catch (error) {
    if (errorCode(error) !== "ENOENT") left.push(`${folder} (${errorCode(error)})`);
    return [];
  }
}

interface Search {
  source: SourceSettings;
  mentions: Mentions;
  dryRun: boolean;
  failpoint: IngestFailpoint;
  takenTo: ReadonlyMap<string, number>;
}

/** Bytes of a file whose records the ledger has. */
const readUpTo = ({ takenTo }: Search, path: string): number =>
  takenTo.get(path) ?? (isArchived(path) ? Number.POSITIVE_INFINITY : 0);

async function forgetInFile(search: Search, path: string, result: ForgottenFiles): Promise<void> {
  const { source, mentions } = search;
  const stat = await lstat(path);
  if (!stat.isFile()) return;
  if (stat.size > BYTES_MAX) return void result.left.push(`${path} (too large to search)`);
  const bytes = await readFile(path);
  const format = source.format ?? formatOfName(basename(path));
  if (format === null) {
    if (mentions.email(bytes.toString("utf8")) || mentions.email(bytes.toString("utf16le"))) result.left.push(path);
  } else if (format === "csv" || format === "jsonl") {
    await forgetInLines(search, path, bytes, format === "csv", stat, result);
  } else {
    const { text } = decodeWhole(bytes, null);
    await forgetInDocument(search, path, format === "form" ? spacedForm(text) : text, stat, result);
  }
}

/** In a url-encoded body, which has no white space of its own, a plus is a space. */
const spacedForm = (text: string): string => (/\s/.test(text.trim()) ? text : text.replaceAll("+", " "));

async function forgetInLines(
  search: Search,
  path: string,
  bytes: Buffer,
  isCsv: boolean,
  stat: Stats,
  result: ForgottenFiles,
): Promise<void> {
  const { source, mentions, dryRun, failpoint } = search;
  const view = viewOf(bytes, source.encoding);
  const theirs = spansOf(view, isCsv).filter((span) => isTheirs(mentions, view.text(span)));
  const mayHoldUnread = !isCsv && source.records !== null && !isArchived(path);
  const shared = mayHoldUnread ? theirs.filter((span) => hasOthers(source, view.text(span), mentions)) : [];
  const readTo = readUpTo(search, path);
  const unsure = theirs.filter((span) => view.blanks(span).at >= readTo && mentions.others(view.text(span)));
  const spans = theirs.filter((span) => !shared.includes(span) && !unsure.includes(span));
  // A name in a header, or over a line's end, is no record.
  const isElsewhere = theirs.length === 0 && mentions.email(view.text({ from: 0, to: view.units.length }));
  if (shared.length > 0 || isElsewhere) result.left.push(path);
  else if (unsure.length > 0) result.left.push(`${path} (${UNREAD})`);
  if (spans.length === 0) return;
  if (!dryRun && !(await isAsRead(path, stat, true))) return void result.left.push(`${path} (${CHANGED})`);
  if (!dryRun) {
    await blank(path, spans, view, failpoint);
    result.blanked.push(path);
  }
  result.records += spans.length;
}

/** Whether a file is still the one that was searched; a growing one may be longer. */
async function isAsRead(path: string, read: Stats, mayGrow: boolean): Promise<boolean> {
  const { dev, ino, size, mtimeMs } = await lstat(path);
  if (dev !== read.dev || ino !== read.ino) return false;
  return (mayGrow && size > read.size) || (size === read.size && mtimeMs === read.mtimeMs);
}

async function forgetInDocument(
  search: Search,
  path: string,
  text: string,
  stat: Stats,
  result: ForgottenFiles,
): Promise<void> {
  const { source, mentions, dryRun, failpoint } = search;
  if (!isTheirs(mentions, text)) return;
  const isWholeUnread = readUpTo(search, path) === 0;
  const mayBeOthers = (record: string): boolean => isWholeUnread && mentions.others(record);
  const parsed = parseJson(text);
  const body = parsed.ok ? parsed.value : null;
  const isUnread = source.records !== null && !isArchived(path);
  const list = Array.isArray(body) ? (body as unknown[]) : isUnread ? recordsIn(source, body) : null;
  // Others may be in it who are not in the ledger yet.
  if (list === null && isUnread) return void result.left.push(path);
  const rest =
    list
      ?.map((element) => [element, jsonText(element)] as const)
      .filter(([, record]) => !isTheirs(mentions, record) || mayBeOthers(record)) ?? [];
  if (list === null && mayBeOthers(text)) return void result.left.push(`${path} (${UNREAD})`);
  if (list !== null && rest.length > 0) {
    const removed = list.length - rest.length;
    list.splice(0, list.length, ...rest.map(([element]) => element));
    // What is said of the person beside the records.
    const isUnsure = rest.some(([, record]) => isTheirs(mentions, record));
    if (isTheirs(mentions, jsonText(body))) result.left.push(isUnsure ? `${path} (${UNREAD})` : path);
    if (removed === 0) return;
    if (dryRun) {
      result.records += removed;
      return;
    }
    const temporary = join(dirname(path), `.${basename(path)}.tmp`);
    await writeFile(temporary, jsonText(body), { mode: stat.mode & 0o777 });
    failpoint("ingest.forget.written");
    if (!(await isAsRead(path, stat, false))) {
      await unlink(temporary);
      return void result.left.push(`${path} (${CHANGED})`);
    }
    await rename(temporary, path);
    result.records += removed;
    return;
  }
  if (!dryRun && !(await isAsRead(path, stat, false))) return void result.left.push(`${path} (${CHANGED})`);
  if (!dryRun) await unlink(path);
  result.deleted += 1;
}

/** Overwritten in place, with blanks of the file's own encoding. */
async function blank(path: string, spans: readonly Span[], view: View, failpoint: IngestFailpoint): Promise<void> {
  const file = await open(path, "r+");
  try {
    for (const span of spans) {
      const { at, bytes } = view.blanks(span);
      await file.write(bytes, 0, bytes.length, at);
      failpoint("ingest.forget.blanked");
    }
    await file.sync();
  } finally {
    await file.close();
  }
}
