/** A source's spool: everything in it that is complete goes into the ledger, and only then out of the way. */
import { dirname } from "node:path";
import { CrmledgerError } from "../domain/errors.ts";
import type { SourceSettings } from "../domain/settings.ts";
import { compileMapping, type Mapping } from "../intake/mapping.ts";
import type { FileProgress } from "../ledger/rows.ts";
import {
  archivePath,
  deleteReadFile,
  findFile,
  giveBackAsides,
  moveFile,
  nextArchivePath,
  type ReadFile,
  replaceLink,
} from "./acknowledge.ts";
import { documentProgress, readDocument } from "./documents.ts";
import { spooledRefusal } from "./file.ts";
import { COMPLETE_AFTER_MS, takeGrowing } from "./growing.ts";
import type { IngestDeps, IngestReport, IngestSource, RefusedFile } from "./ingest.ts";
import { listSpool, type SpoolFile } from "./listing.ts";
import { noTable } from "./no-table.ts";
import { errorCode, type OpenedFile, openRegular, readHead } from "./open.ts";
import { isStillWritten, letFormsRest } from "./resting.ts";
import { ShapeWatch } from "./shape-watch.ts";
import { emptyCounts, type TakenFile, Taker } from "./taker.ts";
import { Warnings } from "./warnings.ts";

/** An archived file that still grows is read on for so long. */
const FOLLOWED_MS = 7 * 24 * 3_600_000;

interface Pass {
  deps: IngestDeps;
  source: SourceSettings;
  spool: string;
  mapping: Mapping;
  taker: Taker;
  warnings: Warnings;
  /** What is remembered of files, by identity. */
  progress: Map<string, FileProgress>;
  files: TakenFile[];
  /** Files that this user may not read. */
  unreadable: string[];
  /** Files that nobody should send without somebody's word. */
  refused: RefusedFile[];
  /** Documents whose records are in the chunk: acknowledged after its commit. */
  waiting: { file: SpoolFile; read: ReadFile; isCut: boolean }[];
}

/** Reads everything that the spool has now. Safe to repeat: what was taken before is a duplicate. */
export const ingestSource: IngestSource = async (deps, source) => {
  if (source.spool === null) return { files: [], warnings: [], mapped: [] };
  const warnings = new Warnings();
  const mapping = await compileMapping(source, deps.phone);
  if (source.after === "delete" && !deps.dryRun) await giveBackAsides(source.spool);
  const listed = await listSpool(source, source.spool, warnings);
  if (!deps.dryRun) await letFormsRest(deps.clock, listed, deps.signal);
  const known = await deps.ledger.fileProgress(source.name);
  const shape = new ShapeWatch(deps.ledger, source, mapping);
  const taker = new Taker(deps, source, mapping, warnings, { mendsRejects: false, shape });
  const progress = new Map(known.map((row) => [row.identity, row]));
  const pass: Pass = {
    ...{ deps, source, spool: source.spool, mapping, taker, warnings, progress },
    ...{ files: [], unreadable: [], refused: [], waiting: [] },
  };
  try {
    const seen = new Set<string>();
    for (const file of listed) {
      if (deps.signal?.aborted) break;
      const identity = await takeFile(pass, file);
      if (identity !== null) seen.add(identity);
    }
    await settle(pass);
    await followArchived(pass, known, seen);
    for (const text of await shape.keep(deps.clock.wallMs())) warnings.say(text);
  } catch (error) {
    throw ofThisMachine(error, source);
  }
  return reportOf(pass);
};

function reportOf(pass: Pass): IngestReport {
  return {
    files: pass.files.map(({ counts }) => counts).filter(({ rows }) => rows > 0),
    warnings: pass.warnings.list(),
    mapped: pass.taker.mapped,
    unreadable: pass.unreadable,
    refused: pass.refused,
  };
}

/** Takes one file. Gives its identity, null where it could not be opened. */
async function takeFile(pass: Pass, file: SpoolFile): Promise<string | null> {
  const opened = await openRegular(file.path);
  if (!opened.ok) {
    if (opened.code === "EACCES" || opened.code === "EPERM") pass.unreadable.push(file.shown);
    else if (opened.code !== "ENOENT") pass.warnings.say(`${file.shown} is skipped: ${opened.reason}`);
    return null;
  }
  try {
    if ((await isNoText(pass, file, opened.file)) || (await isRefused(pass, file, opened.file)))
      return opened.file.identity;
    if (file.format === "json" || file.format === "form") await takeDocument(pass, file, opened.file, file.format);
    else await takeGrowingFile(pass, file, opened.file);
    return opened.file.identity;
  } finally {
    await opened.file.handle.close();
  }
}

/**
 * A workbook that is called .csv would become a reject for each line of its bytes, or, where it has none, be archived as a
 * table without records. It stays where it is until somebody has looked.
 */
async function isNoText(pass: Pass, { format, path, shown }: SpoolFile, opened: OpenedFile): Promise<boolean> {
  if (format !== "csv" && format !== "jsonl") return false;
  if ((pass.progress.get(opened.identity)?.line ?? 0) > HEADER_LINES) return false;
  const refusal = noTable(shown, format, await readHead(opened.handle, Math.min(FORMAT_HEAD_BYTES, opened.size)));
  if (refusal !== null) pass.refused.push({ file: path, message: refusal.message, hint: refusal.hint ?? "" });
  return refusal !== null;
}

/** By so much of its beginning a file is known for what it is. */
const FORMAT_HEAD_BYTES = 64 * 1024;
/** Files below this hold no twenty records. */
const EXPORT_BYTES_MIN = 1_000;
/** Of a CSV the first line is no record yet. */
const HEADER_LINES = 1;
/** In front of a list there is a byte order mark and white space, if anything. */
const LIST_HEAD_BYTES = 64;

/**
 * Whether a file looks like an export that must not go out by itself. It stays where it is, and each run looks again:
 * somebody mends the map, moves the file away, or imports it on purpose, which makes its records known. One that was seen
 * before is looked at again whenever it has doubled: somebody may copy it slowly. Times that can't be read flow in that one,
 * unless no record of it was seen: a live log brings them too.
 */
async function isRefused(pass: Pass, file: SpoolFile, opened: OpenedFile): Promise<boolean> {
  const before = pass.progress.get(opened.identity) ?? null;
  const isBegun = before !== null && before.line > HEADER_LINES;
  if (opened.size < EXPORT_BYTES_MIN || (isBegun && opened.size < 2 * before.offset)) return false;
  if (before !== null && before.offset > 0 && (file.format === "json" || file.format === "form")) return false;
  if (!(await holdsMany(pass, file, opened))) return false;
  await settle(pass);
  const { deps, source, mapping } = pass;
  const looked = isBegun ? { ...source, sendFromMs: null } : source;
  const refusal = await spooledRefusal(deps, looked, mapping, file.path, file.format);
  if (refusal !== null) {
    const { message, hint = "" } = refusal;
    const said = isBegun ? hint.replace("Nothing of it", "Nothing more of it") : hint;
    pass.refused.push({ file: file.path, message, hint: said });
  }
  return refusal !== null;
}

/** A document is one record, which is what a form tool sends, unless it is a list or the source says where its records are. */
async function holdsMany({ source }: Pass, { format }: SpoolFile, { handle }: OpenedFile): Promise<boolean> {
  if (format === "csv" || format === "jsonl") return true;
  if (format === "form") return false;
  const head = Buffer.from(await readHead(handle, LIST_HEAD_BYTES)).toString("utf8");
  return source.records !== null || /^\uFEFF?\s*\[/.test(head);
}

async function takeDocument(pass: Pass, file: SpoolFile, opened: OpenedFile, format: "json" | "form"): Promise<void> {
  const { deps, source, taker } = pass;
  if (isStillWritten(file, opened))
    return pass.warnings.say(`${file.shown} is left until it is complete: it is being written`);
  const before = pass.progress.get(opened.identity) ?? null;
  const sameAsBefore = before !== null && before.size === opened.size && before.modifiedAtMs === opened.modifiedAtMs;
  if (sameAsBefore && before.offset > 0 && source.after === "keep") return;
  const read = await readDocument(deps, opened, format, before);
  const nowMs = deps.clock.wallMs();
  if (read.type === "wait") {
    pass.warnings.say(`${file.shown} is left until it is complete: ${read.reason}`);
    await settle(pass);
    if (!sameAsBefore) await taker.flush(await documentProgress(source, opened, file.path, false, before, nowMs));
    return;
  }
  // A file that is kept is read whole again when it was written anew.
  const again = before !== null && before.offset > 0;
  const taken = { counts: emptyCounts(file.shown), flat: false, again };
  pass.files.push(taken);
  for (const row of read.rows) await taker.take(row, taken);
  if (source.after === "keep") {
    await taker.flush(await documentProgress(source, opened, file.path, true, before, nowMs));
    return told(pass, taken, opened);
  }
  const { identity, size, modifiedAtMs } = opened;
  pass.waiting.push({ file, read: { identity, size, modifiedAtMs }, isCut: read.isCut === true });
  if (before !== null && !deps.dryRun) await deps.ledger.forgetFile(source.name, opened.identity);
  if (taker.full) await settle(pass);
  told(pass, taken, opened);
}

function told(pass: Pass, { counts }: TakenFile, opened: OpenedFile): void {
  pass.deps.progress?.({ file: counts.file, records: counts.rows, bytes: opened.size, bytesTotal: opened.size });
}

/** Commits the chunk, then acknowledges the documents in it. */
async function settle(pass: Pass): Promise<void> {
  const { deps, source, spool, taker, waiting } = pass;
  await taker.flush(null);
  for (const { file, read, isCut } of waiting.splice(0)) {
    if (deps.dryRun) continue;
    await acknowledged(pass, file, async () => {
      const path = await withoutLink(pass, file, read);
      // What its reject does not hold whole is nowhere else.
      if (source.after === "delete" && !isCut) await deleteReadFile(path, read, deps.failpoint);
      else {
        const place = await archivePath(spool, path, deps.clock.wallMs());
        deps.failpoint("ingest.acknowledge.reserved");
        await moveFile(path, place, read);
      }
    });
  }
}

/** The records are safe, so a file that can't be moved away is told and no more: the next run finds duplicates. */
async function acknowledged(pass: Pass, file: SpoolFile, act: () => Promise<void>): Promise<void> {
  try {
    pass.deps.failpoint("ingest.acknowledge.before");
    await act();
    pass.deps.failpoint("ingest.acknowledge.after");
  } catch (error) {
    const code = errorCode(error);
    if (!["EACCES", "EPERM", "EROFS", "EBUSY", "EXDEV"].includes(code)) throw error;
    pass.warnings.say(
      `${file.shown} is in the ledger but can't be moved away (${code}); let crmledger's user write to the spool, or set \`after: keep\``,
    );
  }
}

/** Where the file is once no link leads to it any more. */
async function withoutLink({ deps }: Pass, { path, link }: SpoolFile, read: ReadFile): Promise<string> {
  if (link === null) return path;
  await replaceLink(path, link, read);
  deps.failpoint("ingest.acknowledge.unlinked");
  return link;
}

async function takeGrowingFile(pass: Pass, file: SpoolFile, opened: OpenedFile): Promise<void> {
  const { deps, source, taker, warnings } = pass;
  await settle(pass);
  const taken = { counts: emptyCounts(file.shown), flat: file.format === "csv" };
  pass.files.push(taken);
  const before = pass.progress.get(opened.identity) ?? null;
  // A file that was archived and is back in the spool under its old name is an ordinary one again.
  const growing = {
    opened,
    path: file.path,
    format: file.format,
    taken,
    before: before && { ...before, archivedAtMs: null },
  };
  const end = await takeGrowing(deps, source, taker, warnings, growing);
  if (!end.complete || deps.dryRun || source.after === "keep") return;
  if (source.after === "delete") await deleteLater(pass, file, end.progress);
  else await archiveGrowing(pass, file, end.progress);
}

/**
 * Remembered under its new place first: after a crash in between it is found in the spool, by its identity. Where another run
 * was faster, it is remembered where that one put it.
 */
async function archiveGrowing(pass: Pass, file: SpoolFile, progress: FileProgress): Promise<void> {
  const { deps, spool, taker } = pass;
  const archivedAtMs = deps.clock.wallMs();
  await acknowledged(pass, file, async () => {
    const read = { identity: progress.identity };
    const from = await withoutLink(pass, file, read);
    const next = await nextArchivePath(spool, from, archivedAtMs);
    await taker.flush({ ...progress, path: next, archivedAtMs });
    const path = await archivePath(spool, from, archivedAtMs);
    deps.failpoint("ingest.acknowledge.reserved");
    if (path !== next) await taker.flush({ ...progress, path, archivedAtMs });
    if ((await moveFile(from, path, read)) === "moved") return;
    const other = await findFile(dirname(path), progress.identity);
    await taker.flush(other === null ? progress : { ...progress, path: other, archivedAtMs });
  });
}

async function deleteLater(pass: Pass, file: SpoolFile, progress: FileProgress): Promise<void> {
  const { deps, source } = pass;
  if (deps.clock.wallMs() - progress.unchangedSinceMs < COMPLETE_AFTER_MS + FOLLOWED_MS) return;
  const { identity, size, modifiedAtMs } = progress;
  await acknowledged(pass, file, async () => {
    // What was added since it was read is read by the next run.
    const read = { identity, size, modifiedAtMs };
    const moved = await deleteReadFile(await withoutLink(pass, file, read), read, deps.failpoint);
    if (moved !== "other") await deps.ledger.forgetFile(source.name, identity);
  });
}

/** Archived files that a writer still holds open are read on; what is gone or old is forgotten. */
async function followArchived(pass: Pass, known: readonly FileProgress[], seen: ReadonlySet<string>): Promise<void> {
  const { deps, source, taker, warnings } = pass;
  for (const before of known) {
    if (seen.has(before.identity) || deps.signal?.aborted || deps.dryRun) continue;
    const isOld = before.archivedAtMs === null || deps.clock.wallMs() - before.archivedAtMs > FOLLOWED_MS;
    const opened = isOld ? null : await openRegular(before.path);
    if (opened === null || !opened.ok) {
      // What can't be opened today may grow on.
      if (opened === null || opened.code === "ENOENT") await deps.ledger.forgetFile(source.name, before.identity);
      continue;
    }
    try {
      const { identity, size, modifiedAtMs } = opened.file;
      if (identity !== before.identity || (size === before.size && modifiedAtMs === before.modifiedAtMs)) continue;
      const isCsv = before.context?.includes('"columns"') === true;
      const taken = { counts: emptyCounts(before.path), flat: isCsv };
      pass.files.push(taken);
      const growing = {
        opened: opened.file,
        path: before.path,
        format: isCsv ? ("csv" as const) : ("jsonl" as const),
        taken,
        before,
      };
      await takeGrowing(deps, source, taker, warnings, growing);
    } finally {
      await opened.file.handle.close();
    }
  }
}

/** A failure of disk or folder, in the words of the contract. */
function ofThisMachine(error: unknown, source: SourceSettings): unknown {
  if (error instanceof CrmledgerError) return error;
  const code = errorCode(error);
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new CrmledgerError("diskFull", `the disk is full; source ${source.name} was not ingested to its end`, {
      hint: "Free some space and run again: what was committed is safe, the rest is still in its files.",
      cause: error,
    });
  }
  if (!/^E[A-Z]+$/.test(code)) return error;
  return new CrmledgerError("spoolUnreadable", `reading the spool of source ${source.name} failed (${code})`, {
    hint: "What was committed is safe, the rest is still in its files: mend it and run again.",
    cause: error,
  });
}
