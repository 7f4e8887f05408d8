/** What a batch brings that the ledger has nothing of, found out for the whole batch at once: most records are such. */
import { stampOf } from "../../domain/stamp.ts";
import { submissionName } from "../../domain/submission.ts";
import type { IncomingSubmission } from "../rows.ts";
import { RAW_TAKEN } from "./raw-hashes.ts";
import type { Store } from "./store.ts";

/** What JSON can't carry into SQLite as it is. */
const UNSAFE = /[\p{Cc}\p{Surrogate}]/u;

/** Those of `texts` that `sql` finds, which reads them by `json_each(@texts)`; all others are not there. */
export function foundAmong(
  store: Store,
  sql: string,
  texts: readonly string[],
  values: Record<string, string> = {},
): Set<string> {
  const rows = store.all<{ text: string }>(sql, { ...values, texts: JSON.stringify(texts) });
  const found = new Set(rows.map(({ text }) => text));
  // Whether these are there only a look for each one tells.
  for (const text of texts) if (UNSAFE.test(text)) found.add(text);
  return found;
}

/** Those of the hashes that the source has sent before, and that were refused. */
export const RAW_REFUSED = `
  SELECT raw_hash AS text FROM rejects
  WHERE source = @source AND raw_hash IN (SELECT value FROM json_each(@texts)) AND kind = 'reject'`;
const KEY_TAKEN = "SELECT key AS text FROM submission_names WHERE key IN (SELECT value FROM json_each(@texts))";

/**
 * The records whose raw record was neither taken nor refused, and whose key no source and no shell has; of those that
 * share one of these in the batch, the first. Only inside the write transaction that takes them does that hold.
 */
export function strangersOf(store: Store, records: readonly IncomingSubmission[]): Set<IncomingSubmission> {
  const strangers = new Set<IncomingSubmission>();
  const source = records[0]?.source;
  if (source === undefined || records.some((record) => record.source !== source)) return strangers;
  const hashes = records.map(({ rawHash }) => rawHash);
  const rawHashes = foundAmong(store, RAW_TAKEN, hashes, { source });
  for (const hash of foundAmong(store, RAW_REFUSED, hashes, { source })) rawHashes.add(hash);
  const keys = foundAmong(
    store,
    KEY_TAKEN,
    records.map(({ key }) => key),
  );
  for (const record of records) {
    const { key, rawHash } = record;
    if (!rawHashes.has(rawHash) && !keys.has(key) && stampOf(source, key) === submissionName(source, key))
      strangers.add(record);
    rawHashes.add(rawHash);
    keys.add(key);
  }
  return strangers;
}
