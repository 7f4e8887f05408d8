import type { SubmissionId } from "../domain/ids.ts";
import type { SourceSettings } from "../domain/settings.ts";
import type { Replacement } from "../ledger/replaced.ts";
import type { SampledRow } from "../ledger/samples.ts";
import type { Invocation } from "./command.ts";
import type { Shop } from "./compose.ts";

const KEYS_PER_LOOK = 500;

/**
 * What today's maps make of the kept raw records. Left out are those that keep their content: of a source that the config
 * does not have any more, or which the map would now skip or reject; the latter are named in a warning.
 */
export async function todaysContents(
  shop: Shop,
  { talk }: Invocation,
  rows: readonly SampledRow[],
): Promise<Map<SubmissionId, Replacement>> {
  const contents = new Map<SubmissionId, Replacement>();
  for (const name of new Set(rows.map((row) => row.source))) {
    const own = rows.filter((row) => row.source === name);
    const source = Object.hasOwn(shop.config.sources, name) ? shop.config.sources[name] : undefined;
    if (source === undefined) continue;
    const unmapped = await mapRows(shop, source, own, contents);
    if (unmapped > 0) talk.warn(`${unmapped} of ${name} keep their content: today's map would skip or reject them`);
  }
  return contents;
}

async function mapRows(
  { ledger }: Shop,
  source: SourceSettings,
  rows: readonly SampledRow[],
  contents: Map<SubmissionId, Replacement>,
): Promise<number> {
  const [{ compileMapping, remapRaw }, { loadPhoneNormalizer }, { parseJson }] = await Promise.all([
    import("../intake/mapping.ts"),
    import("../intake/phone.ts"),
    import("../intake/json-text.ts"),
  ]);
  const mapping = await compileMapping(source, await loadPhoneNormalizer());
  const ids = new Map(rows.map((row) => [row.key, row.id]));
  let unmapped = 0;
  for (let from = 0; from < rows.length; from += KEYS_PER_LOOK) {
    const keys = rows.slice(from, from + KEYS_PER_LOOK).map((row) => row.key);
    for (const known of await ledger.findSubmissions(source.name, keys)) {
      const mapped = await remapRaw(mapping, known.raw, (text) => {
        const parsed = parseJson(text);
        return parsed.ok ? parsed.value : null;
      });
      if (mapped === null) unmapped += 1;
      else contents.set(ids.get(known.key)!, { content: mapped.content, identityKeys: mapped.identityKeys });
    }
  }
  return unmapped;
}
