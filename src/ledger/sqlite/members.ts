import type { Drift, Layout, MemberRow, SourceShape } from "../members.ts";
import type { Store } from "./store.ts";

const MEMBERS = `
  SELECT path, type, n AS count, first_no AS firstNo, last_no AS lastNo, mapped, last_key AS lastKey FROM source_members
  WHERE source = ? AND layout = ? ORDER BY path, type`;
const DRIFTS = `
  SELECT source, layout, path, drift, begun_no AS begunNo, detail, last_key AS lastKey, found_at_ms AS foundAtMs,
    over_at_ms AS overAtMs
  FROM source_drifts`;

type Told = Pick<Drift, "count" | "since" | "before" | "after" | "mapped">;
type DriftRow = Omit<Drift, keyof Told> & { source: string; layout: Layout; detail: string; overAtMs: number | null };

const driftOf = ({ detail, ...row }: DriftRow) => ({ ...row, ...(JSON.parse(detail) as Told) });

export function sourceShape(store: Store, source: string, layout: Layout): SourceShape {
  return store.read(() => {
    const head = store.one<{ records: number; tooMany: 0 | 1 }>(
      "SELECT records, too_many AS tooMany FROM source_shapes WHERE source = ? AND layout = ?",
      source,
      layout,
    );
    const members = store.all<Omit<MemberRow, "mapped"> & { mapped: 0 | 1 }>(MEMBERS, source, layout);
    const drifts = store.all<DriftRow>(`${DRIFTS} WHERE source = ? AND layout = ?`, source, layout);
    return {
      records: head?.records ?? 0,
      tooMany: head?.tooMany === 1,
      members: members.map((row) => ({ ...row, mapped: row.mapped === 1 })),
      drifts: drifts.map((row) => {
        const { source: _, layout: __, ...drift } = driftOf(row);
        return drift;
      }),
    };
  });
}

const SAVE_HEAD = `
  INSERT INTO source_shapes (source, layout, records, too_many) VALUES (?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET records = excluded.records, too_many = excluded.too_many`;
const SAVE_MEMBER = `
  INSERT INTO source_members (source, layout, path, type, n, first_no, last_no, mapped, last_key)
  VALUES (@source, @layout, @path, @type, @count, @firstNo, @lastNo, @mapped, @lastKey)
  ON CONFLICT DO UPDATE SET n = excluded.n, last_no = excluded.last_no, mapped = excluded.mapped, last_key = excluded.last_key`;
const SAVE_DRIFT = `
  INSERT INTO source_drifts (source, layout, path, drift, begun_no, detail, last_key, found_at_ms, over_at_ms)
  VALUES (@source, @layout, @path, @drift, @begunNo, @detail, @lastKey, @foundAtMs, @overAtMs)
  ON CONFLICT DO UPDATE SET begun_no = excluded.begun_no, detail = excluded.detail, last_key = excluded.last_key,
    found_at_ms = excluded.found_at_ms, over_at_ms = excluded.over_at_ms`;

export function saveSourceShape(store: Store, source: string, layout: Layout, shape: SourceShape): void {
  store.write(() => {
    store.run(SAVE_HEAD, source, layout, shape.records, shape.tooMany ? 1 : 0);
    for (const row of shape.members) store.run(SAVE_MEMBER, { source, layout, ...row, mapped: row.mapped ? 1 : 0 });
    for (const { count, since, before, after, mapped, ...drift } of shape.drifts) {
      const detail = JSON.stringify({ count, since, before, after, mapped } satisfies Told);
      store.run(SAVE_DRIFT, { source, layout, ...drift, detail });
    }
  });
}

export function sourceDrifts(store: Store, sinceMs: number): (Drift & { source: string; layout: Layout })[] {
  const sql = `${DRIFTS} WHERE over_at_ms IS NULL AND found_at_ms >= ? ORDER BY source, layout, path, drift`;
  const rows = store.all<DriftRow>(sql, sinceMs);
  return rows.map((row) => {
    const { overAtMs: _, ...drift } = driftOf(row);
    return drift;
  });
}

/** Who is forgotten is no example. */
export function forgetExample(store: Store, source: string, key: string): void {
  for (const table of ["source_members", "source_drifts"])
    store.run(`UPDATE ${table} SET last_key = NULL WHERE source = ? AND last_key = ?`, source, key);
}
