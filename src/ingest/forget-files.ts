/** A person's records in the files of a spool and of its archive. */
import type { Stats } from "node:fs";
import { lstat, open, readdir, readFile, rename, unlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { RunId } from "../domain/ids.ts";
import type { Mentions } from "../domain/mentions.ts";
import type { SourceSettings } from "../domain/settings.ts";
import { jsonText, parseJson } from "../intake/json-text.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { ARCHIVE, isArchived } from "./acknowledge.ts";
import type { IngestFailpoint } from "./failpoints.ts";
import { formatOfName } from "./formats.ts";
import { headLength, headOf } from "./growing.ts";
import { errorCode, openRegular } from "./open.ts";

/** Its writer goes on meanwhile: what came since was not searched, and is neither overwritten nor deleted. */
const CHANGED = "changed while it was searched; the same command again takes it";

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
 * what was read of a file that still grows stays the same bytes. With `dryRun` they are only counted.
 */
export async function forgetInFiles(
  source: SourceSettings,
  spool: string,
  mentions: Mentions,
  dryRun: boolean,
  failpoint: IngestFailpoint,
): Promise<ForgottenFiles> {
  const search = { source, mentions, dryRun, failpoint };
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

/** Files that may still grow are known by their first bytes: with blanks in them they are read on and not anew. */
export async function keepPlaces(ledger: Ledger, source: string, blanked: readonly string[]): Promise<void> {
  for (const before of await ledger.fileProgress(source)) {
    const opened = blanked.includes(before.path) ? await openRegular(before.path) : null;
    if (opened === null || !opened.ok) continue;
    try {
      const progress = { ...before, head: await headOf(opened.file, headLength(before.head)) };
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
}

async function forgetInFile(search: Search, path: string, result: ForgottenFiles): Promise<void> {
  const { source, mentions, dryRun, failpoint } = search;
  const stat = await lstat(path);
  if (!stat.isFile()) return;
  if (stat.size > BYTES_MAX) return void result.left.push(`${path} (too large to search)`);
  const bytes = await readFile(path);
  const text = bytes.toString("utf8");
  const format = source.format ?? formatOfName(basename(path));
  const isWide = bytes.subarray(0, 2).equals(Buffer.from([0xff, 0xfe])) || bytes.includes("\0");
  if (format === null || isWide) {
    if (mentions.email(text) || mentions.email(bytes.toString("utf16le"))) result.left.push(path);
    return;
  }
  if (format === "csv" || format === "jsonl") {
    const spans = spansOf(bytes, format === "csv").filter(({ from, to }) =>
      mentions.record(bytes.toString("utf8", from, to)),
    );
    // A name in a header, or over a line's end.
    if (spans.length === 0) {
      if (mentions.email(text)) result.left.push(path);
      return;
    }
    if (!dryRun && !(await isAsRead(path, stat, true))) return void result.left.push(`${path} (${CHANGED})`);
    result.records += spans.length;
    if (dryRun) return;
    await blank(path, spans, failpoint);
    result.blanked.push(path);
    return;
  }
  await forgetInDocument(search, path, text, stat, result);
}

/** Whether a file is still the one that was searched; a growing one may be longer. */
async function isAsRead(path: string, read: Stats, mayGrow: boolean): Promise<boolean> {
  const { dev, ino, size, mtimeMs } = await lstat(path);
  if (dev !== read.dev || ino !== read.ino) return false;
  return (mayGrow && size > read.size) || (size === read.size && mtimeMs === read.mtimeMs);
}

async function forgetInDocument(
  { source, mentions, dryRun, failpoint }: Search,
  path: string,
  text: string,
  stat: Stats,
  result: ForgottenFiles,
): Promise<void> {
  const parsed = parseJson(text);
  const list = parsed.ok && Array.isArray(parsed.value) ? (parsed.value as unknown[]) : null;
  const rest = list?.filter((element) => !mentions.record(jsonText(element))) ?? [];
  if (list === null && !mentions.record(text)) return;
  // Others may be in it who are not in the ledger yet.
  if (list === null && source.records !== null && !isArchived(path)) return void result.left.push(path);
  if (list !== null && rest.length > 0) {
    if (rest.length === list.length) return;
    result.records += list.length - rest.length;
    if (dryRun) return;
    const temporary = join(dirname(path), `.${basename(path)}.tmp`);
    await writeFile(temporary, jsonText(rest), { mode: stat.mode & 0o777 });
    failpoint("ingest.forget.written");
    if (!(await isAsRead(path, stat, false))) {
      await unlink(temporary);
      result.records -= list.length - rest.length;
      return void result.left.push(`${path} (${CHANGED})`);
    }
    await rename(temporary, path);
    return;
  }
  if (!dryRun && !(await isAsRead(path, stat, false))) return void result.left.push(`${path} (${CHANGED})`);
  result.deleted += 1;
  if (!dryRun) await unlink(path);
}

interface Span {
  from: number;
  to: number;
}

/** Lines, or rows of a CSV whose quoted cells may hold line ends; without their own line end. */
function spansOf(bytes: Buffer, isCsv: boolean): Span[] {
  const spans: Span[] = [];
  let from = 0;
  let isQuoted = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (isCsv && byte === 0x22) isQuoted = !isQuoted;
    if (byte !== 0x0a || isQuoted) continue;
    spans.push({ from, to: at > from && bytes[at - 1] === 0x0d ? at - 1 : at });
    from = at + 1;
  }
  if (from < bytes.length) spans.push({ from, to: bytes.length });
  return isCsv ? spans.slice(1) : spans;
}

async function blank(path: string, spans: readonly Span[], failpoint: IngestFailpoint): Promise<void> {
  const file = await open(path, "r+");
  try {
    for (const { from, to } of spans) {
      await file.write(Buffer.alloc(to - from, 0x20), 0, to - from, from);
      failpoint("ingest.forget.blanked");
    }
    await file.sync();
  } finally {
    await file.close();
  }
}
