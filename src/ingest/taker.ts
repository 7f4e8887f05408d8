/** Takes rows into the ledger in chunks: mapped, keyed, counted, each chunk one transaction. */

import { canonicalJson, sha256 } from "../domain/json.ts";
import type { SourceSettings } from "../domain/settings.ts";
import type { SubmissionContent } from "../domain/submission.ts";
import { extraCellsFault } from "../intake/extra-cells.ts";
import { boundFault, jsonText, jsonTextOfAny } from "../intake/json-text.ts";
import { RECORD_BYTES_MAX } from "../intake/limits.ts";
import { isFlat, type MappedSubmission, type Mapping } from "../intake/mapping.ts";
import { type Unwrapped, unwrapReject } from "../intake/rejects-file.ts";
import type { Row } from "../intake/row.ts";
import type { CountedBatch } from "../ledger/accounts.ts";
import type { FileProgress, IncomingReject, IncomingSubmission, IngestVerdict, Now, Origin } from "../ledger/rows.ts";
import { fitted, RECORDS_AT_ONCE_MIN } from "./chunk-size.ts";
import { dryVerdicts, newDryRun } from "./dry-run.ts";
import type { FileCounts, IngestDeps } from "./ingest.ts";
import { knownReject } from "./known-reject.ts";
import { recallKnown } from "./recall.ts";
import type { RowColumns } from "./row-batch.ts";
import type { ShapeWatch } from "./shape-watch.ts";
import { warnOfForgotten, warnOfGuess, warnOfRepeat, warnOfRevision, warnOfValues } from "./taken-warnings.ts";
import type { Warnings } from "./warnings.ts";

const CHUNK_BYTES_MAX = 1024 * 1024;
const NOBODY = (): void => {};

export interface TakenFile {
  counts: FileCounts;
  /** Members of a record are named by dotted paths, as a CSV's columns are. */
  flat: boolean;
  /** It was taken before and is read once more: what is known of it is counted no second time. */
  again?: boolean;
}

interface Pending<T> {
  item: T;
  /** As it came; of a reject that could not be read null. */
  record: unknown;
  file: TakenFile;
  rejectId: string | null;
}

export function emptyCounts(file: string): FileCounts {
  return { file, rows: 0, new: 0, duplicate: 0, conflict: 0, skipped: 0, history: 0, rejected: 0 };
}

export class Taker {
  /** With `dryRun`: what would be new. */
  readonly mapped: IncomingSubmission[] = [];
  /** Told of each rejected record. */
  onReject: (reject: IncomingReject) => void = () => {};
  /** Told of each skipped record's line. */
  onSkip: (line: number | null) => void = () => {};
  /** Told of each submission as it is taken, and of the verdict at the end of its chunk, in the same order. */
  onSubmission: (item: IncomingSubmission) => void = () => {};
  onVerdict: (item: IncomingSubmission, verdict: IngestVerdict) => void = NOBODY;
  readonly #deps: IngestDeps;
  readonly #source: SourceSettings;
  readonly #mapping: Mapping;
  readonly #warnings: Warnings;
  readonly #mendsRejects: boolean;
  readonly #shape: ShapeWatch | null;
  readonly #seen = newDryRun();
  #submissions: Pending<IncomingSubmission>[] = [];
  #rejects: Pending<IncomingReject>[] = [];
  #skipped = 0;
  #bytes = 0;
  #chunkRecords = RECORDS_AT_ONCE_MIN;
  #comeAgain = false;

  /** `mendsRejects`: records of an export of rejects close their rejects. Not for spools, which strangers write to. */
  constructor(
    deps: IngestDeps,
    source: SourceSettings,
    mapping: Mapping,
    warnings: Warnings,
    options: { mendsRejects: boolean; shape?: ShapeWatch },
  ) {
    this.#mendsRejects = options.mendsRejects;
    this.#shape = options.shape ?? null;
    this.#deps = deps;
    this.#source = source;
    this.#mapping = mapping;
    this.#warnings = warnings;
  }

  get full(): boolean {
    return this.#submissions.length + this.#rejects.length >= this.#chunkRecords || this.#bytes >= CHUNK_BYTES_MAX;
  }

  /** Adds a row's records to the chunk. Nothing is written before `flush`. */
  async take(row: Row, file: TakenFile): Promise<void> {
    const shown = file.counts.file;
    if (row.guessed) warnOfGuess(this.#warnings, shown, row.line);
    if (row.uploads) {
      this.#warnings.count(
        "uploads",
        shown,
        (count, first) =>
          `${count} forms came with uploaded files: only their names are kept (first in ${first}); keep the spool's archive for what is in them`,
      );
    }
    if (row.fault !== undefined) return this.#reject(file, row.raw, sha256(row.raw), row.fault, row.line, null);
    const unwrapped: Unwrapped = this.#mendsRejects
      ? unwrapReject(row.record, file.flat)
      : { record: row.record, rejectId: null };
    if (unwrapped.rejectId !== null) {
      const fault = unwrapped.fault ?? extraCellsFault(unwrapped.record);
      // Kept as it was kept before, so that what comes back unmended is the reject that is known.
      const kept = unwrapped.text ?? jsonTextOfAny(unwrapped.record);
      if (fault !== null) return this.#reject(file, kept, sha256(kept), fault, row.line, unwrapped.rejectId);
      const mended = { ...file, flat: isFlat(unwrapped.record) };
      return this.#takeRecord(unwrapped.record, unwrapped.text ?? null, row.line, mended, unwrapped.rejectId);
    }
    if (file.flat) return this.#takeRecord(row.record, row.raw, row.line, file, null);
    const bound = Array.isArray(row.record) ? null : boundFault(row.record);
    if (bound !== null) return this.#reject(file, row.raw, sha256(row.raw), bound, row.line, null);
    const body = await this.#mapping.split(row.record);
    if (!body.ok) return this.#reject(file, row.raw, sha256(row.raw), body.reason, row.line, null);
    for (const [index, record] of body.records.entries()) {
      const line = row.line ?? (body.list ? index + 1 : null);
      await this.#takeRecord(record, body.list || row.line === null ? null : row.raw, line, file, null);
      // A row with many records is committed as it is taken; where its place is not, reading it again finds duplicates.
      if (this.full) await this.flush(null);
    }
  }

  /** Adds the row of `columns` at an index, which became a submission. */
  takeMapped(columns: RowColumns, at: number, file: TakenFile): void {
    const [contentText, line, raw] = [columns.content[at]!, columns.line[at]!, columns.raw[at]!];
    if (columns.guessed[at]) warnOfGuess(this.#warnings, file.counts.file, line);
    let content: SubmissionContent | null = null;
    const mapped: MappedSubmission & { contentText: string } = {
      type: "submission",
      key: columns.key[at]!,
      contentHash: columns.contentHash[at]!,
      contentText,
      // Most are only written, as text.
      get content() {
        content ??= JSON.parse(contentText) as SubmissionContent;
        return content;
      },
      submittedAtMs: columns.submittedAtMs[at]!,
      lane: columns.lane[at]!,
      identityKeys: JSON.parse(columns.identityKeys[at]!) as string[],
      unknown: columns.unknown[at]!,
    };
    const hasWarnings = columns.hasBadValues[at] === true || mapped.unknown.length > 0;
    this.#submit(mapped, null, raw, columns.rawHash[at]!, { file: file.counts.file, line }, file, null, hasWarnings);
  }

  /** Adds what was counted as a row before, and turned out to need a look of its own. */
  retake(item: IncomingSubmission, file: TakenFile): void {
    const { sameWithinMs, revisions } = this.#source;
    if (sameWithinMs !== null) item.sameWithinMs = sameWithinMs;
    if (revisions === "update") item.revisions = revisions;
    this.#submissions.push({ item, record: null, file, rejectId: null });
  }

  async #takeRecord(
    record: unknown,
    text: string | null,
    line: number | null,
    file: TakenFile,
    rejectId: string | null,
  ): Promise<void> {
    const bound = boundFault(record);
    if (bound !== null) {
      const kept = text ?? jsonTextOfAny(record);
      return this.#reject(file, kept, sha256(kept), bound, line, rejectId);
    }
    const rawHash = sha256(canonicalJson(record));
    const raw = text ?? jsonText(record);
    const bytes = Buffer.byteLength(raw);
    if (bytes > RECORD_BYTES_MAX) {
      const reason = `it is ${bytes} bytes long; ${RECORD_BYTES_MAX} (1 MiB) is the limit of a record`;
      return this.#reject(file, raw, rawHash, reason, line, rejectId);
    }
    const mapped = await this.#mapping.map(record, file.flat);
    if (mapped.type === "skipped") {
      file.counts.rows += 1;
      file.counts.skipped += 1;
      if (!file.again) this.#skipped += 1;
      this.onSkip(line);
    } else if (mapped.type === "reject") {
      this.#reject(file, raw, rawHash, mapped.reason, line, rejectId, record);
    } else {
      this.#submit(mapped, record, raw, rawHash, { file: file.counts.file, line }, file, rejectId);
    }
  }

  #submit(
    mapped: MappedSubmission & { contentText?: string },
    record: unknown,
    raw: string,
    rawHash: string,
    origin: Origin,
    file: TakenFile,
    rejectId: string | null,
    hasWarnings = true,
  ): void {
    const source = this.#source;
    const { key, contentHash, contentText, submittedAtMs, identityKeys } = mapped;
    const history = source.sendFromMs !== null && submittedAtMs !== null && submittedAtMs < source.sendFromMs;
    const item: IncomingSubmission = {
      ...{ source: source.name, key, rawHash, contentHash, raw, submittedAtMs, identityKeys, origin, history },
      get content() {
        return mapped.content;
      },
      lane: mapped.lane ?? source.lane,
      targetMs: source.targetMs,
    };
    if (contentText !== undefined) item.contentText = contentText;
    if (source.sameWithinMs !== null) item.sameWithinMs = source.sameWithinMs;
    if (source.revisions === "update") item.revisions = source.revisions;
    if (this.#deps.wanted?.(item) === false) return;
    this.#submissions.push({ item, record, file, rejectId });
    this.onSubmission(item);
    this.#bytes += raw.length;
    file.counts.rows += 1;
    if (hasWarnings) warnOfValues(this.#warnings, mapped.content, mapped.unknown, origin);
  }

  #reject(
    file: TakenFile,
    raw: string,
    rawHash: string,
    reason: string,
    line: number | null,
    rejectId: string | null,
    record: unknown = null,
  ): void {
    const item = { source: this.#source.name, rawHash, raw, reason, origin: { file: file.counts.file, line } };
    this.#rejects.push({ item, record, file, rejectId });
    this.onReject(item);
    this.#bytes += raw.length;
    file.counts.rows += 1;
  }

  /** Commits the chunk together with how far its file was read. */
  async flush(progress: FileProgress | null): Promise<void> {
    const submissions = this.#submissions;
    const rejects = this.#rejects;
    this.#submissions = [];
    this.#rejects = [];
    this.#bytes = 0;
    const skipped = { source: this.#source.name, records: this.#skipped };
    this.#skipped = 0;
    const isEmpty = submissions.length === 0 && rejects.length === 0 && (skipped.records === 0 || this.#deps.dryRun);
    if (isEmpty && (progress === null || this.#deps.dryRun)) return;
    const known = await recallKnown(
      this.#deps.ledger,
      this.#mapping,
      this.#source.name,
      await this.#toRecall(submissions.map(({ item }) => item)),
      this.#now().wallMs,
    );
    if (this.#deps.dryRun) {
      const items = submissions.map(({ item }) => item);
      const now = this.#now();
      const repeated = this.#source.sameWithinMs === null ? [] : await this.#deps.ledger.findRepeated(items, now);
      const verdicts = dryVerdicts(
        items,
        await this.#deps.ledger.findKnown(items),
        known,
        repeated,
        this.#seen,
        now.wallMs,
      );
      this.#count(submissions, verdicts);
      const isPlanned = (verdict?: IngestVerdict): boolean => verdict?.type === "new" && verdict.revision !== true;
      this.mapped.push(...submissions.filter((_, index) => isPlanned(verdicts[index])).map(({ item }) => item));
      for (const { file } of rejects) file.counts.rejected += 1;
      return;
    }
    await this.#commit(submissions, await this.#withoutKnown(rejects), skipped, progress);
  }

  /**
   * Where records come again, those that are known by their raw text need no look at what is kept: they are duplicates whatever
   * it is. A listener is told the key that recalling gives.
   */
  async #toRecall(items: IncomingSubmission[]): Promise<IncomingSubmission[]> {
    if (!this.#comeAgain || this.onVerdict !== NOBODY) return items;
    const hashes = items.map(({ rawHash }) => rawHash);
    const known = await this.#deps.ledger.knownRaw(this.#source.name, hashes);
    return items.filter(({ rawHash }) => !known.has(rawHash));
  }

  /** Rejects that are none of those that are open already. The others are counted and stay as they are. */
  async #withoutKnown(rejects: Pending<IncomingReject>[]): Promise<Pending<IncomingReject>[]> {
    const fresh: Pending<IncomingReject>[] = [];
    for (const reject of rejects) {
      const known = await knownReject(this.#deps.ledger, reject.rejectId, reject.item);
      if (known === null) fresh.push(reject);
      else reject.file.counts[known === "same" ? "duplicate" : "rejected"] += 1;
    }
    return fresh;
  }

  async #commit(
    submissions: Pending<IncomingSubmission>[],
    rejects: Pending<IncomingReject>[],
    skipped: CountedBatch["skipped"],
    progress: FileProgress | null,
  ): Promise<void> {
    const { ledger, runId, failpoint } = this.#deps;
    const now = this.#now();
    const closesRejects = submissions.flatMap(({ rejectId }, byIndex) =>
      rejectId === null ? [] : [{ rejectId, byIndex }],
    );
    const batch = { submissions: submissions.map(({ item }) => item), rejects: rejects.map(({ item }) => item) };
    const again = [
      ...submissions.filter(({ file }) => file.again),
      ...rejects.filter((one) => one.file.again || one.rejectId),
    ];
    const rereads = new Set(again.map(({ item }) => item.rawHash));
    failpoint("ingest.commit.before");
    const result = await ledger.ingest({ runId, ...batch, progress, closesRejects, skipped, rereads }, now);
    const records = submissions.length + rejects.length;
    this.#chunkRecords = fitted(this.#chunkRecords, records, this.#now().monoMs - now.monoMs);
    failpoint("ingest.commit.after");
    this.#count(submissions, result.verdicts);
    await this.#countMembers(submissions, result.verdicts, rejects.slice(0, result.rejected));
    // A known reject is not kept twice; which of the chunk's were known the ledger does not tell, and need not.
    rejects.forEach(({ file }, index) => {
      if (index < result.rejected) file.counts.rejected += 1;
      else file.counts.duplicate += 1;
    });
  }

  /** Of records that came for the first time; of those that were refused too: a shape that changed is a likely reason. */
  async #countMembers(
    submissions: Pending<IncomingSubmission>[],
    verdicts: readonly IngestVerdict[],
    rejects: readonly Pending<IncomingReject>[],
  ): Promise<void> {
    if (this.#shape === null) return;
    const taken = submissions.filter((_, index) => verdicts[index]?.type === "new");
    const came = [
      ...taken.map(({ record, file, item }) => ({ record, file, key: item.key })),
      ...rejects.map(({ record, file }) => ({ record, file, key: null })),
    ];
    for (const flat of [false, true])
      await this.#shape.count(
        flat,
        came.filter(({ file }) => file.flat === flat),
      );
  }

  #now(): Now {
    const { clock } = this.#deps;
    return { wallMs: clock.wallMs(), monoMs: clock.monoMs(), bootId: clock.bootId };
  }

  #count(submissions: Pending<IncomingSubmission>[], verdicts: readonly IngestVerdict[]): void {
    verdicts.forEach((verdict, index) => {
      const pending = submissions[index] as Pending<IncomingSubmission>;
      pending.file.counts[verdict.type] += 1;
      this.onVerdict(pending.item, verdict);
      if ("revision" in verdict && verdict.revision !== undefined)
        warnOfRevision(this.#warnings, pending.item, verdict.revision === true ? "new" : verdict.revision);
      if (verdict.type !== "duplicate") return;
      this.#comeAgain = true;
      if (verdict.forgotten) warnOfForgotten(this.#warnings, pending.item.source);
      if (verdict.repeats !== undefined) warnOfRepeat(this.#warnings, pending.item, verdict.repeats);
      if (verdict.otherSource === null) return;
      const other = verdict.otherSource;
      this.#warnings.count(`other ${other}`, "", (count) =>
        count === 1
          ? `1 record is a duplicate: source ${other} has it under the same id`
          : `${count} records are duplicates: source ${other} has them under the same ids`,
      );
    });
  }
}
