import type { Hold } from "../../domain/hold.ts";
import type { AccountId } from "../../domain/ids.ts";
import type { HoldFilter, HoldRow } from "../rows.ts";
import type { Store } from "./store.ts";

const COLUMNS =
  "id, kind, scope, until_ms AS untilMs, probe, message, opened_at_ms AS openedAtMs, closed_at_ms AS closedAtMs";

interface RawHold extends Omit<HoldRow, "probe"> {
  probe: number;
}

const holdRow = (row: RawHold): HoldRow => ({ ...row, probe: row.probe === 1 });

export const OPEN_HOLD = `
  INSERT INTO holds (account_id, kind, scope, until_ms, probe, message, opened_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (coalesce(account_id, 0), kind, scope) WHERE closed_at_ms IS NULL
  DO UPDATE SET until_ms = excluded.until_ms, probe = excluded.probe, message = excluded.message`;

export function openHold(store: Store, account: AccountId | null, hold: Hold, nowMs: number): HoldRow {
  const untilMs = hold.untilMs === null ? null : Math.round(hold.untilMs);
  return store.write(() => {
    store.run(OPEN_HOLD, account, hold.kind, hold.scope, untilMs, hold.probe ? 1 : 0, hold.message, nowMs);
    const row = store.one<RawHold>(
      `SELECT ${COLUMNS} FROM holds
       WHERE coalesce(account_id, 0) = ? AND kind = ? AND scope = ? AND closed_at_ms IS NULL`,
      account ?? 0,
      hold.kind,
      hold.scope,
    );
    return holdRow(row!);
  });
}

/** Absent members match every hold. */
export function closeHolds(store: Store, filter: HoldFilter & { ids?: number[] }, nowMs: number): number {
  return store.write(
    () =>
      store.run(
        `UPDATE holds SET closed_at_ms = @nowMs
         WHERE closed_at_ms IS NULL AND (@kind IS NULL OR kind = @kind) AND (@scope IS NULL OR scope = @scope)
           AND (@ids IS NULL OR id IN (SELECT value FROM json_each(@ids)))`,
        {
          nowMs,
          kind: filter.kind ?? null,
          scope: filter.scope ?? null,
          ids: filter.ids === undefined ? null : JSON.stringify(filter.ids),
        },
      ).changes,
  );
}

/** The open ones, oldest first. */
export function holds(store: Store): HoldRow[] {
  return store.all<RawHold>(`SELECT ${COLUMNS} FROM holds WHERE closed_at_ms IS NULL ORDER BY id`).map(holdRow);
}
