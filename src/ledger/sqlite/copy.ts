/** A copy of a ledger in use. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from "node:fs";
import { dirname } from "node:path";
import Database from "better-sqlite3";
import { CrmledgerError } from "../../domain/errors.ts";
import type { CopyOptions, LedgerCopy } from "../care.ts";
import { discardAll } from "./admission.ts";
import { damaged } from "./faults.ts";
import { createPrivateFile } from "./locks.ts";
import { retire } from "./moved.ts";
import { runCounter, writeCounterBeside } from "./runs.ts";
import { createStore, type Store } from "./store.ts";

/** 8 MB: a few milliseconds between two looks at the signal. */
const PAGES_PER_STEP = 2_000;
/** What SQLite keeps beside a database. A log of another file under the copy's name would be played into it. */
const SUFFIXES = ["-wal", "-shm", "-journal"] as const;
/** The runner looks for records that a ledger does not know where it was not at work for so long. */
const NOT_AT_WORK_MS = 3_600_000;

export async function copyTo(store: Store, file: string, options: CopyOptions): Promise<LedgerCopy> {
  const unfinished = `${file}.part`;
  dropSecondName(unfinished, file);
  refuseExisting(file);
  try {
    removeAll(unfinished);
    refuseSmallDisk(store, file);
    createPrivateFile(unfinished);
    store.failpoint("ledger.copy.begun");
    await copyPages(store, unfinished, options);
    const counter = makeOwn(unfinished, options);
    const copy = checkWhole(unfinished, store.path);
    options.signal.throwIfAborted();
    syncToDisk(unfinished);
    if (options.as === "move") writeCounterBeside(store, file, counter);
    store.failpoint("ledger.copy.whole");
    place(store, unfinished, file);
    syncToDisk(dirname(file));
    return copy;
  } catch (error) {
    removeAll(unfinished);
    throw copyError(file, error);
  }
}

function removeAll(path: string): void {
  for (const suffix of ["", ...SUFFIXES]) rmSync(path + suffix, { force: true });
}

/** A run that died once the copy had got its name left it another one. */
function dropSecondName(unfinished: string, file: string): void {
  const [second, first] = [unfinished, file].map((path) => statSync(path, { throwIfNoEntry: false }));
  if (second !== undefined && second.ino === first?.ino && second.dev === first.dev) rmSync(unfinished);
}

function refuseExisting(file: string): void {
  const there = ["", ...SUFFIXES].map((suffix) => file + suffix).find((path) => existsSync(path));
  if (there === undefined) return;
  throw new CrmledgerError("usage", `${there} is there already`, {
    hint: "Nothing was copied: a copy never takes the place of another file. Give another name.",
  });
}

function refuseSmallDisk({ db }: Store, file: string): void {
  const { bavail, bsize, blocks } = statfsSync(dirname(file));
  const needed =
    (db.pragma("page_count", { simple: true }) as number) * (db.pragma("page_size", { simple: true }) as number);
  if (blocks > 0 && bavail * bsize < needed) throw Object.assign(new Error("too small"), { code: "ENOSPC" });
}

/**
 * On a connection of its own, inside one read transaction: other processes write on meanwhile, and what they write neither
 * gets into the copy nor makes SQLite begin it anew. https://www.sqlite.org/c3ref/backup_finish.html
 */
async function copyPages({ path, failpoint }: Store, to: string, { signal, observe }: CopyOptions): Promise<void> {
  const source = new Database(path, { fileMustExist: true });
  try {
    source.exec("BEGIN DEFERRED");
    source.prepare("SELECT count(*) FROM meta").get();
    await source.backup(to, {
      progress({ totalPages, remainingPages }) {
        signal.throwIfAborted();
        observe(totalPages - remainingPages, totalPages);
        failpoint("ledger.copy.pages");
        return PAGES_PER_STEP;
      },
    });
  } finally {
    source.close();
  }
}

/** One file without a log beside it, which knows what it is. Gives its run counter. */
function makeOwn(file: string, { as, nowMs }: CopyOptions): number {
  const db = new Database(file, { fileMustExist: true });
  try {
    db.pragma("journal_mode = DELETE");
    db.pragma("synchronous = FULL");
    const store = createStore(db, file);
    // Whoever brings it works on the ledger, and never on its copy.
    discardAll(store);
    if (as === "move") retire(store, null);
    else markAsBackup(store, nowMs);
    return runCounter(store);
  } finally {
    db.close();
  }
}

/**
 * Runs that had not ended went on after the copy: it counts as older than they are. And whatever the file beside its new
 * place says, or says not, its first run asks the CRM for what was written since.
 */
function markAsBackup(store: Store, nowMs: number): void {
  store.write(() => {
    store.run(`UPDATE meta SET value = max(CAST(value AS INTEGER) - 1, 0) WHERE name = 'run_counter'
      AND EXISTS (SELECT 1 FROM runs WHERE ended_at_ms IS NULL)`);
    store.run(
      "UPDATE catalog SET fetched_at_ms = min(fetched_at_ms, ?) WHERE part = 'lastAtWork'",
      nowMs - NOT_AT_WORK_MS,
    );
  });
}

/** Every page and index, not only a quick look: a backup that can't be read is found now and not when it is needed. */
function checkWhole(file: string, ledger: string): LedgerCopy {
  const db = new Database(file, { readonly: true, fileMustExist: true });
  try {
    const [first] = db.pragma("integrity_check(1)") as { integrity_check: string }[];
    if (first?.integrity_check !== "ok") throw damaged(ledger, new Error(first?.integrity_check));
    const submissions = db.prepare<[], number>("SELECT coalesce(sum(n), 0) FROM queue_counts").pluck().get() ?? 0;
    return { bytes: statSync(file).size, submissions };
  } finally {
    db.close();
  }
}

export function movedCopy(store: Store, file: string): LedgerCopy | null {
  const there = new Database(file, { readonly: true, fileMustExist: true });
  try {
    const [own, other] = [store.db, there].map((db) => identityOf(createStore(db, file)));
    // Whoever found the copy may have gone on with it.
    if (own!.id !== other!.id || own!.counter > other!.counter) return null;
  } finally {
    there.close();
  }
  const copy = checkWhole(file, file);
  rmSync(`${file}.part`, { force: true });
  return copy;
}

function identityOf(store: Store): { id: string | undefined; counter: number } {
  const id = store.one<{ value: string }>("SELECT value FROM meta WHERE name = 'ledger_id'")?.value;
  return { id, counter: runCounter(store) };
}

function syncToDisk(path: string): void {
  const opened = openSync(path, "r");
  try {
    fsyncSync(opened);
  } finally {
    closeSync(opened);
  }
}

/** Unlike a rename, a link never takes the place of a file that came to be meanwhile; not every file system has links. */
function place({ failpoint }: Store, unfinished: string, file: string): void {
  try {
    linkSync(unfinished, file);
  } catch (error) {
    if (existsSync(file)) throw error;
    renameSync(unfinished, file);
  }
  failpoint("ledger.copy.linked");
  rmSync(unfinished, { force: true });
}

function copyError(file: string, error: unknown): unknown {
  const code = String((error as { code?: unknown } | null)?.code ?? "");
  if (error instanceof CrmledgerError) return error;
  if (["SQLITE_FULL", "ENOSPC", "EDQUOT", "EFBIG"].includes(code)) {
    return new CrmledgerError("diskFull", `There is no room for the copy ${file}.`, {
      hint: "Nothing was copied, and the ledger goes on as before. Make room, or name another disk.",
      cause: error,
    });
  }
  if (code.startsWith("SQLITE_CORRUPT") || code === "SQLITE_NOTADB") return damaged(file, error);
  if (/^E[A-Z]+$/.test(code) || /^SQLITE_(IOERR|CANTOPEN|READONLY|PERM|AUTH)/.test(code)) {
    return new CrmledgerError("usage", `The copy ${file} can't be written (${code}).`, {
      hint: "Nothing was copied. See that its folder is there and that this user may write to it.",
      cause: error,
    });
  }
  return error;
}
