/**
 * Makes submissions of what has arrived, piece by piece, so that the write lock is never held for long. First what finds them
 * is written in its own order, so that a page is written once for all that it takes and not once for each; then the submissions, in
 * theirs. Until then nobody but `admitNamed` looks behind what finds them.
 */
import { CrmledgerError } from "../../domain/errors.ts";
import type { SubmissionContent } from "../../domain/submission.ts";
import type { AdmitOptions, Admitted, ArrivingRecords } from "../arriving.ts";
import { HELD_BACK_UNTIL_MS, type IncomingSubmission, type Now } from "../rows.ts";
import { Arrivals } from "./arrivals.ts";
import { arriveTogether, LEFT, SUBMISSION_OF, UNKEY, UNNAME } from "./arrive.ts";
import { addToCounter } from "./counters.ts";
import type { Store } from "./store.ts";

/**
 * Arrived records that become submissions together. The more, the fewer pages, where there are many already that these are sorted
 * in among; and the more is lost where the import dies, and the more memory sorting takes.
 */
const TOGETHER_MIN = 2_000;
const TOGETHER_MAX = 56_000;
const KNOWN_A_RECORD = 5;
const LAST_ID = "SELECT max(id) AS last FROM submissions";
/** Entries that find submissions cost less than submissions do. */
const ENTRIES_A_RECORD = 2;

type Phase = "names" | "raws" | "keys" | "rows" | "contested";
const NEXT: Readonly<Record<Phase, Phase>> = {
  names: "raws",
  raws: "keys",
  keys: "rows",
  rows: "contested",
  contested: "contested",
};

interface Work {
  scope: { run: number; source: string; upTo: number };
  phase: Phase;
  /** Of what is sorted, or the id, up to which the phase is done. */
  done: number;
  /** Sorted entries; null before the phase has begun. */
  sorted: number | null;
  /** As options have it. */
  oldBeforeMs: number;
  isHeld: boolean;
  /** So many arrived at the most. */
  arrived: number;
}

const ARRIVES = "INSERT OR IGNORE INTO arriving_runs (run_id) VALUES (?)";
const APART =
  'SELECT new_apart AS "new", history_apart AS history, old_apart AS old FROM arriving_runs WHERE run_id = ?';
const TOLD = "UPDATE arriving_runs SET new_apart = 0, history_apart = 0, old_apart = 0 WHERE run_id = ?";
const OLD_BEFORE = "UPDATE arriving_runs SET old_before_ms = @beforeMs WHERE run_id = @run";

type Apart = Pick<Admitted, "new" | "history" | "old">;

const OF_SOURCE = "run_id = @run AND source = @source";
const SCOPE = `${OF_SOURCE} AND id <= @upTo`;
const FREE = `${SCOPE} AND contested = 0`;
const LAST = "SELECT max(id) AS last FROM arriving WHERE run_id = ? AND source = ?";

const TEMPORARY = `CREATE TEMP TABLE IF NOT EXISTS sorted (text TEXT, open INTEGER, at_ms INTEGER, id INTEGER)`;
const SORT = {
  // Of all, so that of records with the same key the first is judged first.
  names: `INSERT INTO temp.sorted (text, id) SELECT key, id FROM arriving WHERE ${SCOPE} ORDER BY key, id`,
  raws: `INSERT INTO temp.sorted (text, id) SELECT raw_hash, id FROM arriving WHERE ${FREE} ORDER BY raw_hash, id`,
  keys: `INSERT INTO temp.sorted (text, open, at_ms, id)
    SELECT value, state = 'pending' AND NOT (@held AND submitted_at_ms < @beforeMs), submitted_at_ms, a.id
    FROM arriving a, json_each(a.identity_keys) WHERE ${FREE.replace("AND id <=", "AND a.id <=")} ORDER BY 1, 2, 3, 4`,
};
const PIECE = "rowid > @from AND rowid <= @to";
const ENTER = {
  names: `INSERT OR IGNORE INTO submission_names (key, source, submission_id)
    SELECT text, @source, id FROM temp.sorted WHERE ${PIECE}`,
  raws: `INSERT OR IGNORE INTO raw_hashes (source, raw_hash, submission_id)
    SELECT @source, text, id FROM temp.sorted WHERE ${PIECE}`,
  keys: `INSERT OR IGNORE INTO submission_keys (key, open, submitted_at_ms, submission_id)
    SELECT text, open, at_ms, id FROM temp.sorted WHERE ${PIECE}`,
};
/** What others let in meanwhile may have been changed since. */
const STILL_ARRIVES = "AND EXISTS (SELECT 1 FROM arriving WHERE arriving.id = sorted.id)";
/** Somebody else has it: an earlier record of the file, or one that is known, of another source too where that has the key. */
const TAKEN = {
  names: `SELECT id FROM temp.sorted WHERE ${PIECE}
    AND EXISTS (SELECT 1 FROM submission_names WHERE key = text AND submission_id <> sorted.id)`,
  raws: `SELECT id FROM temp.sorted WHERE ${PIECE}
    AND EXISTS (SELECT 1 FROM raw_hashes WHERE source = @source AND raw_hash = text AND submission_id <> sorted.id)`,
};
const CONTEST = "UPDATE arriving SET contested = 1 WHERE id = @id";

const OLD = `SELECT count(*) AS n FROM arriving WHERE ${FREE} AND state = 'pending' AND submitted_at_ms < @beforeMs`;

const IS_HELD = "(state = 'pending' AND @held AND submitted_at_ms < @beforeMs)";
const ROWS_FIRST = `SELECT min(id) AS id FROM arriving WHERE ${FREE}`;
/** With one upper bound: of two SQLite may look for the wrong one. */
const ROWS = `${OF_SOURCE} AND contested = 0 AND id > @from AND id <= @to`;
const ROW_COUNTS = `
  SELECT lane, target_ms AS targetMs, iif(${IS_HELD}, 'waiting', state) AS state,
    state = 'pending' AND submitted_at_ms < @beforeMs AS old, count(*) AS n
  FROM arriving WHERE ${ROWS} GROUP BY 1, 2, 3, 4`;
const ADMIT = `${SUBMISSION_OF(`iif(${IS_HELD}, 'waiting', state)`, `iif(${IS_HELD}, ${HELD_BACK_UNTIL_MS}, @nowMs)`, 2)}
  WHERE ${ROWS} ORDER BY id`;
const HELD = `INSERT INTO waits (submission_id, at_ms, kind, until_ms, detail)
  SELECT id, @nowMs, 'backfill', NULL, @detail FROM arriving WHERE ${ROWS} AND ${IS_HELD}`;
const GONE = `DELETE FROM arriving WHERE ${ROWS}`;

const CONTESTED = `
  SELECT id, source, key, state, lane, submitted_at_ms AS submittedAtMs, target_ms AS targetMs, file, line,
    raw_hash AS rawHash, content_hash AS contentHash, identity_keys AS keys, content, raw
  FROM arriving WHERE ${SCOPE} AND contested = 1 ORDER BY id LIMIT @limit`;

const ALL_IN =
  "DELETE FROM arriving_runs WHERE run_id = @run AND NOT EXISTS (SELECT 1 FROM arriving WHERE run_id = @run)";

const nothing = (more: boolean): Admitted => ({
  more,
  new: 0,
  heldBack: 0,
  history: 0,
  old: 0,
  apart: 0,
  contested: [],
});

/** What is in the middle of becoming submissions, of one connection. */
export class Admission {
  readonly #store: Store;
  /** Those that arrived by this connection. */
  readonly #runs = new Set<number>();
  #arrived = 0;
  #work: Work | null = null;

  constructor(store: Store) {
    this.#store = store;
  }

  arrive(parts: readonly ArrivingRecords[], now: Now): void {
    const store = this.#store;
    const runs = new Set(parts.map(({ runId }) => runId));
    store.writeUnsynced(() => {
      for (const run of runs)
        if (this.#runs.has(run)) this.#apart(run);
        else store.run(ARRIVES, run);
      for (const part of parts) arriveTogether(store, part, now);
    });
    for (const run of runs) this.#runs.add(run);
    for (const { key } of parts) this.#arrived += key.length;
  }

  /** What others let in of a run that has not ended. */
  #apart(run: number): Apart {
    const apart = this.#store.one<Apart>(APART, run);
    if (apart === undefined)
      throw new CrmledgerError("ledgerLocked", "This import was taken for dead, and ended by another process", {
        hint: "What it had half-way in was taken back. Import the file once more: what is in already is a duplicate then.",
      });
    return apart;
  }

  /** One piece of about `records` records. */
  admit(run: number, source: string, records: number, options: AdmitOptions, now: Now): Admitted {
    this.#work ??= this.#begin(run, source, options);
    const work = this.#work;
    if (work === null) return nothing(false);
    if (work.phase === "contested") return this.#giveContested(work, records, options);
    if (work.phase === "rows") return this.#admitRows(work, records, options, now);
    const isSorting = work.sorted === null;
    if (isSorting) this.#sort(work, work.phase, options);
    else this.#enter(work, work.phase, records * ENTRIES_A_RECORD);
    return isSorting ? { ...nothing(true), wasFree: true } : nothing(true);
  }

  #begin(run: number, source: string, { whole, holdBack }: AdmitOptions): Work | null {
    const arrived = this.#arrived;
    if (!whole && arrived < this.#together()) return null;
    this.#arrived = 0;
    if (this.#runs.has(run)) this.#apart(run);
    const { last } = this.#store.one<{ last: number | null }>(LAST, run, source)!;
    if (last === null) {
      if (whole) this.#allIn(run);
      return null;
    }
    const scope = { run, source, upTo: last };
    return {
      scope,
      phase: "names",
      done: 0,
      sorted: null,
      oldBeforeMs: holdBack?.beforeMs ?? 0,
      isHeld: false,
      arrived,
    };
  }

  /** Waits for the disk, and so does all that was let in before anybody is told. */
  #allIn(run: number): void {
    if (this.#store.write(() => this.#store.run(ALL_IN, { run })).changes > 0) this.#runs.delete(run);
  }

  #together(): number {
    const known = this.#store.one<{ last: number | null }>(LAST_ID)!.last ?? 0;
    return Math.min(TOGETHER_MAX, Math.max(TOGETHER_MIN, Math.floor(known / KNOWN_A_RECORD)));
  }

  /** Outside of the ledger's file, so without its lock. */
  #sort(work: Work, phase: keyof typeof SORT, { holdBack }: AdmitOptions): void {
    const store = this.#store;
    if (phase === "keys" && holdBack !== undefined && work.arrived > holdBack.above) {
      const old = store.one<{ n: number }>(OLD, { ...work.scope, beforeMs: holdBack.beforeMs })!.n;
      work.isHeld = old > holdBack.above;
    }
    store.db.exec(TEMPORARY);
    store.run("DELETE FROM temp.sorted");
    const held = { held: work.isHeld ? 1 : 0, beforeMs: holdBack?.beforeMs ?? 0 };
    work.sorted = store.run(SORT[phase], { ...work.scope, ...held }).changes;
  }

  #enter(work: Work, phase: keyof typeof ENTER, entries: number): void {
    const store = this.#store;
    const from = work.done;
    const to = Math.min(work.sorted!, from + entries);
    store.writeUnsynced(() => {
      const piece = { source: work.scope.source, from, to };
      const { new: fresh, history } = this.#apart(work.scope.run);
      const { changes } = store.run(fresh + history === 0 ? ENTER[phase] : `${ENTER[phase]} ${STILL_ARRIVES}`, piece);
      // Before it has a name nobody lets it in.
      if (phase === "names" && from === 0) store.run(OLD_BEFORE, { run: work.scope.run, beforeMs: work.oldBeforeMs });
      // A raw record that nobody has is entered; a key that is may be another source's too.
      if (phase === "keys" || (phase === "raws" && changes === to - from)) return;
      for (const { id } of store.all<{ id: number }>(TAKEN[phase], piece)) contest(store, id);
    });
    work.done = to;
    if (to === work.sorted) this.#next(work);
  }

  #next(work: Work): void {
    Object.assign(work, { phase: NEXT[work.phase], done: 0, sorted: null });
    if (work.phase === "rows") this.#store.run("DELETE FROM temp.sorted");
  }

  #admitRows(work: Work, records: number, { holdBack }: AdmitOptions, now: Now): Admitted {
    const store = this.#store;
    const result = nothing(true);
    const done = store.writeUnsynced(() => {
      this.#apart(work.scope.run);
      const first = (): number =>
        store.one<{ id: number | null }>(ROWS_FIRST, work.scope)!.id ?? Number.POSITIVE_INFINITY;
      const scope = { ...work.scope, from: work.done > 0 ? work.done : first() - 1 };
      const to = Math.min(scope.upTo, scope.from + records);
      if (to <= scope.from) return null;
      const beforeMs = holdBack?.beforeMs ?? 0;
      const held = { held: work.isHeld ? 1 : 0, beforeMs };
      const nowMs = now.wallMs;
      this.#count({ ...scope, ...held, to }, result, now);
      store.run(ADMIT, { ...scope, ...held, to, nowMs });
      if (work.isHeld) store.run(HELD, { ...scope, ...held, to, nowMs, detail: holdBack!.detail });
      store.run(GONE, { ...scope, to });
      return to;
    });
    // Once it is committed: where the disk was full the same piece is done again.
    if (done === null) this.#next(work);
    else work.done = done;
    return result;
  }

  #count(rows: { source: string } & Record<string, string | number>, result: Admitted, now: Now): void {
    const store = this.#store;
    const arrivals = new Arrivals();
    type Group = { lane: "operational" | "background"; targetMs: number; state: "pending" | "waiting" | "history" };
    for (const { old, n, ...group } of store.all<Group & { old: 0 | 1; n: number }>(ROW_COUNTS, rows)) {
      arrivals.add({ source: rows.source, ...group }, group.state, n);
      if (group.state === "history") result.history += n;
      else result.new += n;
      if (group.state === "waiting") result.heldBack += n;
      result.old += old * n;
    }
    arrivals.count(store, now);
    addToCounter(store, "ingested", { source: rows.source, verdict: "new" }, result.new);
    addToCounter(store, "ingested", { source: rows.source, verdict: "history" }, result.history);
  }

  #giveContested(work: Work, records: number, { whole }: AdmitOptions): Admitted {
    const store = this.#store;
    const admitted = store.write(() => {
      const apart = this.#apart(work.scope.run);
      const rows = store.all<RawArriving>(CONTESTED, { ...work.scope, limit: records });
      for (const { id } of rows) for (const sql of [UNNAME, LEFT]) store.run(sql, { id });
      const total = apart.new + apart.history;
      if (total > 0) store.run(TOLD, work.scope.run);
      return { ...nothing(true), ...apart, apart: total, contested: rows.map(recordOf) };
    });
    if (admitted.contested.length === records) return admitted;
    this.#work = null;
    return { ...admitted, more: whole };
  }
}

/** Unless somebody has let it in meanwhile: then it is a submission like any other. */
function contest(store: Store, id: number): void {
  for (const sql of [CONTEST, UNNAME]) store.run(sql, { id });
}

interface RawArriving extends Omit<IncomingSubmission, "origin" | "history" | "identityKeys" | "content"> {
  id: number;
  state: string;
  file: string;
  line: number | null;
  keys: string;
  content: string;
}

function recordOf({ id: _, state, file, line, keys, content, ...row }: RawArriving): IncomingSubmission {
  return {
    ...row,
    origin: { file, line },
    history: state === "history",
    identityKeys: JSON.parse(keys) as IncomingSubmission["identityKeys"],
    content: JSON.parse(content) as SubmissionContent,
    contentText: content,
  };
}

const OF_RUN = "SELECT id FROM arriving WHERE run_id = ? ORDER BY id LIMIT 500";
const UNRAW = `
  DELETE FROM raw_hashes
  WHERE (source, raw_hash) = (SELECT source, raw_hash FROM arriving WHERE id = @id) AND submission_id = @id`;

/** Whatever of a run is on its way in is taken back: nobody was told that it is there, and its file has it still. How many. */
export function discard(store: Store, run: number): number {
  for (let total = 0; ; ) {
    if (store.one("SELECT 1 FROM arriving_runs WHERE run_id = ?", run) === undefined) return total;
    total += store.write(() => {
      const found = store.all<{ id: number }>(OF_RUN, run);
      for (const { id } of found) discardOne(store, id);
      if (found.length === 0) store.run("DELETE FROM arriving_runs WHERE run_id = ?", run);
      return found.length;
    });
  }
}

function discardOne(store: Store, id: number): void {
  for (const sql of [UNNAME, UNRAW, UNKEY, LEFT]) store.run(sql, { id });
}

/** The same of all runs: to be called while none works. */
export function discardAll(store: Store): void {
  for (const { run } of store.all<{ run: number }>("SELECT run_id AS run FROM arriving_runs")) discard(store, run);
}
