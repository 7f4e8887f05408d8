/** Orders for the disk of `faulty-disk.c`, and the way to start a process on it. */
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readSync, writeFileSync, writeSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";

/** Kinds of calls, by their numbers in `faulty-disk.c`. */
export const DISK_CALLS = {
  write: 1,
  sync: 2,
  truncate: 3,
  rename: 4,
  link: 5,
  create: 6,
  read: 7,
  unlink: 8,
  mkdir: 9,
} as const;
export type DiskCall = keyof typeof DISK_CALLS;

export interface DiskFault {
  call: DiskCall;
  /** The call that fails, counted from 1 on. */
  nth: number;
  error: "EIO" | "ENOSPC" | "EROFS" | "EDQUOT" | "EACCES";
  /** Every later one fails too. */
  stays: boolean;
}

const BYTES = 6 * 4 + 1000;

/** Whether a C compiler is here. */
export function hasCompiler(): boolean {
  try {
    execFileSync("cc", ["--version"], { stdio: "ignore" });
    return process.platform === "linux";
  } catch {
    return false;
  }
}

/** Compiles the disk into `folder`. Gives what a process needs in its environment to be on it, each with orders of its own. */
export function faultyDisk(folder: string): () => Record<string, string> {
  const library = join(folder, "faulty-disk.so");
  const source = join(import.meta.dirname, "faulty-disk.c");
  execFileSync("cc", ["-O1", "-shared", "-fPIC", "-w", "-o", library, source, "-ldl"], { stdio: "inherit" });
  return () => {
    const orders = join(mkdtempSync(join(folder, "orders-")), "orders");
    writeFileSync(orders, Buffer.alloc(BYTES));
    return { LD_PRELOAD: library, FAULTY_DISK: orders };
  };
}

/** The n-th call below `folder` fails from now on, of this process on the faulty disk or of that whose orders are named. */
export function orderFault(folder: string, { call, nth, error, stays }: DiskFault, orders = ownOrders()): void {
  const bytes = Buffer.alloc(BYTES);
  const code = constants.errno[error];
  for (const [index, value] of [DISK_CALLS[call], nth, code, stays ? 1 : 0].entries())
    bytes.writeInt32LE(value, index * 4);
  bytes.write(folder, 24);
  putOrders(orders, bytes);
}

/** The disk is well again. Whether the fault came to pass. */
export function healDisk(orders = ownOrders()): boolean {
  const file = openSync(orders, "r");
  const bytes = Buffer.alloc(24);
  readSync(file, bytes, 0, 24, 0);
  closeSync(file);
  putOrders(orders, Buffer.alloc(BYTES));
  return bytes.readInt32LE(20) === 1;
}

const ownOrders = (): string => process.env.FAULTY_DISK!;

function putOrders(orders: string, bytes: Buffer): void {
  const file = openSync(orders, "r+");
  writeSync(file, bytes, 0, bytes.length, 0);
  closeSync(file);
}
