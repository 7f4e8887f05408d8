/** Which of the records that come in are known already, both versions mapped by today's map. */
import { comparedContent } from "../intake/compared-content.ts";
import { type MappedSubmission, type Mapping, remapRaw } from "../intake/mapping.ts";
import { isWindows1252Copy } from "../intake/windows-1252.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { IncomingSubmission, KnownSubmission } from "../ledger/rows.ts";

/**
 * The known submissions, by key. Where today's map makes the same of a known one and of a record that comes in under
 * its key, only map or bytes have changed: the known content's hash then stands for both. A record under an unknown key is
 * looked for among those of its person: where today's map gives one of them its key, as after a change of a map without
 * `id`, the record gets the key that the known one has; so does a double click (`sameWithin`). Changes `items`.
 */
export async function recallKnown(
  ledger: Ledger,
  mapping: Mapping,
  source: string,
  items: readonly IncomingSubmission[],
  nowMs: number,
): Promise<Map<string, KnownSubmission>> {
  const keys = [...new Set(items.map(({ key }) => key))];
  if (keys.length === 0) return new Map();
  const found = await ledger.findSubmissions(source, keys, "latest");
  const known = new Map(found.map((submission) => [submission.key, submission]));
  await recallByPerson(ledger, mapping, source, items, known, nowMs);
  for (const item of items) {
    const before = known.get(item.key);
    if (before === undefined || before.rawHash === item.rawHash || before.contentHash === item.contentHash) continue;
    const today = await remapRaw(mapping, before.raw);
    if (today !== null && isSameContent(today, item)) item.contentHash = before.contentHash;
  }
  return known;
}

async function recallByPerson(
  ledger: Ledger,
  mapping: Mapping,
  source: string,
  items: readonly IncomingSubmission[],
  known: Map<string, KnownSubmission>,
  nowMs: number,
): Promise<void> {
  const strangers = items.filter(({ key }) => !known.has(key));
  if (strangers.length === 0) return;
  const asked = strangers.map(({ key, submittedAtMs, identityKeys }) => ({
    ...{ key, identityKeys },
    submittedAtMs: submittedAtMs ?? nowMs,
  }));
  const candidates = await ledger.findOfPerson(source, asked);
  for (const [index, item] of strangers.entries()) {
    for (const candidate of candidates[index] ?? []) {
      const today = await remapRaw(mapping, candidate.raw);
      if (today === null) continue;
      const isRepeat = isRepeatUnseen(today, item, candidate, nowMs);
      if (!isRepeat && !isSameRecord(today, item)) continue;
      const [latest = candidate] = await ledger.findSubmissions(source, [candidate.key], "latest");
      item.key = candidate.key;
      if (isRepeat) item.contentHash = latest.contentHash;
      known.set(candidate.key, latest);
      break;
    }
  }
}

function isSameRecord(today: MappedSubmission, item: IncomingSubmission): boolean {
  if (today.key === item.key) return true;
  const areHashes = today.key === today.contentHash && item.key === item.contentHash;
  return areHashes && isSameContent(today, item);
}

/** A double click by `sameWithin` that the ledger, which compares contents as they were mapped then, would not see. */
function isRepeatUnseen(
  today: MappedSubmission,
  item: IncomingSubmission,
  candidate: KnownSubmission,
  nowMs: number,
): boolean {
  const { sameWithinMs = 0 } = item;
  if (sameWithinMs === 0 || Math.abs((today.submittedAtMs ?? nowMs) - (item.submittedAtMs ?? nowMs)) > sameWithinMs)
    return false;
  const [before, now] = [comparedContent(today.content), comparedContent(item.content)];
  if (before === now) return today.contentHash !== candidate.contentHash;
  return isWindows1252Copy(before, now);
}

function isSameContent(today: MappedSubmission, item: IncomingSubmission): boolean {
  if (today.contentHash === item.contentHash) return true;
  if (today.submittedAtMs !== item.submittedAtMs) return false;
  return isWindows1252Copy(comparedContent(today.content), comparedContent(item.content));
}
