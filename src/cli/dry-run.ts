import type { RunId } from "../domain/ids.ts";
import type { DrainLimits } from "../domain/settings.ts";
import { type PlanDocument, renderPlan } from "../report/dry-run.ts";
import { ingestedText } from "../report/sync-summary.ts";
import { checkMaps } from "./check-maps.ts";
import type { Invocation, Reply } from "./command.ts";
import { credentialName, withShop } from "./compose.ts";
import { readToken } from "./read-config.ts";
import { remapPreview } from "./remap-held.ts";
import { spooledSources } from "./sources.ts";
import { ingestDeps, takeIn } from "./take-in.ts";

/** `sync --dry-run`: the plan. Nothing is sent and nothing is written; what the spools have counts. */
export function dryRun(invocation: Invocation, limits: DrainLimits): Promise<Reply> {
  return withShop(invocation, "openOrPretend", async (shop) => {
    const { config, ledger, clock } = shop;
    await checkMaps(config, Object.values(config.sources));
    const deps = await ingestDeps(shop, 0 as RunId, { dryRun: true, backfill: "allowed" });
    const taken = await takeIn(deps, spooledSources(config, limits.source ?? undefined), invocation);
    const [{ PREVIEW_MAX, previewDrain }, { adapterOf }] = await Promise.all([
      import("../runner/preview.ts"),
      import("../crm/registry.ts"),
    ]);
    const token = readToken(config);
    invocation.talk.keepSecret(token);
    const plan: PlanDocument = await previewDrain(
      {
        ledger,
        adapter: adapterOf(config.crm.type),
        clock,
        phone: deps.phone,
        baseUrl: config.crm.baseUrl,
        timeoutMs: config.crm.timeoutMs,
        credential: credentialName(config.crm.type, token),
        settings: config.drain,
      },
      limits,
      taken.mapped,
      await remapPreview(shop, PREVIEW_MAX),
    );
    if (taken.trouble !== null) throw taken.trouble;
    return {
      json: { dryRun: true, ingested: taken.counts, warnings: taken.warnings, plan },
      text: (style) => `Would ingest: ${ingestedText(taken.counts)}\n${renderPlan(plan, style)}`,
      exitCode: 0,
    };
  });
}
