/** The rows of a large file that nobody knows, taken in by the ledger's own way for very many: see `Ledger.arrive`. */
import type { SourceSettings } from "../domain/settings.ts";
import type { ArrivingRecords } from "../ledger/arriving.ts";
import type { Now } from "../ledger/rows.ts";
import { fitted, RECORDS_AT_ONCE_MIN } from "./chunk-size.ts";
import type { IngestDeps } from "./ingest.ts";
import type { RowBatch, RowColumns } from "./row-batch.ts";
import { warnOfGuess, warnOfValues } from "./taken-warnings.ts";
import type { TakenFile, Taker } from "./taker.ts";
import type { Warnings } from "./warnings.ts";

/** So many records in a row that nobody knew, before the next are taken for such too. */
const STRANGERS_MIN = 1_000;
/** For each piece that arrives: so that what arrived before is let in a little faster, and both threads have work all the time. */
const PIECES_ADMITTED = 4;

/** Between transactions that held the write lock for so long together, so that others come in: who waits looks twice in that time. */
const PAUSE_MS = 1;
const HELD_MS_MAX = 12;

export class LargeFile {
  readonly #deps: IngestDeps;
  readonly #source: SourceSettings;
  readonly #taker: Taker;
  readonly #taken: TakenFile;
  readonly #warnings: Warnings;
  readonly #isFit: boolean;
  #known = 0;
  #freshBefore = 0;
  #arriving: ArrivingRecords[] = [];
  #records = 0;
  #atOnce = RECORDS_AT_ONCE_MIN;
  #isAdmitting = false;
  #heldMs = 0;
  #pieces = 0;

  /** `taker` takes what needs a look of its own. */
  constructor(deps: IngestDeps, source: SourceSettings, taker: Taker, taken: TakenFile, warnings: Warnings) {
    this.#deps = deps;
    this.#source = source;
    this.#taker = taker;
    this.#taken = taken;
    this.#warnings = warnings;
    // Whoever wants to see each record, or compares with what its person sent, looks at each by itself.
    this.#isFit =
      !deps.dryRun && deps.wanted === undefined && deps.onVerdict === undefined && source.sameWithinMs === null;
  }

  /** Whether these rows should come in here: those before them were all new. */
  isOpenTo({ isOrdinary }: RowBatch): boolean {
    if (!this.#isFit || isOrdinary) return false;
    const { new: fresh, history, duplicate, conflict } = this.#taken.counts;
    if (duplicate + conflict !== this.#known) {
      this.#known = duplicate + conflict;
      this.#freshBefore = fresh + history;
    }
    return fresh + history + this.#records - this.#freshBefore >= STRANGERS_MIN;
  }

  async take(columns: RowColumns): Promise<void> {
    const { counts } = this.#taken;
    const { name, lane, sendFromMs, targetMs } = this.#source;
    const { key, contentHash, content, submittedAtMs, identityKeys, line, raw, rawHash } = columns;
    this.#warn(columns);
    this.#arriving.push({
      ...{ runId: this.#deps.runId, source: name, targetMs, file: counts.file },
      ...{ key, contentHash, content, submittedAtMs, identityKeys, line, raw, rawHash },
      lane: columns.lane.map((own) => own ?? lane),
      history: submittedAtMs.map((at) => sendFromMs !== null && at !== null && at < sendFromMs),
    });
    counts.rows += key.length;
    this.#records += key.length;
    if (this.#records < this.#atOnce) return;
    await this.#arrive();
    this.#pieces += PIECES_ADMITTED;
    for (; this.#pieces >= 1; this.#pieces -= 1) if (!(await this.#admit(false))) this.#pieces = 1;
  }

  /** All that was taken is let in. */
  async end(): Promise<void> {
    if (this.#records > 0) await this.#arrive();
    while (this.#isAdmitting) await this.#admit(true);
  }

  #warn({ guessed, hasBadValues, unknown, line, content }: RowColumns): void {
    const { file } = this.#taken.counts;
    for (let at = 0; at < line.length; at += 1) {
      if (guessed[at]) warnOfGuess(this.#warnings, file, line[at]!);
      if (hasBadValues[at] === true || unknown[at]!.length > 0)
        warnOfValues(this.#warnings, JSON.parse(content[at]!), unknown[at]!, { file, line: line[at]! });
    }
  }

  async #arrive(): Promise<void> {
    const now = this.#now();
    const records = this.#records;
    const arriving = this.#arriving;
    this.#arriving = [];
    this.#records = 0;
    this.#isAdmitting = true;
    await this.#deps.ledger.arrive(arriving, now);
    this.#fit(records, now);
  }

  /** One piece; false where there is none yet, or no more. */
  async #admit(whole: boolean): Promise<boolean> {
    const { ledger, runId } = this.#deps;
    const { counts } = this.#taken;
    const now = this.#now();
    const admitted = await ledger.admit(runId, this.#source.name, this.#atOnce, { whole }, now);
    this.#fit(admitted.new + admitted.history, now);
    await ledger.makeRoom();
    await this.#letOthersIn(admitted.wasFree === true);
    counts.new += admitted.new;
    counts.history += admitted.history;
    for (const item of admitted.contested) this.#taker.retake(item, this.#taken);
    if (admitted.contested.length > 0) await this.#taker.flush(null);
    if (whole && !admitted.more) this.#isAdmitting = false;
    return admitted.more;
  }

  #fit(records: number, { monoMs }: Now): void {
    const tookMs = this.#deps.clock.monoMs() - monoMs;
    this.#atOnce = fitted(this.#atOnce, records, tookMs);
    this.#heldMs += tookMs;
  }

  /** Whoever waits for the lock finds it free now. */
  async #letOthersIn(wasFree: boolean): Promise<void> {
    if (!wasFree && this.#heldMs < HELD_MS_MAX) return;
    if (!wasFree) await this.#deps.clock.sleep(PAUSE_MS);
    this.#heldMs = 0;
  }

  #now(): Now {
    const { clock } = this.#deps;
    return { wallMs: clock.wallMs(), monoMs: clock.monoMs(), bootId: clock.bootId };
  }
}
