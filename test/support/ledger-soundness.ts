/** What must hold between the ledger's tables at any instant, whoever died when. Each statement gives what is wrong. */
import type Database from "better-sqlite3";

const IS_OPEN = `(s.state IN ('pending', 'inProgress', 'uncertain')
  OR (s.state = 'waiting' AND s.due_at_ms < 253402300799000))`;

/** What finds a record on its way in may be written already; one that needs a look of its own is found by its name alone. */
const ARRIVES = "SELECT 1 FROM arriving a WHERE a.id =";

/** Finds by which no submission is found, and submissions that are not found. */
const WRONG = {
  "a name of no submission": `
    SELECT n.source, n.key FROM submission_names n WHERE NOT EXISTS (
      SELECT 1 FROM submissions s WHERE s.id = n.submission_id AND s.source = n.source AND s.key = n.key)
      AND NOT EXISTS (${ARRIVES} n.submission_id AND a.source = n.source AND a.key = n.key)`,
  "a submission without its name": `
    SELECT s.source, s.key FROM submissions s WHERE NOT EXISTS (
      SELECT 1 FROM submission_names n WHERE n.source = s.source AND n.key = s.key AND n.submission_id = s.id)`,
  "a raw record of no submission": `
    SELECT r.source, r.raw_hash FROM raw_hashes r WHERE NOT EXISTS (
      SELECT 1 FROM submissions s WHERE s.id = r.submission_id AND s.source = r.source
        AND (r.other = 1 OR s.raw_hash = r.raw_hash))
      AND NOT EXISTS (${ARRIVES} r.submission_id AND a.source = r.source AND a.raw_hash = r.raw_hash AND a.contested = 0)`,
  "a submission whose raw record is not known": `
    SELECT s.source, s.key FROM submissions s WHERE NOT EXISTS (
      SELECT 1 FROM raw_hashes r WHERE r.source = s.source AND r.raw_hash = s.raw_hash)`,
  "an identity key of no submission": `
    SELECT k.key, k.open, k.submission_id FROM submission_keys k WHERE NOT EXISTS (
      SELECT 1 FROM submissions s, json_each(s.identity_keys) j WHERE s.id = k.submission_id AND j.value = k.key
        AND s.submitted_at_ms = k.submitted_at_ms AND ${IS_OPEN} = k.open)
      AND NOT EXISTS (${ARRIVES} k.submission_id AND a.submitted_at_ms = k.submitted_at_ms AND a.contested = 0
        AND k.key IN (SELECT value FROM json_each(a.identity_keys)))`,
  "a submission that is not found by its person": `
    SELECT s.source, s.key, j.value FROM submissions s, json_each(s.identity_keys) j WHERE NOT EXISTS (
      SELECT 1 FROM submission_keys k WHERE k.key = j.value AND k.submission_id = s.id)`,
  "a count of the queue": `
    SELECT * FROM (SELECT source, lane, target_ms, state, n FROM queue_counts WHERE n <> 0
      EXCEPT SELECT source, lane, target_ms, state, count(*) FROM submissions GROUP BY 1, 2, 3, 4)
    UNION ALL SELECT * FROM (SELECT source, lane, target_ms, state, count(*) FROM submissions GROUP BY 1, 2, 3, 4
      EXCEPT SELECT source, lane, target_ms, state, n FROM queue_counts)`,
  "a submission on its way in": `
    SELECT a.source, a.key FROM arriving a JOIN submissions s ON s.id = a.id`,
  "on its way in without its run": `
    SELECT a.source, a.key FROM arriving a WHERE a.run_id NOT IN (SELECT run_id FROM arriving_runs)`,
};

const LEFT = { "left on its way in": "SELECT source, key FROM arriving" };

/** Empty of a sound ledger in which nothing works. */
export function unsound(db: Database.Database): Record<string, unknown[]> {
  return wrongOf(db, { ...WRONG, ...LEFT });
}

/** Empty of a sound ledger, also while something comes in. */
export function unsoundMeanwhile(db: Database.Database): Record<string, unknown[]> {
  return wrongOf(db, WRONG);
}

const prepared = new WeakMap<Database.Database, Map<string, Database.Statement>>();

function statement(db: Database.Database, sql: string): Database.Statement {
  const known = prepared.get(db) ?? new Map<string, Database.Statement>();
  prepared.set(db, known);
  const made = known.get(sql) ?? db.prepare(sql);
  known.set(sql, made);
  return made;
}

function wrongOf(db: Database.Database, wrong: Record<string, string>): Record<string, unknown[]> {
  const found = Object.entries(wrong).map(([what, sql]) => [what, statement(db, sql).all()] as const);
  return Object.fromEntries(found.filter(([, rows]) => rows.length > 0));
}

/** What was taken in, without what hangs on the order in which it was. */
export function pictureOf(db: Database.Database): Record<string, unknown[]> {
  const name = "s.source || '/' || s.key";
  const parts = {
    submissions: `SELECT source, key, state, lane, submitted_at_ms, target_ms, due_at_ms, raw_hash, content_hash,
      identity_keys, content, raw, file, line FROM submissions s ORDER BY source, key`,
    raws: `SELECT r.source, r.raw_hash, r.other, ${name} AS name FROM raw_hashes r
      JOIN submissions s ON s.id = r.submission_id ORDER BY 1, 2`,
    rejects: "SELECT kind, source, key, raw_hash, reason, closed_why, closed_at_ms FROM rejects ORDER BY 1, 2, 3, 4",
    waits: `SELECT ${name} AS name, w.kind, w.detail FROM waits w JOIN submissions s ON s.id = w.submission_id ORDER BY 1, 2`,
    counts: "SELECT * FROM queue_counts WHERE n <> 0 ORDER BY 1, 2, 3, 4",
    intake: "SELECT * FROM intake_counts ORDER BY 1, 2, 3",
    stamps: "SELECT stamp FROM hashed_stamps ORDER BY 1",
    counters: "SELECT name, labels, value FROM counters WHERE value <> 0 ORDER BY 1, 2",
    rhythm: "SELECT what, name, n FROM rhythm ORDER BY 1, 2",
  };
  return Object.fromEntries(Object.entries(parts).map(([part, sql]) => [part, db.prepare(sql).all()]));
}
