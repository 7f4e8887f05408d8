/** Files that are one document: JSON, or a stored form post. Read whole, acknowledged once all of it is committed. */
import type { SourceSettings } from "../domain/settings.ts";
import { type ReadDocument, readFormDocument, readJsonDocument } from "../intake/document.ts";
import { DOCUMENT_BYTES_MAX } from "../intake/limits.ts";
import type { Row } from "../intake/row.ts";
import type { FileProgress } from "../ledger/rows.ts";
import { headOf, unchangedSince } from "./growing.ts";
import type { IngestDeps } from "./ingest.ts";
import { type OpenedFile, readHead } from "./open.ts";

/** Unchanged for so long, a file that does not parse will not parse any more. */
const BROKEN_AFTER_MS = 3_600_000;

export type DocumentRead =
  /** Rows to take; afterwards the file is done with. `isCut`: they hold its beginning only. */
  | { type: "rows"; rows: Row[]; isCut?: boolean }
  /** Not complete yet, as it seems: left alone until it is. */
  | { type: "wait"; reason: string };

/** Reads a document. One that does not parse waits until it was unchanged for an hour, and then is one reject. */
export async function readDocument(
  deps: IngestDeps,
  opened: OpenedFile,
  format: "json" | "form",
  before: FileProgress | null,
): Promise<DocumentRead> {
  if (opened.size > DOCUMENT_BYTES_MAX) {
    const head = Buffer.from(await readHead(opened.handle, 1024)).toString("utf8");
    return {
      type: "rows",
      isCut: true,
      rows: [
        faultRow(
          head,
          `it is ${opened.size} bytes long; ${DOCUMENT_BYTES_MAX} is the limit of a JSON file, JSONL has none`,
        ),
      ],
    };
  }
  const bytes = await readHead(opened.handle, opened.size);
  if (await isBeingWritten(opened)) return { type: "wait", reason: "it is being written" };
  // Empty is what a file is between its creation and the first write, also for a form, whose every text parses.
  const read: ReadDocument = format === "json" ? readJsonDocument(bytes) : await readFormDocument(bytes);
  if (read.parsed.ok && read.text.trim() !== "") return { type: "rows", rows: [rowOf(read)] };
  const nowMs = deps.clock.wallMs();
  const reason = read.parsed.ok ? "it is empty" : read.parsed.reason;
  if (nowMs - unchangedSince(opened, before, nowMs) < BROKEN_AFTER_MS) return { type: "wait", reason };
  return { type: "rows", rows: [faultRow(read.text, `${reason}, and unchanged for an hour`)] };
}

async function isBeingWritten(opened: OpenedFile): Promise<boolean> {
  const stat = await opened.handle.stat({ bigint: true });
  return Number(stat.size) !== opened.size || Number(stat.mtimeMs) !== opened.modifiedAtMs;
}

const place = { line: null, endOffset: 0, endLine: 0 };

/** The document as one row; its records are found and bounded as they are taken. */
export function rowOf(read: ReadDocument): Row {
  const { parsed, text: raw, guessed, uploads = 0 } = read;
  return { ...place, record: parsed.ok ? parsed.value : null, raw, guessed, uploads };
}

function faultRow(raw: string, fault: string): Row {
  return { ...place, fault, raw, guessed: false };
}

/** What is remembered of a document that stays where it is: a kept one, or one that does not parse yet. */
export async function documentProgress(
  source: SourceSettings,
  opened: OpenedFile,
  path: string,
  taken: boolean,
  before: FileProgress | null,
  nowMs: number,
): Promise<FileProgress> {
  return {
    ...{
      source: source.name,
      identity: opened.identity,
      path,
      offset: taken ? opened.size : 0,
      line: 0,
      size: opened.size,
    },
    modifiedAtMs: opened.modifiedAtMs,
    unchangedSinceMs: unchangedSince(opened, before, nowMs),
    head: await headOf(opened, 1024),
    context: null,
    archivedAtMs: null,
  };
}
