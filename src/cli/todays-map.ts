import type { Config } from "../config/config.ts";
import { CrmledgerError } from "../domain/errors.ts";
import type { Mapping } from "../intake/mapping.ts";

/** The map that the config has for a source today. Rejects with `configInvalid` where the source is not there any more. */
export async function openMapping(config: Config, source: string): Promise<Mapping> {
  const settings = Object.hasOwn(config.sources, source) ? config.sources[source] : undefined;
  if (settings === undefined) {
    throw new CrmledgerError(
      "configInvalid",
      `There is no source ${JSON.stringify(source)} in ${config.file} any more`,
      {
        hint: "Put it back: its map reads the record. Nothing was changed.",
      },
    );
  }
  const [{ compileMapping }, { loadPhoneNormalizer }] = await Promise.all([
    import("../intake/mapping.ts"),
    import("../intake/phone.ts"),
  ]);
  return await compileMapping(settings, await loadPhoneNormalizer());
}
