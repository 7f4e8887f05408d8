/** The ledger's mirror verbs in memory, for simulations of thousands of runs. */
import type { IdentityKey } from "../../src/domain/identity.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import type { MirrorHit, MirrorState } from "../../src/ledger/rows.ts";

type Verbs = Pick<Ledger, "mirrorFind" | "mirrorSave" | "mirrorState" | "mirrorSweep">;

export function mirrorInMemory(): Verbs & { size(): number } {
  const rows = new Map<string, MirrorHit & { walk: number }>();
  const ids = new Map<IdentityKey, Set<string>>();
  const states = new Map<string, MirrorState>();
  const stateOf = (entity: MirrorState["entity"]): MirrorState =>
    states.get(entity) ?? {
      entity,
      watermarkMs: null,
      walkedAtMs: null,
      refreshedAtMs: null,
      records: 0,
      searchTokens: 0,
      walk: 0,
    };
  const drop = (name: string): void => {
    for (const key of rows.get(name)?.keys ?? []) ids.get(key)?.delete(name);
    rows.delete(name);
  };
  return {
    size: () => rows.size,
    async mirrorFind(_, entity, keys) {
      const found = new Map<IdentityKey, MirrorHit[]>();
      for (const key of keys) {
        const hits = [...(ids.get(key) ?? [])]
          .filter((name) => name.startsWith(`${entity} `))
          .flatMap((name) => rows.get(name) ?? []);
        if (hits.length > 0) found.set(key, hits);
      }
      return found;
    },
    async mirrorSave(batch) {
      if (batch.state !== null) states.set(batch.entity, { ...batch.state });
      for (const record of batch.records) {
        const name = `${batch.entity} ${record.id}`;
        drop(name);
        const keys = batch.keys[record.id] ?? [];
        rows.set(name, { id: record.id, createdAtMs: record.createdAtMs, keys, walk: stateOf(batch.entity).walk });
        for (const key of keys) ids.set(key, (ids.get(key) ?? new Set()).add(name));
      }
      for (const id of batch.gone) drop(`${batch.entity} ${id}`);
    },
    async mirrorState(_, entity) {
      return { ...stateOf(entity) };
    },
    async mirrorSweep(_, entity, walk) {
      const stale = [...rows].filter(([name, row]) => name.startsWith(`${entity} `) && row.walk < walk);
      for (const [name] of stale) drop(name);
      return stale.length;
    },
  };
}
