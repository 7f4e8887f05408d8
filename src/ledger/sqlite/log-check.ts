/**
 * Looks at a write-ahead log before SQLite does. SQLite takes a log up to the first frame that is not as it was written, and
 * says nothing of what came after: right after a power loss, where that was never committed. But commits behind a damaged
 * frame were: without them the ledger would be an older one, and would send again what it had sent.
 * https://www.sqlite.org/fileformat2.html#the_write_ahead_log
 */
import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const MAGIC_LITTLE = 0x377f0682;
const MAGIC_BIG = 0x377f0683;
const PAGE_BYTES_MIN = 512;
/** A log that another process writes to at this moment may look wrong once. */
const LOOKS = 3;

type Sum = readonly [number, number];

/** Whether the log of the ledger at `path` lost committed transactions to damage. */
export function isLogDamaged(path: string): boolean {
  const log = `${path}-wal`;
  if (!existsSync(log)) return false;
  for (let look = 0; look < LOOKS; look += 1) if (!looksDamaged(log)) return false;
  return true;
}

function looksDamaged(log: string): boolean {
  const file = openSync(log, "r");
  try {
    const { size } = fstatSync(file);
    if (size < HEADER_BYTES + FRAME_HEADER_BYTES + PAGE_BYTES_MIN) return false;
    const header = readAt(file, 0, HEADER_BYTES);
    const magic = header.readUInt32BE(0);
    const isLittle = magic === MAGIC_LITTLE;
    const sum = sumOf(header.subarray(0, 24), isLittle, [0, 0]);
    // It is synced before the first frame: no crash leaves frames behind a header that is not whole.
    if ((!isLittle && magic !== MAGIC_BIG) || !isEqual(sum, storedAt(header, 24))) return true;
    return hasCommitsBehindDamage(file, size, header, isLittle);
  } finally {
    closeSync(file);
  }
}

/**
 * Two frames in a row, the first of which ends a transaction, behind one that is not as it was written. What a transaction
 * that was broken off leaves behind, or several of them, never goes on after its end.
 */
function hasCommitsBehindDamage(file: number, size: number, header: Buffer, isLittle: boolean): boolean {
  const frameBytes = FRAME_HEADER_BYTES + header.readUInt32BE(8);
  const salts = header.subarray(16, 24);
  let before = storedAt(header, 24);
  let isDamaged = false;
  let endsTransaction = false;
  for (let at = HEADER_BYTES; at + frameBytes <= size; at += frameBytes) {
    const frame = readAt(file, at, frameBytes);
    const isOfThisLog = frame.subarray(8, 16).equals(salts);
    // Behind the end stand frames of earlier rounds.
    if (!isOfThisLog && !isDamaged && !isNextOfThisLog(file, at + frameBytes, size, salts)) return false;
    const sum = sumOf(frame.subarray(FRAME_HEADER_BYTES), isLittle, sumOf(frame.subarray(0, 8), isLittle, before));
    const isWhole = isOfThisLog && isEqual(sum, storedAt(frame, 16));
    if (isWhole && isDamaged && endsTransaction) return true;
    isDamaged ||= !isWhole;
    before = storedAt(frame, 16);
    endsTransaction = isOfThisLog && frame.readUInt32BE(4) !== 0;
  }
  return false;
}

function isNextOfThisLog(file: number, at: number, size: number, salts: Buffer): boolean {
  return at + FRAME_HEADER_BYTES <= size && readAt(file, at, FRAME_HEADER_BYTES).subarray(8, 16).equals(salts);
}

function readAt(file: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  readSync(file, bytes, 0, length, at);
  return bytes;
}

const storedAt = (bytes: Buffer, at: number): Sum => [bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4)];
const isEqual = (one: Sum, other: Sum): boolean => one[0] === other[0] && one[1] === other[1];

function sumOf(bytes: Buffer, isLittle: boolean, [first, second]: Sum): Sum {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let one = first;
  let two = second;
  for (let at = 0; at + 8 <= bytes.length; at += 8) {
    one = (one + view.getUint32(at, isLittle) + two) >>> 0;
    two = (two + view.getUint32(at + 4, isLittle) + one) >>> 0;
  }
  return [one, two];
}
