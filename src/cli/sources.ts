import type { Config } from "../config/config.ts";
import { nearest } from "../config/problem.ts";
import { CrmledgerError } from "../domain/errors.ts";
import type { SourceSettings } from "../domain/settings.ts";

/** The source of a `--source` flag. Rejects with `usage`, naming the nearest. */
export function sourceNamed(config: Config, name: string): SourceSettings {
  const source = Object.hasOwn(config.sources, name) ? config.sources[name] : undefined;
  if (source !== undefined) return source;
  const names = Object.keys(config.sources);
  const near = nearest(name, names);
  throw new CrmledgerError("usage", `There is no source ${JSON.stringify(name)} in ${config.file}`, {
    hint: near === null ? `Sources: ${names.join(", ")}.` : `Did you mean ${near}?`,
  });
}

/** The sources that a run reads: those with a spool, or the one that was named. */
export function spooledSources(config: Config, name: string | undefined): SourceSettings[] {
  const chosen = name === undefined ? Object.values(config.sources) : [sourceNamed(config, name)];
  return chosen.filter((source) => source.spool !== null);
}
