import type { SubmissionId } from "../domain/ids.ts";
import type { SubmissionContent } from "../domain/submission.ts";
import type { UnplannedRow } from "../ledger/ledger.ts";
import type { Replacement } from "../ledger/replaced.ts";
import { counted } from "../report/human.ts";
import type { Invocation } from "./command.ts";
import type { Shop } from "./compose.ts";
import { openMapping } from "./todays-map.ts";

/** Rows of one transaction. */
const ROWS = 200;

type Remapped = Replacement & { contentHash: string };

/**
 * A source on hold for its map: what waits was mapped when it came in, so a mended map is applied to it here. Where that
 * changes something, the source's hold ends and the run that follows tries it.
 */
export async function remapHeld(shop: Shop, { talk }: Pick<Invocation, "talk">): Promise<void> {
  for (const source of await heldSources(shop)) {
    let changed = 0;
    for await (const replacements of remappedRows(shop, source)) {
      changed += await shop.ledger.replaceUnplanned(replacements, shop.now());
    }
    if (changed === 0) continue;
    await shop.ledger.closeHolds({ kind: "source", scope: `source:${source}` }, shop.clock.wallMs());
    talk.say(`${source}: ${counted(changed, "waiting submission")} mapped anew; its hold is over`);
  }
}

/** What `remapHeld` would put in the place of what waits, at most `max`. Writes nothing. */
export async function remapPreview(shop: Shop, max: number): Promise<Map<SubmissionId, SubmissionContent>> {
  const contents = new Map<SubmissionId, SubmissionContent>();
  for (const source of await heldSources(shop)) {
    for await (const replacements of remappedRows(shop, source)) {
      for (const [id, { content }] of replacements) contents.set(id, content);
      if (contents.size >= max) return contents;
    }
  }
  return contents;
}

async function heldSources({ ledger, config }: Shop): Promise<string[]> {
  const holds = await ledger.holds();
  return holds
    .filter(({ kind, scope }) => kind === "source" && scope.startsWith("source:"))
    .map(({ scope }) => scope.slice("source:".length))
    .filter((source) => Object.hasOwn(config.sources, source));
}

/** By transaction's worth: the rows that today's map reads in another way. */
async function* remappedRows(shop: Shop, source: string): AsyncGenerator<Map<SubmissionId, Remapped>> {
  const { remapRaw } = await import("../intake/mapping.ts");
  const mapping = await openMapping(shop.config, source);
  let last: UnplannedRow | null = null;
  for (;;) {
    const rows: UnplannedRow[] = await shop.ledger.unplanned(source, last, ROWS);
    if (rows.length === 0) return;
    const replacements = new Map<SubmissionId, Remapped>();
    for (const row of rows) {
      const mapped = await remapRaw(mapping, row.raw);
      if (mapped === null || mapped.contentHash === row.contentHash) continue;
      const { content, identityKeys, contentHash } = mapped;
      replacements.set(row.id, { content, identityKeys, contentHash });
    }
    if (replacements.size > 0) yield replacements;
    last = rows.at(-1) ?? null;
  }
}
