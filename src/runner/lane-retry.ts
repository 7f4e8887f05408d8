import type { DrainSettings, LaneRetry } from "../domain/settings.ts";
import type { Lane } from "../domain/submission.ts";

/** Tries and delays of a lane: its own, else those of all. */
export function retryOf({ retry, laneRetry }: Pick<DrainSettings, "retry" | "laneRetry">, lane: Lane): LaneRetry {
  return laneRetry?.[lane] ?? retry;
}
