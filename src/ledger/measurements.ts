/** The ledger's contract for `doctor --measure`: what it saw, and the test records that it has to take away again. */
import type { Entity } from "../domain/catalog.ts";
import type { AccountId, CrmId } from "../domain/ids.ts";
import type { Measurement } from "../domain/measurement.ts";

export interface TestRecord {
  stamp: string;
  entity: Entity;
  /** Null: it was sent, and no answer came. */
  crmId: CrmId | null;
  begunAtMs: number;
}

export interface MeasurementsLedger {
  saveMeasurement(account: AccountId, measurement: Measurement): Promise<void>;
  /** The newest; null: there was none. */
  lastMeasurement(account: AccountId): Promise<Measurement | null>;
  /** Those that may be at the CRM, oldest first. */
  testRecords(account: AccountId): Promise<TestRecord[]>;
  /** Before it is sent, and again with its id. Safe to repeat. */
  saveTestRecord(account: AccountId, record: TestRecord): Promise<void>;
  forgetTestRecord(account: AccountId, stamp: string): Promise<void>;
}
