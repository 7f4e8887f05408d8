import { join, resolve } from "node:path";
import { CrmledgerError } from "../domain/errors.ts";
import type { Environment } from "./environment.ts";

export const CONFIG_NAME = "crmledger.yaml";

/**
 * Where the config may be, as absolute paths. `named`: somebody named this one, so no other is tried. Else the working
 * folder, then the user's config folder (XDG).
 */
export function configPlaces(
  flag: string | undefined,
  env: Environment,
  cwd: string,
  home: string,
): { named: string } | { tried: string[] } {
  const named = flag ?? (env.CRMLEDGER_CONFIG || undefined);
  if (named !== undefined) return { named: resolve(cwd, named) };
  const userFolder = env.XDG_CONFIG_HOME || join(home, ".config");
  return { tried: [join(cwd, CONFIG_NAME), join(userFolder, "crmledger", CONFIG_NAME)] };
}

/** The ledger's path: flag, environment, else what the file says. Throws `usage` for `-`, which is no place for one. */
export function ledgerPlace(
  flag: string | undefined,
  env: Environment,
  cwd: string,
  file: string | null,
): string | null {
  const named = flag ?? (env.CRMLEDGER_LEDGER || undefined);
  if (named === "-") {
    const hint = "A ledger is a file that every run opens again: name one.";
    throw new CrmledgerError("usage", "the ledger can't be standard input or output", { hint });
  }
  return named === undefined ? file : resolve(cwd, named);
}
