/** The guard against taking one export of the same submissions twice, under other keys. */
import type { Mapped, Mapping } from "../intake/mapping.ts";
import { unwrapReject } from "../intake/rejects-file.ts";
import type { Row } from "../intake/row.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { RowBatch } from "./row-batch.ts";

/** Fewer records are not suspicious. */
const RECORDS_MIN = 20;
const CHUNK = 500;

export interface ReexportCheck {
  records: number;
  matched: number;
  suspicious: boolean;
  /** Every record is known by its raw text. */
  known?: boolean;
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
  const count = new Count(ledger, mapping, flat, see);
  for await (const row of rows) await count.addRow(row);
  return await count.end();
}

/**
 * The same of a CSV, without mapping what its source has sent before: what is known by its raw text is known under its own
 * key, and no second one.
 */
export async function checkUnknown(
  ledger: Ledger,
  source: string,
  mapping: Mapping,
  batches: AsyncIterable<RowBatch>,
): Promise<ReexportCheck> {
  const count = new Count(ledger, mapping, true, () => {});
  let isKnown = true;
  for await (const { columns, others } of batches) {
    const known = await ledger.knownRaw(source, columns.rawHash);
    isKnown &&= known.size === new Set(columns.rawHash).size && others.length === 0;
    for (const [at, raw] of columns.raw.entries()) {
      if (known.has(columns.rawHash[at]!)) count.records += 1;
      else await count.add(JSON.parse(raw), columns.line[at]!);
    }
    for (const { row } of others) await count.addRow(row);
  }
  return { ...(await count.end()), known: isKnown };
}

class Count {
  records = 0;
  readonly #ledger: Ledger;
  readonly #mapping: Mapping;
  readonly #flat: boolean;
  readonly #see: (mapped: Mapped, line: number | null) => void;
  #matched = 0;
  #chunk: Candidate[] = [];

  constructor(ledger: Ledger, mapping: Mapping, flat: boolean, see: (mapped: Mapped, line: number | null) => void) {
    this.#ledger = ledger;
    this.#mapping = mapping;
    this.#flat = flat;
    this.#see = see;
  }

  async addRow(row: Row): Promise<void> {
    for (const record of await recordsOf(row, this.#mapping, this.#flat)) await this.add(record, row.line);
  }

  async add(record: unknown, line: number | null): Promise<void> {
    this.records += 1;
    const mapped = await this.#mapping.map(record, this.#flat);
    this.#see(mapped, line);
    if (mapped.type !== "submission" || mapped.submittedAtMs === null) return;
    const { key, submittedAtMs, identityKeys } = mapped;
    this.#chunk.push({ key, submittedAtMs, identityKeys });
    if (this.#chunk.length >= CHUNK) await this.#match();
  }

  async end(): Promise<ReexportCheck> {
    await this.#match();
    const [records, matched] = [this.records, this.#matched];
    return { records, matched, suspicious: isSuspicious(matched, records) };
  }

  async #match(): Promise<void> {
    if (this.#chunk.length > 0) this.#matched += await this.#ledger.countReexported(this.#chunk);
    this.#chunk = [];
  }
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
