/** Records that came again, known by their raw text alone. */
import type { KnownAgain } from "../arriving.ts";
import { addToCounter } from "./counters.ts";
import { countArrivedAgain, isRejectedThere } from "./intake-counts.ts";
import type { Store } from "./store.ts";

/** CROSS: else SQLite walks through all of a source's raw records, and looks for each among the asked ones. */
const KNOWN = `
  SELECT h.value AS rawHash, s.submitted_at_ms AS atMs, s.file, s.line, s.raw_hash AS ownHash
  FROM json_each(@texts) h
    CROSS JOIN raw_hashes r ON r.source = @source AND r.raw_hash = h.value
    CROSS JOIN submissions s ON s.id = r.submission_id`;

interface Known {
  rawHash: string;
  atMs: number;
  file: string;
  line: number | null;
  ownHash: string;
}

/** Counts them as duplicates; false, and nothing of it done, where one of them is not known. */
export function countAgain(store: Store, { source, file, line, rawHash }: KnownAgain): boolean {
  const rows = store.all<Known>(KNOWN, { source, texts: JSON.stringify(rawHash) });
  const known = new Map(rows.map((row) => [row.rawHash, row]));
  if (rawHash.some((hash) => !known.has(hash))) return false;
  // Where it is lost, so is the end of the run that would tell of it, and the file is there still.
  store.writeUnsynced(() => {
    addToCounter(store, "ingested", { source, verdict: "duplicate" }, rawHash.length);
    for (const [at, hash] of rawHash.entries()) {
      const one = known.get(hash)!;
      const place = { source, rawHash: hash, file, line: line[at]! };
      if (one.ownHash === hash && one.file === file && one.line === place.line) continue;
      if (file === "-" || !isRejectedThere(store, place)) countArrivedAgain(store, source, one.atMs);
    }
  });
  return true;
}
