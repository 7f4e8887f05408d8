import type { AccountId } from "../../domain/ids.ts";
import type { Measurement } from "../../domain/measurement.ts";
import type { TestRecord } from "../measurements.ts";
import type { Store } from "./store.ts";

export function saveMeasurement(store: Store, account: AccountId, measurement: Measurement): void {
  const sql = "INSERT INTO measurements (account_id, at_ms, body) VALUES (?, ?, ?)";
  store.write(() => store.run(sql, account, Math.round(measurement.atMs), JSON.stringify(measurement)));
}

export function lastMeasurement(store: Store, account: AccountId): Measurement | null {
  const sql = "SELECT body FROM measurements WHERE account_id = ? ORDER BY id DESC LIMIT 1";
  const row = store.one<{ body: string }>(sql, account);
  return row === undefined ? null : (JSON.parse(row.body) as Measurement);
}

export function testRecords(store: Store, account: AccountId): TestRecord[] {
  return store.all<TestRecord>(
    `SELECT stamp, entity, crm_id AS crmId, begun_at_ms AS begunAtMs FROM test_records
     WHERE account_id = ? ORDER BY begun_at_ms, stamp`,
    account,
  );
}

export function saveTestRecord(store: Store, account: AccountId, record: TestRecord): void {
  const sql = `INSERT INTO test_records (account_id, stamp, entity, crm_id, begun_at_ms) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET crm_id = coalesce(excluded.crm_id, crm_id)`;
  const { stamp, entity, crmId, begunAtMs } = record;
  store.write(() => store.run(sql, account, stamp, entity, crmId, Math.round(begunAtMs)));
}

export function forgetTestRecord(store: Store, account: AccountId, stamp: string): void {
  store.write(() => store.run("DELETE FROM test_records WHERE account_id = ? AND stamp = ?", account, stamp));
}
