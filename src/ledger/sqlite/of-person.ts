/** What a source has of a person, for records whose key it doesn't have. */
import type { IdentityKey } from "../../domain/identity.ts";
import type { KnownSubmission } from "../rows.ts";
import type { Store } from "./store.ts";
import { foundAmong } from "./strangers.ts";

/**
 * A question about all submissions of an identity key by time, asked of those that wait and of those that ended: the index
 * has the two apart, and SQLite merges them without sorting.
 */
export function ofBoth(sql: string): string {
  return `${sql} AND k.open = 0 UNION ALL ${sql} AND k.open = 1`;
}

/** Submissions of a person that are given on each side of a time. */
const NEAREST_MAX = 5;

const OF_PERSON = `
  SELECT s.source, s.key, s.raw_hash AS rawHash, s.content_hash AS contentHash, s.raw, k.submitted_at_ms AS atMs
  FROM submission_keys k JOIN submissions s ON s.id = k.submission_id
  WHERE k.key = @identity AND s.source = @source AND s.key <> @key AND s.raw IS NOT NULL AND s.revises IS NULL`;
const FROM_THEN = `${ofBoth(`${OF_PERSON} AND k.submitted_at_ms >= @atMs`)} ORDER BY atMs LIMIT ${NEAREST_MAX}`;
const BEFORE = `${ofBoth(`${OF_PERSON} AND k.submitted_at_ms < @atMs`)} ORDER BY atMs DESC LIMIT ${NEAREST_MAX}`;

const KNOWN_PERSONS = `
  SELECT value AS text FROM json_each(@texts)
  WHERE EXISTS (SELECT 1 FROM submission_keys WHERE submission_keys.key = json_each.value)`;

export function findOfPerson(
  store: Store,
  source: string,
  records: readonly { key: string; submittedAtMs: number; identityKeys: readonly IdentityKey[] }[],
): KnownSubmission[][] {
  const nearest = (record: (typeof records)[number], known: ReadonlySet<string>): KnownSubmission[] => {
    const found = new Map<string, KnownSubmission>();
    for (const identity of record.identityKeys) {
      if (!known.has(identity)) continue;
      const at = { identity, source, key: record.key, atMs: record.submittedAtMs };
      for (const sql of [FROM_THEN, BEFORE]) {
        for (const { atMs: _, ...one } of store.all<KnownSubmission & { atMs: number }>(sql, at))
          found.set(one.key, one);
      }
    }
    return [...found.values()];
  };
  return store.read(() => {
    const identities = records.flatMap(({ identityKeys }) => identityKeys);
    const known = foundAmong(store, KNOWN_PERSONS, identities);
    return records.map((record) => nearest(record, known));
  });
}
