/** The guard against taking one export of the same submissions twice, under other keys. */
import type { Mapped, Mapping } from "../intake/mapping.ts";
import { unwrapReject } from "../intake/rejects-file.ts";
import type { Row } from "../intake/row.ts";
import type { Ledger } from "../ledger/ledger.ts";

/** Fewer records are not suspicious. */
const RECORDS_MIN = 20;
const CHUNK = 500;

export interface ReexportCheck {
  records: number;
  matched: number;
  suspicious: boolean;
}

type Candidate = Parameters<Ledger["countReexported"]>[0][number];

/**
 * Whether 20 or more records and over half of the file match known persons and times, of any source, under other keys.
 * `see` is told of each record, so that the file is mapped once for all that is looked at before it is taken.
 */
export async function checkReexport(
  ledger: Ledger,
  mapping: Mapping,
  rows: AsyncIterable<Row>,
  flat: boolean,
  see: (mapped: Mapped, line: number | null) => void = () => {},
): Promise<ReexportCheck> {
  let records = 0;
  let matched = 0;
  let chunk: Candidate[] = [];
  const count = async (): Promise<void> => {
    if (chunk.length > 0) matched += await ledger.countReexported(chunk);
    chunk = [];
  };
  for await (const row of rows) {
    for (const record of await recordsOf(row, mapping, flat)) {
      records += 1;
      const mapped = await mapping.map(record, flat);
      see(mapped, row.line);
      if (mapped.type !== "submission" || mapped.submittedAtMs === null) continue;
      chunk.push({ key: mapped.key, submittedAtMs: mapped.submittedAtMs, identityKeys: mapped.identityKeys });
      if (chunk.length >= CHUNK) await count();
    }
  }
  await count();
  return { records, matched, suspicious: isSuspicious(matched, records) };
}

export function isSuspicious(matched: number, records: number): boolean {
  return matched >= RECORDS_MIN && matched * 2 > records;
}

async function recordsOf(row: Row, mapping: Mapping, flat: boolean): Promise<unknown[]> {
  // A mended reject is no second export.
  if (row.fault !== undefined || unwrapReject(row.record, flat).rejectId !== null) return [];
  if (flat) return [row.record];
  const body = await mapping.split(row.record);
  return body.ok ? body.records : [];
}
