import { readFileSync } from "node:fs";
import type { Config } from "../config/config.ts";
import { placeOfKey } from "../config/place-of-key.ts";
import { CrmledgerError } from "../domain/errors.ts";
import type { SourceSettings } from "../domain/settings.ts";

/**
 * Compiles the maps of `sources`, so that a broken one stops a command before it has done anything. Rejects with
 * `configInvalid`, naming file, line, column and key of the first.
 */
export async function checkMaps(config: Config, sources: readonly SourceSettings[]): Promise<void> {
  const [{ compileMapping }, { loadPhoneNormalizer }] = await Promise.all([
    import("../intake/mapping.ts"),
    import("../intake/phone.ts"),
  ]);
  const phone = await loadPhoneNormalizer();
  for (const source of sources) {
    try {
      await compileMapping(source, phone);
    } catch (error) {
      throw error instanceof CrmledgerError && error.code === "configInvalid" ? placed(config.file, error) : error;
    }
  }
}

/** The error's message begins with its key. */
function placed(file: string, error: CrmledgerError): CrmledgerError {
  const position = placeIn(file, /^(sources\..*?)(?::? (?:is|"|'|`)|: )/s.exec(`${error.message} `)?.[1] ?? "");
  const where = position === null ? file : `${file}:${position.line}:${position.col}`;
  const hint = `Nothing was read or sent. ${error.hint ?? ""}`.trim();
  return new CrmledgerError("configInvalid", `${where}: ${error.message}`, { hint, cause: error });
}

function placeIn(file: string, key: string) {
  try {
    return placeOfKey(readFileSync(file, "utf8"), key);
  } catch {
    return null;
  }
}
