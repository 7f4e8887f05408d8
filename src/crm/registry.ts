import { CrmledgerError } from "../domain/errors.ts";
import type { CrmAdapter } from "./adapter.ts";
import { pipedriveAdapter } from "./pipedrive/adapter.ts";

/** One row for each CRM, by the name that `crm.type` takes. */
const ADAPTERS: Readonly<Record<string, CrmAdapter>> = { pipedrive: pipedriveAdapter };

/** The adapter of `crm.type`. Throws `configInvalid` with the known names. */
export function adapterOf(type: string): CrmAdapter {
  const adapter = Object.hasOwn(ADAPTERS, type) ? ADAPTERS[type] : undefined;
  if (adapter !== undefined) return adapter;
  throw new CrmledgerError("configInvalid", `crm.type "${type}" is not known`, {
    hint: `Known: ${Object.keys(ADAPTERS).join(", ")}.`,
  });
}
