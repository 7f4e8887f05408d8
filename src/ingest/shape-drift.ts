/** Whether the shape of a source's records changed, by what its records had so far. Pure. */
import type { Drift, MemberRow, MemberType, SourceShape } from "../ledger/members.ts";

/** Records that make something usual. */
const LEARNED_MIN = 20;
const USUAL_PART = 0.95;
/** So many in a row without it are no chance: of what nineteen of twenty have, once in three million. */
const MISSES_MIN = 5;
/** As many with something new are no slip. */
const SIGHTINGS_MIN = 3;
const DAY_MS = 86_400_000;
/** After that it is how the source is now. */
const TOLD_MS = { vanished: 14 * DAY_MS, retyped: 14 * DAY_MS, added: 7 * DAY_MS, tooMany: 7 * DAY_MS } as const;

type Found = Omit<Drift, "foundAtMs">;

/** One member of whatever type. */
interface Member {
  path: string;
  rows: MemberRow[];
  /** Of those that hold something. */
  filled: MemberRow[];
  count: number;
  firstNo: number;
  lastNo: number;
  mapped: boolean;
  lastKey: string | null;
}

/**
 * What drifted, as it stands after these records: those that began anew, and those that ended. `isRead` tells of a member that
 * no path of the map names whether an expression reads it all the same.
 */
export async function judgeDrifts(
  shape: SourceShape,
  nowMs: number,
  isRead: (path: string) => Promise<boolean>,
): Promise<{ begun: Drift[]; ended: (Drift & { overAtMs: number })[] }> {
  const members = membersOf(shape.members);
  const found = shape.tooMany
    ? [tooMany(shape)]
    : [...vanished(members, shape.records), ...retyped(members, shape.records), ...added(members)];
  const begun: Drift[] = [];
  for (const one of topmost(found)) {
    const known = shape.drifts.find(({ path, drift }) => path === one.path && drift === one.drift);
    if (known?.begunNo === one.begunNo) continue;
    if (one.drift === "added" && (await isRead(one.path))) continue;
    begun.push({ ...one, foundAtMs: nowMs });
  }
  const ended = shape.drifts.filter((drift) => {
    if (drift.overAtMs !== null) return false;
    const now = found.find(({ path, drift: kind }) => path === drift.path && kind === drift.drift);
    return now?.begunNo !== drift.begunNo || nowMs - drift.foundAtMs > TOLD_MS[drift.drift];
  });
  return { begun, ended: ended.map((drift) => ({ ...drift, overAtMs: nowMs })) };
}

function membersOf(rows: readonly MemberRow[]): Member[] {
  const byPath = new Map<string, MemberRow[]>();
  for (const row of rows) byPath.set(row.path, [...(byPath.get(row.path) ?? []), row]);
  return [...byPath].flatMap(([path, all]): Member[] => {
    const filled = all.filter(({ type }) => type !== "empty");
    const last = filled.reduce<MemberRow | null>((a, b) => (a === null || b.lastNo > a.lastNo ? b : a), null);
    if (last === null) return [];
    return [
      {
        ...{ path, rows: all, filled, mapped: last.mapped, lastKey: last.lastKey, lastNo: last.lastNo },
        count: filled.reduce((sum, { count }) => sum + count, 0),
        firstNo: Math.min(...filled.map(({ firstNo }) => firstNo)),
      },
    ];
  });
}

const NO_TYPES = { before: null, after: null } as const;

function vanished(members: readonly Member[], records: number): Found[] {
  return members.flatMap(({ path, count, firstNo, lastNo, mapped, lastKey }): Found[] => {
    const isUsual = count >= LEARNED_MIN && count >= USUAL_PART * (lastNo - firstNo + 1);
    if (!isUsual || records - lastNo < MISSES_MIN) return [];
    const since = records - lastNo;
    return [{ path, drift: "vanished", begunNo: lastNo, count, since, ...NO_TYPES, mapped, lastKey }];
  });
}

function retyped(members: readonly Member[], records: number): Found[] {
  return members.flatMap(({ path, filled, mapped }): Found[] => {
    const [usual] = [...filled].sort((a, b) => b.count - a.count);
    const [latest] = [...filled].sort((a, b) => b.lastNo - a.lastNo);
    if (usual === undefined || latest === undefined || latest.type === usual.type) return [];
    const since = records - usual.lastNo;
    const others = filled.reduce((sum, { count }) => sum + count, 0) - usual.count;
    // Others may have come since, and only those before speak against it.
    const isUsual =
      usual.count >= LEARNED_MIN && usual.count >= USUAL_PART * (usual.count + Math.max(0, others - since));
    if (!isUsual || since < MISSES_MIN || latest.count < SIGHTINGS_MIN) return [];
    const types = { before: usual.type, after: latest.type as MemberType };
    const { lastKey, count } = latest;
    return [{ path, drift: "retyped", begunNo: usual.lastNo, count, since, ...types, mapped, lastKey }];
  });
}

function added(members: readonly Member[]): Found[] {
  return members.flatMap(({ path, filled, count, firstNo, lastNo, mapped, lastKey }): Found[] => {
    const holdsOthers = filled.every(({ type }) => type === "object" || type === "list");
    if (firstNo <= LEARNED_MIN || count < SIGHTINGS_MIN || mapped || holdsOthers) return [];
    const since = lastNo - firstNo + 1;
    return [{ path, drift: "added", begunNo: firstNo, count, since, ...NO_TYPES, mapped, lastKey }];
  });
}

function tooMany({ records }: SourceShape): Found {
  const none = { since: 0, ...NO_TYPES, mapped: false, lastKey: null };
  return { path: "", drift: "tooMany", begunNo: 0, count: records, ...none };
}

/** What is below something that vanished, or is something else now, says nothing more. */
function topmost(found: readonly Found[]): Found[] {
  const gone = found.filter(({ drift }) => drift === "vanished" || drift === "retyped").map(({ path }) => path);
  return found.filter(
    ({ path }) => !gone.some((one) => path !== one && (path.startsWith(`${one}.`) || path.startsWith(`${one}[]`))),
  );
}
