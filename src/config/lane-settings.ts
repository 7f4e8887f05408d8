import type { LaneRetry, QuietHours, QuietSettings, RetrySettings } from "../domain/settings.ts";
import { LANES, type Lane } from "../domain/submission.ts";
import type { Problem } from "./problem.ts";
import type { FileShape } from "./schema.ts";

/** Of lanes that say something of their own; what they leave out is as for all. */
export function laneRetries(
  { lanes }: FileShape,
  general: RetrySettings,
  problems: Problem[],
): Partial<Record<Lane, LaneRetry>> {
  const retries: Partial<Record<Lane, LaneRetry>> = {};
  for (const lane of LANES) {
    const own = lanes?.[lane]?.retry;
    if (own === undefined) continue;
    const retry: LaneRetry = {
      maxAttempts: own.maxAttempts ?? general.maxAttempts,
      baseDelayMs: own.baseDelay ?? general.baseDelayMs,
      maxDelayMs: own.maxDelay ?? Math.max(general.maxDelayMs, own.baseDelay ?? 0),
    };
    if (retry.maxDelayMs < retry.baseDelayMs) {
      const message = `must not be shorter than ${own.baseDelay === undefined ? "retry" : `lanes.${lane}.retry`}.baseDelay`;
      problems.push({ path: ["lanes", lane, "retry", "maxDelay"], message, at: "value" });
    }
    retries[lane] = retry;
  }
  return retries;
}

export function quietSettings({ sources, lanes }: FileShape): QuietSettings {
  const quiet: QuietSettings = { sources: {}, lanes: {} };
  for (const [name, source] of Object.entries(sources ?? {})) {
    if (source.quiet !== undefined) quiet.sources[name] = hours(source.quiet, source.timezone);
  }
  for (const lane of LANES) {
    const own = lanes?.[lane];
    if (own?.quiet !== undefined) quiet.lanes[lane] = hours(own.quiet, own.timezone);
  }
  return quiet;
}

function hours(windows: QuietHours["windows"], timezone = "UTC"): QuietHours {
  return { timezone, windows };
}

/** Of sources that name one. */
export function dailyShares({ sources }: FileShape): Record<string, number> {
  const shares = Object.entries(sources ?? {}).flatMap(([name, { dailyShare }]) =>
    dailyShare === undefined ? [] : [[name, dailyShare] as const],
  );
  return Object.fromEntries(shares);
}
