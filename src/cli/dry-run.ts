import type { RunId } from "../domain/ids.ts";
import type { DrainLimits } from "../domain/settings.ts";
import { type PlanDocument, renderPlan } from "../report/dry-run.ts";
import { forecastText } from "../report/forecast-words.ts";
import { ingestedText } from "../report/sync-summary.ts";
import { checkMaps } from "./check-maps.ts";
import type { Invocation, Reply } from "./command.ts";
import { withShop } from "./compose.ts";
import { forecastDocument, previewDeps } from "./forecast.ts";
import { readToken } from "./read-config.ts";
import { remapPreview } from "./remap-held.ts";
import { spooledSources } from "./sources.ts";
import { ingestDeps, takeIn } from "./take-in.ts";

/** `sync --dry-run`: the plan. Nothing is sent and nothing is written; what the spools have counts. */
export function dryRun(invocation: Invocation, limits: DrainLimits): Promise<Reply> {
  return withShop(invocation, "openOrPretend", async (shop) => {
    const { config } = shop;
    await checkMaps(config, Object.values(config.sources));
    const deps = await ingestDeps(shop, 0 as RunId, { dryRun: true, backfill: "allowed" });
    const taken = await takeIn(deps, spooledSources(config, limits.source ?? undefined), invocation);
    if (taken.trouble !== null) throw taken.trouble;
    const [{ PREVIEW_MAX, previewDrain }, { forecastDrain }] = await Promise.all([
      import("../runner/preview.ts"),
      import("../runner/forecast.ts"),
    ]);
    invocation.talk.keepSecret(readToken(config));
    const plans = await previewDeps(shop, deps.phone);
    const made = await previewDrain(plans, limits, taken.mapped, await remapPreview(shop, PREVIEW_MAX));
    const plan: PlanDocument = made;
    const forecast = await forecastDocument(shop.ledger, await forecastDrain(plans, made, made.byLane));
    const told = forecast === null ? null : forecastText(forecast, shop.clock.wallMs());
    return {
      json: { dryRun: true, ingested: taken.counts, warnings: taken.warnings, plan, forecast },
      text: (style) => `Would ingest: ${ingestedText(taken.counts)}\n${renderPlan(plan, style, told)}`,
      exitCode: 0,
    };
  });
}
