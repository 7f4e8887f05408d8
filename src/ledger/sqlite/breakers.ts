import type { AccountId, RunId } from "../../domain/ids.ts";
import type { OperationGroup } from "../../domain/operation.ts";
import type { SavedBreaker } from "../breakers.ts";
import type { Store } from "./store.ts";

export function breakers(store: Store, account: AccountId): SavedBreaker[] {
  return store
    .all<Omit<SavedBreaker, "recent"> & { recent: string }>(
      `SELECT op_group AS "group", state, opened_at_ms AS openedAtMs, recent, openings, down FROM breakers
       WHERE account_id = ? ORDER BY op_group`,
      account,
    )
    .map((row) => ({ ...row, recent: JSON.parse(row.recent) as boolean[] }));
}

export function saveBreaker(store: Store, account: AccountId, breaker: SavedBreaker): void {
  const { group, state, openedAtMs, recent, openings = 0, down = null } = breaker;
  store.write(() =>
    store.run(
      `INSERT INTO breakers (account_id, op_group, state, opened_at_ms, recent, openings, down)
       VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET state = excluded.state, opened_at_ms = excluded.opened_at_ms, recent = excluded.recent,
         openings = excluded.openings, down = excluded.down, probe_run_id = NULL, probe_until_ms = NULL`,
      account,
      group,
      state,
      openedAtMs,
      JSON.stringify(recent),
      openings,
      down,
    ),
  );
}

export function saveBreakerMemory(
  store: Store,
  account: AccountId,
  group: OperationGroup,
  recent: readonly boolean[],
): void {
  store.write(() =>
    store.run(
      `INSERT INTO breakers (account_id, op_group, state, recent) VALUES (?, ?, 'closed', ?)
       ON CONFLICT DO UPDATE SET recent = excluded.recent WHERE state = 'closed'`,
      account,
      group,
      JSON.stringify(recent),
    ),
  );
}

/** A wall clock that was set back must not keep a lost probe for longer than any probe lasts. */
const PROBE_MAX_MS = 3_600_000;

export function takeProbe(
  store: Store,
  account: AccountId,
  group: OperationGroup,
  run: RunId,
  nowMs: number,
  untilMs: number,
): boolean {
  const taken = store.write(() =>
    store.run(
      `INSERT INTO breakers (account_id, op_group, state, recent, probe_run_id, probe_until_ms)
       VALUES (@account, @group, 'closed', '[]', @run, @untilMs)
       ON CONFLICT DO UPDATE SET probe_run_id = @run, probe_until_ms = @untilMs,
         state = CASE state WHEN 'open' THEN 'halfOpen' ELSE state END
       WHERE probe_run_id IS NULL OR probe_run_id = @run OR probe_until_ms NOT BETWEEN @nowMs AND @nowMs + ${PROBE_MAX_MS}
         OR NOT EXISTS (SELECT 1 FROM runs WHERE id = probe_run_id AND ended_at_ms IS NULL)`,
      { account, group, run, nowMs: Math.round(nowMs), untilMs: Math.round(untilMs) },
    ),
  );
  return taken.changes === 1;
}

export function giveProbeBack(store: Store, account: AccountId, group: OperationGroup, run: RunId): void {
  store.write(() =>
    store.run(
      `UPDATE breakers SET probe_run_id = NULL, probe_until_ms = NULL,
         state = CASE state WHEN 'halfOpen' THEN 'open' ELSE state END
       WHERE account_id = ? AND op_group = ? AND probe_run_id = ?`,
      account,
      group,
      run,
    ),
  );
}
