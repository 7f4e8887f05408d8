/** Turns what SQLite and the file system throw into errors that say what it means for the data. */
import { CrmledgerError } from "../../domain/errors.ts";

const NOTHING_LOST = "Nothing that was accepted is lost, and nothing is sent after this.";

/** A file system error without room left on the device or in the quota. */
const FULL = new Set(["SQLITE_FULL", "ENOSPC", "EDQUOT"]);

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}

/** SQLite result codes: https://www.sqlite.org/rescode.html; extended ones carry the primary one as their beginning. */
export function ledgerError(path: string, error: unknown): unknown {
  if (error instanceof CrmledgerError) return error;
  const code = codeOf(error);
  if (FULL.has(code)) {
    return new CrmledgerError("diskFull", `The disk with the ledger ${path} is full. ${NOTHING_LOST}`, {
      hint: "Make room on that disk, then run the same command again: it goes on where this one stopped.",
      cause: error,
    });
  }
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED")) {
    return new CrmledgerError("ledgerLocked", `Another process keeps the ledger ${path} locked. ${NOTHING_LOST}`, {
      hint: "See what else has the file open (a backup, a database browser), then run the same command again.",
      cause: error,
    });
  }
  if (code.startsWith("SQLITE_CORRUPT") || code === "SQLITE_NOTADB") return damaged(path, error);
  // A quota that is used up is told as such a failure too.
  if (code.startsWith("SQLITE_IOERR")) {
    return new CrmledgerError("ledgerUnreadable", `The disk fails with the ledger ${path} (${code}). ${NOTHING_LOST}`, {
      hint: "See whether the disk or this user's quota is full, or the disk broken (df, quota, dmesg), then run the same command again: it goes on where this one stopped.",
      cause: error,
    });
  }
  if (/^SQLITE_(CANTOPEN|READONLY|PERM|AUTH)/.test(code) || /^E[A-Z]+$/.test(code)) {
    return new CrmledgerError(
      "ledgerUnreadable",
      `The ledger ${path} can't be read or written (${code}). ${NOTHING_LOST}`,
      {
        hint: "Check that the folder is there, belongs to this user and is not mounted read-only, and that this user may open more files (ulimit -n); crmledger doctor looks at it.",
        cause: error,
      },
    );
  }
  return error;
}

export function damaged(path: string, cause?: unknown): CrmledgerError {
  return new CrmledgerError(
    "ledgerDamaged",
    `The ledger ${path} is damaged or no ledger. It was left as it is, and nothing is sent after this.`,
    {
      hint: "A disk that can't read the file looks the same: see dmesg first. Else keep a copy of the file with its -wal file, then restore the last backup to this path. Nothing was sent after the damage was seen.",
      cause,
    },
  );
}
