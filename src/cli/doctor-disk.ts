import { statfsSync, statSync } from "node:fs";
import { EXIT_CODES } from "../domain/errors.ts";
import { count } from "../report/human.ts";
import { type Finding, fail, ok, warn } from "./doctor-finding.ts";

/** Less than this and a busy day could fill the disk. */
const FREE_BYTES_LOW = 200_000_000;
/** Less than this and SQLite can't grow its journal: the next run would stop half-way. */
const FREE_BYTES_NONE = 10_000_000;
/** Each spool file takes an inode, archived ones too. */
const FREE_INODES_LOW = 5_000;
/** Magic numbers of statfs(2): locks and shared memory of SQLite's WAL don't work over these. */
const NETWORK_FILESYSTEMS: Record<number, string> = {
  26985: "NFS",
  4283649346: "CIFS",
  4266872130: "SMB2",
  1702057286: "FUSE",
};

/** What statfs(2) says, in bytes and inodes; `inodes` is 0 where the file system has no fixed number of them. */
export interface DiskFacts {
  type: number;
  freeBytes: number;
  inodes: number;
  freeInodes: number;
}

/** The disks of the ledger and the spools, each once. `ledger` is its folder. */
export function checkDisks(ledger: string, spools: readonly { name: string; folder: string }[]): Finding[] {
  const network = networkOf(ledger);
  const found =
    network === null
      ? []
      : [warn("disk", `${ledger} is on ${network}, where locks may fail`, "Move the ledger to a local disk.")];
  const disks = new Map<number, { names: string[]; facts: DiskFacts }>();
  for (const { name, folder } of [{ name: "ledger", folder: ledger }, ...spools]) {
    const facts = factsOf(folder);
    if (facts === null) continue;
    const { dev } = statSync(folder);
    const disk = disks.get(dev) ?? { names: [], facts };
    disk.names.push(name);
    disks.set(dev, disk);
  }
  return [...found, ...[...disks.values()].map(({ names, facts }) => diskFinding(names.join(", "), facts))];
}

/** The kind of network file system that a folder is on; null: a local disk, or nobody knows. */
export function networkOf(folder: string): string | null {
  return NETWORK_FILESYSTEMS[factsOf(folder)?.type ?? 0] ?? null;
}

function factsOf(folder: string): DiskFacts | null {
  try {
    const { type, bavail, bsize, files, ffree } = statfsSync(folder);
    return { type, freeBytes: bavail * bsize, inodes: files, freeInodes: ffree };
  } catch {
    return null;
  }
}

/** Room on one disk, for the ledger or the spools that `what` names. */
export function diskFinding(what: string, { freeBytes, inodes, freeInodes }: DiskFacts): Finding {
  const free = `${count(Math.round(freeBytes / 1_000_000))} MB free`;
  const fix = "Make room: old archives in the spools' .archive folders, logs, or a bigger disk.";
  if (freeBytes < FREE_BYTES_NONE) return fail("disk", `${what}: only ${free}`, fix, EXIT_CODES.diskFull);
  if (freeBytes < FREE_BYTES_LOW) return warn("disk", `${what}: only ${free}`, fix);
  if (inodes > 0 && freeInodes < FREE_INODES_LOW) {
    return warn("disk", `${what}: only ${count(freeInodes)} inodes free (files, however small)`, fix);
  }
  return ok("disk", `${what}: ${free}`);
}
