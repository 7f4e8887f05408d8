/** Goes through what SQL found of a check, page by page, and writes down what each difference is. */
import type { Entity } from "../domain/catalog.ts";
import type { CrmId, SubmissionId } from "../domain/ids.ts";
import type { CheckRow, CheckScope, ExtraRecord, FoundDiscrepancy, Page } from "../ledger/checks.ts";
import { confirmGroup } from "./confirm-group.ts";
import { LOOKED_AT_MAX, withHanging } from "./hanging.ts";
import { judgeGroup } from "./judge-identity.ts";
import { judgeNotIngested, judgeReject, judgeUnfinished } from "./judge-queue.ts";
import { type JudgeContext, judgeDrift, judgeExtra, judgeLink, judgeLost, splitStamp } from "./judge-records.ts";
import type { NotIngested, ReconcileDeps } from "./reconcile.ts";

/** Rows of a page of facts, and of a transaction. */
const ROWS_MAX = 200;

type Named = FoundDiscrepancy | null;

/** What it holds in memory grows with what differs, not with what there is. */
export class Judging {
  /** Submissions that something was found of, and those that wait with time left. */
  readonly #concerned = new Set<SubmissionId>();
  #inTime = 0;
  /** Duplicates of which it was asked what hangs on each. */
  #lookedAt = 0;
  /** Records that were said to be doubles or copies. */
  readonly #said = new Set<CrmId>();
  readonly #context: JudgeContext;
  readonly #deps: ReconcileDeps;
  readonly #check: CheckRow;

  constructor(deps: ReconcileDeps, check: CheckRow) {
    this.#deps = deps;
    this.#check = check;
    this.#context = { nowMs: deps.clock.wallMs(), lost: new Map(), quietMs: deps.quietMs };
  }

  /** Submissions that are not in the CRM just as they were sent. */
  get unmatched(): number {
    return this.#concerned.size + this.#inTime;
  }

  /**
   * Lost records come first: a link to one that was merged or deleted is said there, and so is a stamp that a survivor took
   * over.
   */
  async records(): Promise<void> {
    const { ledger } = this.#deps;
    const { id, scope } = this.#check;
    const context = this.#context;
    await this.#each(
      (after, limit) => ledger.lostRecords(id, after, limit),
      (row) => judgeLost(row, context),
    );
    await this.#each(
      (after, limit) => ledger.extraRecords(id, after, limit),
      (row) => this.#extra(row, scope),
    );
    await this.#each(
      (after, limit) => ledger.driftedRecords(id, after, limit),
      (row) => judgeDrift(row, context),
    );
    await this.#each(
      (after, limit) => ledger.mislinkedDeals(id, after, limit),
      (row) => judgeLink(row, context),
    );
  }

  #extra(row: ExtraRecord, scope: CheckScope): Named {
    const found = inScope(row.sighting, row.submission, scope) ? judgeExtra(row, this.#context) : null;
    if (found && found.kind !== "not-in-ledger") this.#said.add(row.sighting.crmId);
    return found;
  }

  /** `walked`: entities whose lists were read whole, so that the mirror's rows are what is there. */
  async identities(walked: ReadonlySet<Entity>): Promise<void> {
    const { ledger } = this.#deps;
    for (const entity of ["person", "organization"] as const) {
      await this.#each(
        (after, limit) => ledger.identityGroups(this.#check.id, entity, after, limit),
        async (row) => {
          const group = walked.has(entity) ? row : await confirmGroup(this.#deps, entity, row);
          return judgeGroup(group, entity, this.#said, this.#context.nowMs);
        },
      );
    }
  }

  async queue(notIngested: readonly NotIngested[]): Promise<void> {
    const { ledger } = this.#deps;
    const { scope } = this.#check;
    const { nowMs } = this.#context;
    await this.#each(
      (after, limit) => ledger.unfinished(scope, after, limit),
      (row) => {
        const found = judgeUnfinished(row, this.#context);
        if (found === null && !this.#concerned.has(row.submissionId)) this.#inTime += 1;
        return found;
      },
    );
    await this.#each((after, limit) => ledger.openRejects(scope, after, limit), judgeReject);
    for (let from = 0; from < notIngested.length; from += ROWS_MAX) {
      await this.#save(notIngested.slice(from, from + ROWS_MAX).map((row) => judgeNotIngested(row, nowMs)));
    }
  }

  async #each<T>(
    load: (after: string | null, limit: number) => Promise<Page<T>>,
    name: (row: T) => Named | Promise<Named>,
  ): Promise<void> {
    let after: string | null = null;
    do {
      const page: Page<T> = await load(after, ROWS_MAX);
      const found: Named[] = [];
      for (const row of page.rows) found.push(await name(row));
      await this.#save(found);
      after = page.next;
      // A ledger that answers at once would keep signals and everything else waiting until the end.
      await this.#deps.clock.sleep(0);
    } while (after !== null);
  }

  async #save(found: readonly Named[]): Promise<void> {
    const rows: FoundDiscrepancy[] = [];
    for (const each of found) {
      if (each === null) continue;
      const isDuplicate = each.repair === "merge" && this.#lookedAt < LOOKED_AT_MAX;
      if (isDuplicate) this.#lookedAt += 1;
      rows.push(isDuplicate ? await withHanging(this.#deps, each) : each);
    }
    for (const row of rows) if (row.submissionId !== null) this.#concerned.add(row.submissionId);
    if (rows.length === 0) return;
    await this.#deps.ledger.saveDiscrepancies(this.#check.id, rows, this.#deps.clock.wallMs());
  }
}

/** Of a record whose submission the ledger doesn't know, stamp and age say whether it is meant. */
function inScope(
  sighting: { stamp: string | null; createdAtMs: number | null },
  submission: { source: string; submittedAtMs: number } | null,
  { source, sinceMs, untilMs }: CheckScope,
): boolean {
  const named = submission?.source ?? (sighting.stamp === null ? null : splitStamp(sighting.stamp).source);
  const at = submission?.submittedAtMs ?? sighting.createdAtMs;
  if (source !== null && named !== source) return false;
  return at === null || ((sinceMs === null || at >= sinceMs) && (untilMs === null || at < untilMs));
}
