import type { SubmissionId } from "../domain/ids.ts";
import type { Replacement, UnplannedRow } from "../ledger/ledger.ts";
import { counted } from "../report/human.ts";
import type { Invocation } from "./command.ts";
import type { Shop } from "./compose.ts";
import { openMapping } from "./todays-map.ts";

/** Rows of one transaction. */
const ROWS = 200;

/**
 * A source on hold for its map: what waits was mapped when it came in, so a mended map is applied to it here. Where that
 * changes something, the source's hold ends and the run that follows tries it.
 */
export async function remapHeld(shop: Shop, { talk }: Pick<Invocation, "talk">): Promise<void> {
  for (const { kind, scope } of await shop.ledger.holds()) {
    const source = scope.slice("source:".length);
    if (kind !== "source" || !scope.startsWith("source:") || !Object.hasOwn(shop.config.sources, source)) continue;
    const changed = await remapSource(shop, source);
    if (changed === 0) continue;
    await shop.ledger.closeHolds({ kind, scope }, shop.clock.wallMs());
    talk.say(`${source}: ${counted(changed, "waiting submission")} mapped anew; its hold is over`);
  }
}

async function remapSource(shop: Shop, source: string): Promise<number> {
  const { remapRaw } = await import("../intake/mapping.ts");
  const mapping = await openMapping(shop.config, source);
  let changed = 0;
  let last: UnplannedRow | null = null;
  for (;;) {
    const rows: UnplannedRow[] = await shop.ledger.unplanned(source, last, ROWS);
    if (rows.length === 0) return changed;
    const replacements = new Map<SubmissionId, Replacement & { contentHash: string }>();
    for (const row of rows) {
      const mapped = await remapRaw(mapping, row.raw);
      if (mapped === null || mapped.contentHash === row.contentHash) continue;
      const { content, identityKeys, contentHash } = mapped;
      replacements.set(row.id, { content, identityKeys, contentHash });
    }
    if (replacements.size > 0) changed += await shop.ledger.replaceUnplanned(replacements, shop.now());
    last = rows.at(-1) ?? null;
  }
}
