/** Samples of damage to a ledger's files. */

import type { Damage, Moment } from "./damaged-world.ts";
import { randomOf } from "./soak-world.ts";

const PAGE = 4_096;
const SECTOR = 512;
const HEADER_BYTES = 100;
const LOG_HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

export const LEDGER_FILE = "crmledger.db";
export const LOG_FILE = "crmledger.db-wal";

const sizeOf = ({ files }: Moment, file: string): number => files.get(file)?.length ?? 0;

/** Cut off: nothing left, within the header, at sectors and pages and around them. */
export function cuts(moment: Moment, file: string, count: number, seed: number): Damage[] {
  const size = sizeOf(moment, file);
  const random = randomOf(seed);
  const sectors = Array.from({ length: count }, () => Math.floor((random() * size) / SECTOR) * SECTOR);
  const pages = Array.from(
    { length: count },
    (_, index) => Math.floor((random() * size) / PAGE) * PAGE + (index % 3) - 1,
  );
  const sizes = new Set([0, 1, 16, 99, 100, 511, SECTOR, PAGE - 1, PAGE, PAGE + 1, size - 1, ...sectors, ...pages]);
  return [...sizes]
    .filter((cut) => cut >= 0 && cut < size)
    .map((cut) => ({ name: `${file} cut to ${cut} of ${size}`, file, cut }));
}

function flipAt(file: string, byte: number, bit: number, where: string): Damage {
  return { name: `${file} byte ${byte} bit ${bit} (${where})`, file, flip: [byte * 8 + bit] };
}

/** One bit in each byte of the header (every `stride`-th), then in the headers of pages, then anywhere. */
export function ledgerFlips(moment: Moment, options: { stride: number; count: number; seed: number }): Damage[] {
  const size = sizeOf(moment, LEDGER_FILE);
  const random = randomOf(options.seed);
  const bit = () => Math.floor(random() * 8);
  const damages: Damage[] = [];
  for (let byte = 0; byte < HEADER_BYTES; byte += options.stride)
    damages.push(flipAt(LEDGER_FILE, byte, bit(), "header"));
  for (let number = 0; number < options.count; number += 1) {
    const page = Math.floor((random() * size) / PAGE) * PAGE;
    damages.push(
      flipAt(LEDGER_FILE, page + (page === 0 ? HEADER_BYTES : 0) + Math.floor(random() * 12), bit(), "page header"),
    );
    damages.push(flipAt(LEDGER_FILE, Math.floor(random() * size), bit(), "anywhere"));
  }
  return damages;
}

/** The log without its last frames, `step` more of them at a time, as a disk leaves it that never wrote them. */
export function lostFrames(moment: Moment, count: number, step: number): Damage[] {
  const size = sizeOf(moment, LOG_FILE);
  return Array.from({ length: count }, (_, index) => size - (index * step + 1) * (FRAME_HEADER_BYTES + PAGE))
    .filter((cut) => cut > LOG_HEADER_BYTES)
    .map((cut) => ({ name: `${LOG_FILE} cut to ${cut} of ${size}`, file: LOG_FILE, cut }));
}

/** In the log's header, in frames' headers, in their pages. */
export function logFlips(moment: Moment, options: { stride: number; count: number; seed: number }): Damage[] {
  const size = sizeOf(moment, LOG_FILE);
  const random = randomOf(options.seed);
  const bit = () => Math.floor(random() * 8);
  const frame = FRAME_HEADER_BYTES + PAGE;
  const frames = Math.floor((size - LOG_HEADER_BYTES) / frame);
  const damages: Damage[] = [];
  for (let byte = 0; byte < LOG_HEADER_BYTES; byte += options.stride)
    damages.push(flipAt(LOG_FILE, byte, bit(), "header"));
  for (let number = 0; number < options.count; number += 1) {
    const at = LOG_HEADER_BYTES + Math.floor(random() * frames) * frame;
    damages.push(flipAt(LOG_FILE, at + Math.floor(random() * FRAME_HEADER_BYTES), bit(), "frame header"));
    damages.push(flipAt(LOG_FILE, at + FRAME_HEADER_BYTES + Math.floor(random() * PAGE), bit(), "frame"));
  }
  return damages;
}
