/**
 * The ingest contract: pulls records from spools, files and standard input, maps and keys them (room `intake`), records
 * them in the ledger, and only then acknowledges the file.
 */
import type { Clock } from "../domain/clock.ts";
import type { PhoneNormalizer } from "../domain/identity.ts";
import type { RunId } from "../domain/ids.ts";
import type { SourceSettings } from "../domain/settings.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { IncomingSubmission, IngestVerdict } from "../ledger/rows.ts";
import type { IngestFailpoint } from "./failpoints.ts";
import type { MapRows } from "./mapped-rows.ts";

export interface IngestDeps {
  ledger: Ledger;
  clock: Clock;
  phone: PhoneNormalizer;
  runId: RunId;
  failpoint: IngestFailpoint;
  /** Called after each committed chunk. */
  progress?: (state: { file: string; records: number; bytes: number; bytesTotal: number | null }) => void;
  signal?: AbortSignal;
  /** Of an import: told of each submission of the file with its verdict, of those too that are known. */
  onVerdict?: (item: IncomingSubmission, verdict: IngestVerdict) => void;
  /** False: this submission is left where it is, neither taken nor counted. Absent: all are wanted. */
  wanted?: (item: IncomingSubmission) => boolean;
  /** Maps a CSV of an import in another thread, from so many bytes on. Absent: all is done in this one. */
  mapRows?: { bytesMin: number; start: MapRows };
  /** Nothing is written: verdicts are computed against the ledger, and `mapped` is filled. */
  dryRun: boolean;
}

export interface FileCounts {
  file: string;
  /** Records read. */
  rows: number;
  new: number;
  duplicate: number;
  conflict: number;
  skipped: number;
  history: number;
  rejected: number;
}

export interface IngestReport {
  files: FileCounts[];
  /** Talk for people: links skipped, encodings guessed, duplicates of other sources by name, bad values by field. */
  warnings: string[];
  /** With `dryRun`: what would be new. */
  mapped: IncomingSubmission[];
  /** Files of a spool whose writer lets nobody else read them: what is in them waits until somebody acts. */
  unreadable?: string[];
  /** Files of a spool that were left where they are, since they look like an export that was taken already or is history. */
  refused?: RefusedFile[];
}

export interface RefusedFile {
  file: string;
  message: string;
  hint: string;
}

/** Reads everything that a source's spool has now. A spool that can't be read rejects with `spoolUnreadable`. */
export type IngestSource = (deps: IngestDeps, source: SourceSettings) => Promise<IngestReport>;

export interface ImportOptions {
  /** Path, or `-` for standard input. */
  file: string;
  stdin?: AsyncIterable<Uint8Array>;
  format: SourceSettings["format"];
  /** Take the records of a file that looks like a re-export. */
  asNew: boolean;
  /** Rejected records of this file are also written here, in the shape that can be imported again. */
  rejectsFile: string | null;
  /** All sources of the config: a mended reject is taken by the source that it came from. Absent: by the one of the import. */
  sources?: readonly SourceSettings[];
}

/** Imports one file. A file that is missing or is not what it claims to be rejects with `inputUnreadable`. */
export type ImportFile = (
  deps: IngestDeps,
  source: SourceSettings,
  options: ImportOptions,
) => Promise<IngestReport & { rejectsFile: string | null }>;
