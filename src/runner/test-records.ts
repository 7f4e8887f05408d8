/** Records that a measurement makes at the CRM, and takes away again whatever happens. */

import type { Entity } from "../domain/catalog.ts";
import type { EntityValues } from "../domain/chain.ts";
import type { Clock } from "../domain/clock.ts";
import { CrmledgerError } from "../domain/errors.ts";
import type { CrmId } from "../domain/ids.ts";
import type { Links, Outcome } from "../domain/operation.ts";
import { stampOf } from "../domain/stamp.ts";
import type { MeasurementsLedger, TestRecord } from "../ledger/measurements.ts";
import type { WatchedSend } from "./measure-watch.ts";
import type { Desk } from "./runner.ts";

/** What every stamp of a test record begins with: no source of a config is called so. */
export const MEASURE_SOURCE = "crmledger-measure";
export const TEST_NAME = "crmledger measurement, please ignore";
/** Parents stay until what hangs on them is gone. */
const REMOVED_IN_ORDER: readonly Entity[] = ["note", "deal", "person", "organization"];
const TRIES_MAX = 3;
const PAGES_MAX = 4;
/** A write whose answer was lost is not executed any more after this; and a list shows it by then. */
const SETTLED_MS = 10 * 60_000;
const CLOCKS_APART_MS = 3_600_000;

export interface TestRecordDeps {
  desk: Desk;
  ledger: MeasurementsLedger;
  clock: Clock;
  watch?: Pick<WatchedSend, "timesOf">;
}

export interface MadeRecord {
  entity: Entity;
  id: CrmId;
  /** By which people and searches know it. */
  name: string;
  /** When its answer was here. Monotonic ms. */
  answeredMs: number;
}

/** Makes one, written down before it leaves. Rejects with `held` where the CRM does not take it. */
export async function makeTestRecord(
  { desk, ledger, clock, watch }: TestRecordDeps,
  entity: Entity,
  key: string,
  links: Links,
): Promise<MadeRecord> {
  const stamp = stampOf(MEASURE_SOURCE, key);
  const record: TestRecord = { stamp, entity, crmId: null, begunAtMs: clock.wallMs() };
  const name = `${TEST_NAME} (${stamp})`;
  await ledger.saveTestRecord(desk.accountId, record);
  const stamped = { key: stamp, values: valuesOf(entity, name), links, stamp: entity === "note" ? null : stamp };
  const outcome = await desk.perform({ type: "create", entity, format: "text", ...stamped });
  const answeredMs = watch?.timesOf(stamp)?.answeredMs ?? clock.monoMs();
  if (outcome.type === "applied" && outcome.id !== undefined) {
    await ledger.saveTestRecord(desk.accountId, { ...record, crmId: outcome.id });
    return { entity, id: outcome.id, name, answeredMs };
  }
  if (outcome.type === "refused" || outcome.type === "deferred") await ledger.forgetTestRecord(desk.accountId, stamp);
  throw new CrmledgerError("held", `the test ${entity} could not be made: ${messageOf(outcome)}`, {
    hint: "Nothing of yours was touched. What was made for the measurement is taken away again.",
  });
}

function valuesOf(entity: Entity, name: string): EntityValues {
  if (entity === "note") return { text: name };
  return entity === "deal" ? { title: name } : { name };
}

const messageOf = (outcome: Outcome): string => ("message" in outcome ? outcome.message : outcome.type);

/** One that may still be at the CRM. */
export interface LeftTestRecord extends TestRecord {
  /** What the CRM said against its deletion; absent: it was not asked, or did not answer. */
  refusal?: string;
}

/** Takes away what this ledger knows of, of earlier measurements too. Gives what may still be there. */
export async function removeTestRecords(deps: TestRecordDeps): Promise<LeftTestRecord[]> {
  const records = await deps.ledger.testRecords(deps.desk.accountId);
  const rank = ({ entity }: TestRecord): number => REMOVED_IN_ORDER.indexOf(entity);
  const left: LeftTestRecord[] = [];
  for (const record of records.sort((a, b) => rank(a) - rank(b))) {
    const rest = await removeOne(deps, record).catch(() => record);
    if (rest !== null) left.push(rest);
  }
  return left;
}

/** Null: it is gone, or never came to be. */
async function removeOne(deps: TestRecordDeps, record: TestRecord): Promise<LeftTestRecord | null> {
  const { desk, ledger, clock } = deps;
  const id = record.crmId ?? (await find(desk, record));
  if (id === null) {
    if (clock.wallMs() - record.begunAtMs < SETTLED_MS) return record;
    await ledger.forgetTestRecord(desk.accountId, record.stamp);
    return null;
  }
  const known = { ...record, crmId: id };
  await ledger.saveTestRecord(desk.accountId, known);
  for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
    const outcome = await desk.perform({
      type: "delete",
      key: `${record.stamp}#delete${tries}`,
      entity: record.entity,
      id,
    });
    const isGone = outcome.type === "applied" || (outcome.type === "refused" && outcome.gone === true);
    if (isGone) {
      await ledger.forgetTestRecord(desk.accountId, record.stamp);
      return null;
    }
    if (outcome.type === "refused") return { ...known, refusal: outcome.message };
  }
  return known;
}

/** One whose answer was lost, by its stamp on the newest pages. */
async function find(desk: Desk, { stamp, entity, begunAtMs }: TestRecord): Promise<CrmId | null> {
  const sinceMs = desk.crmTimeMs(begunAtMs) - CLOCKS_APART_MS;
  let cursor: string | undefined;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const key = `${stamp}#find${page}`;
    const { outcome } = await desk.read({ type: "list", key, entity, sinceMs, newestFirst: true, cursor });
    if (outcome.type !== "applied") throw new CrmledgerError("held", `the CRM's ${entity}s could not be listed`);
    const found = outcome.records?.find((one) => one.stamp === stamp || one.text?.includes(stamp));
    if (found !== undefined) return found.id;
    if (!outcome.next) return null;
    cursor = outcome.next;
  }
  return null;
}
