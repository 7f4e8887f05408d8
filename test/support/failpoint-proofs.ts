/** What must be true of a ledger, a spool and a CRM whenever a command that died was followed by one that did not. */
import assert from "node:assert/strict";
import Database from "better-sqlite3";
import type { QueueCounts } from "../../src/ledger/rows.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import type { Given } from "./drain-rig.ts";
import { unsound } from "./ledger-soundness.ts";
import type { MortalWorld } from "./mortal-world.ts";
import { judge } from "./oracle.ts";

export const LEDGER = "crmledger.db";

/** The file is whole, and nothing of a dead run is left in hand. */
export async function ledgerIsSound(world: MortalWorld, queue: Partial<QueueCounts>, file = LEDGER): Promise<void> {
  const ledger = await openSqliteLedger({ path: world.path(file), create: false, nowMs: Date.now() });
  try {
    assert.deepEqual(await ledger.check(), [], "the ledger is damaged");
    const counts = await ledger.queue();
    assert.deepEqual({ ...counts, ...queue }, counts, "the queue");
    assert.equal(counts.inProgress, 0, "work in nobody's hands");
  } finally {
    await ledger.close();
  }
  const db = new Database(world.path(file), { readonly: true });
  try {
    assert.deepEqual(unsound(db), {}, "what finds submissions");
  } finally {
    db.close();
  }
  const left = rowsOf(world, file, {
    claims: "SELECT id FROM claims",
    leases: "SELECT key FROM identity_leases",
    steps: "SELECT name, state FROM steps WHERE state NOT IN ('done', 'failed') AND dropped = 0",
  });
  assert.deepEqual(left, { claims: [], leases: [], steps: [] }, "left in hand");
}

/** Rows of several statements, by name. */
export function rowsOf<Name extends string>(
  world: MortalWorld,
  file: string,
  statements: Record<Name, string>,
): Record<Name, unknown[]> {
  const db = new Database(world.path(file), { readonly: true });
  try {
    const rows = Object.entries<string>(statements).map(([name, sql]) => [name, db.prepare(sql).all()]);
    return Object.fromEntries(rows) as Record<Name, unknown[]>;
  } finally {
    db.close();
  }
}

/** Each of `given` is at the CRM, once. */
export function eachOnce({ simulator }: MortalWorld, given: readonly Given[]): void {
  assert.deepEqual(judge(simulator, given), { lost: [], doubled: [] }, "at the CRM");
}

/** Whoever asks once more changes nothing: neither at the CRM, nor in ledger and files. */
export async function changesNothing(world: MortalWorld, ...line: string[]): Promise<void> {
  const before = stateOf(world);
  const { code, err } = await world.run(...line);
  assert.notEqual(code, 1, `${line.join(" ")} once more: ${err}`);
  assert.deepEqual(stateOf(world), before, `${line.join(" ")} once more changed something`);
}

function stateOf(world: MortalWorld): unknown {
  return {
    crm: world.simulator.log.length,
    files: world.files().filter((file) => !file.startsWith(LEDGER)),
    ledger: rowsOf(world, LEDGER, {
      submissions: "SELECT id, source, key, state, content_hash FROM submissions",
      steps: "SELECT id, submission_id, name, state, crm_id FROM steps",
      rejects: "SELECT id, source, closed_at_ms, raw FROM rejects",
    }),
  };
}

/** Runs a command to its end; its exit code is one of those. */
export async function runs(world: MortalWorld, codes: readonly number[], ...line: string[]) {
  const ran = await world.run(...line);
  assert.ok(
    codes.includes(ran.code),
    `${line.join(" ")} left with ${ran.code}: ${ran.err}${ran.code === 0 ? "" : ran.out}`,
  );
  return ran;
}
