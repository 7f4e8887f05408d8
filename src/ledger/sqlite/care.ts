/** Care for the file itself. */
import { statSync } from "node:fs";
import { CrmledgerError } from "../../domain/errors.ts";
import { damaged, ledgerError } from "./faults.ts";
import { runCounter, runCounterBeside } from "./runs.ts";
import type { Store } from "./store.ts";

/** At most so many problems are told. */
const PROBLEMS_MAX = 100;

/** https://www.sqlite.org/pragma.html#pragma_quick_check. Reads the whole file, without the write lock. */
export function check(store: Store): string[] {
  try {
    const rows = store.db.pragma(`quick_check(${PROBLEMS_MAX})`) as { quick_check: string }[];
    const problems = rows.map((row) => row.quick_check).filter((line) => line !== "ok");
    const orphans = store.db.pragma("foreign_key_check") as { table: string; parent: string }[];
    for (const { table, parent } of orphans.slice(0, PROBLEMS_MAX)) {
      problems.push(`a row of ${table} names a row of ${parent} that is not there`);
    }
    return problems;
  } catch (error) {
    const fault = ledgerError(store.path, error);
    if ((fault as { code?: unknown }).code === "ledgerDamaged") return [(error as Error).message];
    throw fault;
  }
}

/**
 * What nobody thought of may come of a damaged page: text that is no JSON any more, a row that breaks its own rules. The file
 * is looked at only then. Gives the error as it is where the file shows nothing.
 */
export function ofDamage(store: Store, error: unknown): unknown {
  if (error instanceof CrmledgerError) return error;
  const isSeen = error instanceof SyntaxError || (store.db.open && check(store).length > 0);
  return isSeen ? damaged(store.path, error) : error;
}

const SYNCHRONOUS = ["OFF", "NORMAL", "FULL", "EXTRA"];

export function facts(store: Store) {
  const pragma = (name: string): unknown => store.db.pragma(name, { simple: true });
  const meta = store.one<{ value: string }>("SELECT value FROM meta WHERE name = 'created_at_ms'");
  return {
    version: pragma("user_version") as number,
    path: store.path,
    bytes: store.path === ":memory:" ? 0 : statSync(store.path).size,
    synchronous: SYNCHRONOUS[pragma("synchronous") as number] ?? "unknown",
    journalMode: String(pragma("journal_mode")),
    runCounter: runCounter(store),
    runCounterBeside: runCounterBeside(store.path),
    createdAtMs: Number(meta?.value ?? 0),
  };
}
