/** Quiet hours as people see them. */
import type { Config } from "../config/config.ts";
import type { Clock } from "../domain/clock.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { quietMsBetween, quietNow } from "../pacer/quiet-hours.ts";
import { utcTime } from "../report/human.ts";
import type { QuietDocument } from "../report/quiet-lines.ts";

type Shop = { ledger: Pick<Ledger, "queue">; clock: Clock; config: Config | null };

/** What is quiet now, sources first. */
export async function quietDocuments({ ledger, clock, config }: Shop): Promise<QuietDocument[]> {
  const { sources, lanes } = quietNow(config?.drain.quiet, clock.wallMs());
  const found: QuietDocument[] = [];
  const add = async (scope: string, untilMs: number, filter: Parameters<Ledger["queue"]>[0]): Promise<void> => {
    const { pending, waiting } = await ledger.queue(filter);
    found.push({ scope, until: utcTime(untilMs), waiting: pending + waiting });
  };
  for (const [source, untilMs] of sources) await add(`source:${source}`, untilMs, { source });
  for (const [lane, untilMs] of lanes) await add(`lane:${lane}`, untilMs, { lane });
  return found;
}

/** What keeps a submission quiet now; null: nothing, or it is none that would be sent. */
export function quietOf(
  { config, clock }: Pick<Shop, "config" | "clock">,
  { source, lane, state }: { source: string; lane: string; state: string },
): { scope: string; until: string } | null {
  if (state !== "pending" && state !== "waiting") return null;
  const { sources, lanes } = quietNow(config?.drain.quiet, clock.wallMs());
  const ofSource = sources.get(source);
  const ofLane = lanes.get(lane as "background");
  if (ofSource === undefined && ofLane === undefined) return null;
  const bySource = (ofSource ?? 0) >= (ofLane ?? 0);
  const until = utcTime(Math.max(ofSource ?? 0, ofLane ?? 0));
  return { scope: bySource ? `source:${source}` : `lane:${lane}`, until };
}

/** How much of a time was quiet for a source: it does not count towards its target. */
export function quietTime(config: Config | null): (source: string, fromMs: number, toMs: number) => number {
  const quiet = config?.drain.quiet;
  return (source, fromMs, toMs) => {
    const lane = config?.sources[source]?.lane;
    const all = [quiet?.sources[source], lane && quiet?.lanes[lane]].filter((hours) => hours !== undefined);
    return all.length === 0 ? 0 : quietMsBetween(all, fromMs, toMs);
  };
}
