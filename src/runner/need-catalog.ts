import type { CatalogPart } from "../domain/catalog.ts";
import type { DriveContext } from "./context.ts";
import { CATALOG_AGE_MAX_MS } from "./session.ts";
import { ChainStop } from "./work.ts";

/** Fetches parts of the catalog; throws what stops the chain where the CRM doesn't give them. */
export async function needCatalog(
  context: Pick<DriveContext, "session" | "describe">,
  parts: readonly CatalogPart[],
  ageMaxMs: number = CATALOG_AGE_MAX_MS,
): Promise<void> {
  for (const part of parts) {
    const trouble = await context.session.ensure(part, ageMaxMs, context.describe);
    if (!trouble) continue;
    const message = `the CRM's ${part} could not be read: ${"message" in trouble ? trouble.message : trouble.type}`;
    const spared = trouble.type !== "refused";
    throw new ChainStop({ type: "again", error: { code: "CRM_CATALOG", message }, step: null, spared });
  }
}
