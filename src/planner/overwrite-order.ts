/** What an overwriting submission must leave alone: what a later one wrote, and what people changed after it. Pure. */
import type { EntityValues, StepContent } from "../domain/chain.ts";
import { canonicalJson } from "../domain/json.ts";
import type { CrmRecord } from "../domain/operation.ts";
import type { PlanContext } from "./planner.ts";

/** A write of ours to the record, by another submission. */
export interface EarlierWrite {
  /** Of its submission. UTC ms. */
  submittedAtMs: number;
  /** When its answer came; null where that is unknown. UTC ms. */
  endedAtMs: number | null;
  /** When it left; null where nothing was sent. UTC ms. */
  begunAtMs?: number | null;
  /** Grows with each request; null where nothing was sent. */
  requestNo?: number | null;
  content: StepContent;
  /** What left of it; absent: all. */
  sent?: EntityValues | null;
}

/** The CRM's times are whole seconds, and its clock is not ours. */
const CLOCKS_APART_MS = 5_000;

/**
 * The content without the values that may not be replaced. What is empty at the CRM may always be filled. Where it can't be
 * told whether people changed a value after `submittedAtMs`, it counts as theirs.
 */
export function inOrder(
  content: StepContent,
  record: CrmRecord,
  submittedAtMs: number,
  writes: readonly EarlierWrite[],
  context: PlanContext,
): StepContent {
  if (content.onMatch !== "overwrite") return content;
  const keep = (member: Member): boolean =>
    !isEmpty(member.in(record)) && isProtected(member, content, record, submittedAtMs, writes, context);
  const { fields = {}, ...rest } = content.values;
  const values: EntityValues = { ...rest };
  for (const name of ["name", "title", "value"] as const) {
    if (values[name] === undefined || !keep(plainMember(name))) continue;
    delete values[name];
    if (name === "value") delete values.currency;
  }
  const open = Object.entries(fields).filter(([code]) => !keep(fieldMember(code)));
  return { ...content, values: { ...values, ...(open.length > 0 ? { fields: Object.fromEntries(open) } : {}) } };
}

/** One value of a record, in what was written and in what is there. */
interface Member {
  of: (values: EntityValues) => unknown;
  in: (record: CrmRecord) => unknown;
  code: string | null;
}

const plainMember = (name: "name" | "title" | "value"): Member => ({
  of: (values) => values[name],
  in: (record) => (name === "value" && record.value === 0 ? null : record[name]),
  code: null,
});

const fieldMember = (code: string): Member => ({
  of: (values) => values.fields?.[code],
  in: (record) => record.fields[code],
  code,
});

function isProtected(
  member: Member,
  { amends }: StepContent,
  record: CrmRecord,
  submittedAtMs: number,
  writes: readonly EarlierWrite[],
  context: PlanContext,
): boolean {
  const mine = writes.filter(({ content }) => member.of(content.values) !== undefined);
  if (mine.some((write) => write.submittedAtMs > submittedAtMs)) return true;
  // A revision replaces what we wrote, as long as it is still there; when it was submitted says nothing about that.
  const ours = latest(mine.filter((write) => member.of(left(write)) !== undefined));
  if (amends && (ours || amends.onMatch !== "overwrite"))
    return !ours || !sameValue(member, left(ours), record, context);
  if (record.updatedAtMs === null || record.updatedAtMs <= submittedAtMs) return false;
  if (ours) return !sameValue(member, left(ours), record, context);
  const ended = latest(writes)?.endedAtMs ?? null;
  return ended === null || record.updatedAtMs > ended + CLOCKS_APART_MS;
}

function latest(writes: readonly EarlierWrite[]): EarlierWrite | null {
  return writes.reduce<EarlierWrite | null>(
    (last, write) => (last === null || !isBefore(write, last) ? write : last),
    null,
  );
}

/** By the requests' numbers, for clocks are set; by time where nothing has one. */
function isBefore(a: EarlierWrite, b: EarlierWrite): boolean {
  if (a.requestNo != null || b.requestNo != null) return (a.requestNo ?? 0) < (b.requestNo ?? 0);
  return sentAtMs(a) < sentAtMs(b);
}

/** The answer may have been lost, and the write found later: when it left tells the order all the same. */
const sentAtMs = ({ begunAtMs, endedAtMs }: EarlierWrite): number => begunAtMs ?? endedAtMs ?? 0;

const left = ({ sent, content }: EarlierWrite): EntityValues => sent ?? content.values;

function sameValue(member: Member, ours: EntityValues, record: CrmRecord, context: PlanContext): boolean {
  const wrote = member.of(ours);
  const there = member.in(record);
  const { entity } = record;
  const def = entity === "note" ? undefined : context.catalog.fields[entity]?.find(({ code }) => code === member.code);
  return def ? context.codec.equal(def, wrote, there) : canonicalJson(wrote) === canonicalJson(there);
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === "" || (Array.isArray(value) && value.length === 0);
}
