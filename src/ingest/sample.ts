/**
 * What a source's map makes of a file, for `check-source`: the records go the same way as in `import`, by the same taker,
 * against a ledger that knows nothing. Each is listened to on its way.
 */
import type { SourceSettings } from "../domain/settings.ts";
import type { Lane, SubmissionContent } from "../domain/submission.ts";
import { compileMapping, type Inspection, type Mapping } from "../intake/mapping.ts";
import { type TimeForm, timeFormOf } from "../intake/time.ts";
import { displayText, isAbsent } from "../intake/values.ts";
import type { IncomingReject, IncomingSubmission, IngestVerdict } from "../ledger/rows.ts";
import { rowsOfFile } from "./file-rows.ts";
import { formatOfName, isLeftAlone } from "./formats.ts";
import type { FileCounts, ImportOptions, IngestDeps } from "./ingest.ts";
import { openInput } from "./input.ts";
import { Findings, type FindingsReport } from "./sample-findings.ts";
import { emptyCounts, Taker } from "./taker.ts";
import { shownName, Warnings } from "./warnings.ts";

export interface SampledRecord {
  /** Line in the file, or position in a list of records; null for a file that is one record. */
  line: number | null;
  verdict: "submission" | "duplicate" | "conflict" | "history" | "skipped" | "rejected";
  /** Why it was rejected, or what it repeats. */
  reason: string | null;
  key: string | null;
  /** The key is a hash of the mapped record with its time. */
  hashed: boolean;
  submittedAtMs: number | null;
  /** What was read as the time, as text, and how. */
  time: { text: string; form: TimeForm | null } | null;
  lane: Lane | null;
  identityKeys: readonly string[];
  content: SubmissionContent | null;
}

export interface Sample extends FindingsReport {
  format: SourceSettings["format"];
  counts: FileCounts;
  /** The first ones. */
  records: SampledRecord[];
  /** Submissions whose key is a hash. */
  hashed: number;
  warnings: string[];
}

export interface SampleOptions extends Pick<ImportOptions, "file" | "stdin" | "format"> {
  /** Records to give; all are counted. */
  recordsMax: number;
  /** The file lies in the source's spool: exports of rejects are mended by import only. */
  spooled: boolean;
}

/**
 * Reads all of the file. `deps` must be a dry run with a ledger that is empty. Rejects with `inputUnreadable` and
 * `configInvalid` as an import would.
 */
export async function sampleFile(deps: IngestDeps, source: SourceSettings, options: SampleOptions): Promise<Sample> {
  const warnings = new Warnings();
  const mapping = await compileMapping(source, deps.phone);
  const listener = new Listener(mapping, options.recordsMax, (item) => warnOfPhone(item, warnings));
  const input = await openInput({ ...options, asNew: true, rejectsFile: null });
  try {
    const asked = options.format ?? (options.spooled ? formatInSpool(source, input.name, warnings) : null);
    // A spool takes any columns: records in which nothing is found are rejected one by one, and the right names suggested.
    const columnsOf = options.spooled ? { ...mapping, reads: [] } : mapping;
    const { format, rows } = await rowsOfFile(input, source, columnsOf, asked);
    const taker = new Taker(deps, source, listener.mapping, warnings, { mendsRejects: !options.spooled });
    listener.listen(taker);
    const file = { counts: emptyCounts(input.origin), flat: format === "csv" };
    for await (const row of rows()) {
      await taker.take(row, file);
      if (!taker.full) continue;
      await taker.flush(null);
      // A dry run keeps what it would take; nobody asks for it here, and the file may be long.
      taker.mapped.length = 0;
    }
    await taker.flush(null);
    if (file.counts.rows === 0) warnings.say(`${input.shown} holds no records`);
    return { format, counts: file.counts, ...listener.report(), warnings: warnings.list(isFinding) };
  } finally {
    await input.close();
  }
}

/** A spool goes by names, where an import looks into the file too. */
function formatInSpool(source: SourceSettings, name: string, warnings: Warnings): SourceSettings["format"] {
  const format = source.format ?? formatOfName(name);
  if (format === null || isLeftAlone(name)) {
    warnings.say(`sync leaves ${shownName(name)} alone: its name is none of .json, .jsonl, .ndjson, .csv, .form`);
  }
  return format;
}

/** A number without its country's code is kept as text, but nobody is recognised by it. */
function warnOfPhone({ content, origin }: IncomingSubmission, warnings: Warnings): void {
  const phone = content.person?.phone;
  if (phone === undefined || phone.startsWith("+")) return;
  warnings.count("phone", origin.line === null ? "this record" : `line ${origin.line}`, (count, first) => {
    const what = count === 1 ? "1 phone number is" : `${count} phone numbers are`;
    return `${what} kept as text and not matched (first in ${first}); the source's \`country\` makes numbers that are written nationally readable`;
  });
}

/** What the findings tell with more about it. */
const isFinding = (subject: string): boolean => /^(bad|unknown) /.test(subject);

const NOTHING: Omit<SampledRecord, "line" | "verdict"> = {
  ...{ reason: null, key: null, hashed: false, submittedAtMs: null, time: null, lane: null },
  ...{ identityKeys: [], content: null },
};

class Listener {
  /** The mapping, each inspection of which is remembered until the taker tells what became of the record. */
  readonly mapping: Mapping;
  readonly #findings: Findings;
  readonly #records: SampledRecord[] = [];
  readonly #max: number;
  readonly #onSubmission: (item: IncomingSubmission) => void;
  /** Submissions without their verdict yet, in their order; null for those that are not shown. */
  readonly #open: (SampledRecord | null)[] = [];
  readonly #lineOfKey = new Map<string, number | null>();
  #last: Inspection | null = null;
  #hashed = 0;

  constructor(mapping: Mapping, recordsMax: number, onSubmission: (item: IncomingSubmission) => void) {
    this.#max = recordsMax;
    this.#onSubmission = onSubmission;
    this.#findings = new Findings(mapping);
    this.mapping = {
      ...mapping,
      map: async (record, flat) => {
        const inspection = await mapping.inspect(record, flat);
        this.#last = inspection;
        await this.#findings.see(record, inspection);
        return inspection.mapped;
      },
    };
  }

  listen(taker: Taker): void {
    taker.onSkip = (line) => void this.#show({ ...NOTHING, line, verdict: "skipped" });
    taker.onReject = (reject) => this.#rejected(reject);
    taker.onSubmission = (item) => this.#submission(item);
    taker.onVerdict = (item, verdict) => this.#judged(item, verdict);
  }

  #show(record: SampledRecord): SampledRecord | null {
    this.#last = null;
    if (this.#records.length >= this.#max) return null;
    this.#records.push(record);
    return record;
  }

  #rejected({ reason, origin }: IncomingReject): void {
    this.#findings.rejected(reason, origin.line);
    const { content = null, submittedAtMs = null } = this.#last ?? {};
    this.#findings.badValues(content, origin.line);
    const found = { reason, content, submittedAtMs, time: timeOf(this.#last) };
    this.#show({ ...NOTHING, ...found, line: origin.line, verdict: "rejected" });
  }

  #submission(item: IncomingSubmission): void {
    const { key, submittedAtMs, lane, identityKeys, content, origin } = item;
    const hashed = this.#last?.id === null;
    if (hashed) this.#hashed += 1;
    this.#findings.badValues(content, origin.line);
    this.#onSubmission(item);
    const time = timeOf(this.#last);
    const found = { key, hashed, submittedAtMs, time, lane, identityKeys, content };
    this.#open.push(this.#show({ ...NOTHING, ...found, line: origin.line, verdict: "submission" }));
  }

  #judged({ key, origin }: IncomingSubmission, verdict: IngestVerdict): void {
    const record = this.#open.shift() ?? null;
    const before = this.#lineOfKey.get(key);
    if (before === undefined) this.#lineOfKey.set(key, origin.line);
    if (record === null) return;
    record.verdict = verdict.type === "new" ? "submission" : verdict.type;
    if (verdict.type === "duplicate" && verdict.repeats !== undefined) {
      record.reason = `person and content of ${verdict.repeats} within \`sameWithin\``;
    } else if (verdict.type === "duplicate" || verdict.type === "conflict") {
      const place = before == null ? "an earlier record" : `record ${before}`;
      record.reason = relationTo(place, verdict);
    }
  }

  report(): FindingsReport & Pick<Sample, "records" | "hashed"> {
    return { records: this.#records, hashed: this.#hashed, ...this.#findings.report() };
  }
}

function relationTo(place: string, verdict: IngestVerdict): string {
  if (verdict.type === "conflict") return `key of ${place}, but other content`;
  return "revision" in verdict && verdict.revision === "replaced"
    ? `newer content of ${place}, which it replaces`
    : `the same as ${place}`;
}

/** What the time was read from. */
function timeOf(inspection: Inspection | null): SampledRecord["time"] {
  const value = (inspection?.shape as { submittedAt?: unknown } | null | undefined)?.submittedAt;
  return isAbsent(value) ? null : { text: displayText(value), form: timeFormOf(value) };
}
