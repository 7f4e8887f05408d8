import type { Config } from "../config/config.ts";
import type { Lag, LagWay, Measurement } from "../domain/measurement.ts";
import { seconds } from "../report/measurement-words.ts";

/** What a measurement says about settings: lines of the config, as they would be written. */
export interface Advice {
  yaml: string[];
  /** Keys whose present value is another one. */
  changes: string[];
}

/** The first look for a lost answer comes when ten times the lag is over, the last at five times that; the defaults are the least. */
const SETTLE_LAGS = 10;
const SETTLE_LAST = 5;
const SETTLE_MIN_MS = [60_000, 300_000] as const;
/** Of what a list did not show in all the time that it was looked for. */
const NEVER_MS = 60_000;
const STEP_MS = 5_000;

/** Pure. */
export function adviceOf({ lags, burst }: Measurement, config: Config): Advice {
  const listMs = worst(lags, "list");
  const isNever = lags.some(({ way, atMostMs }) => way === "list" && atMostMs === null);
  const first = Math.max(SETTLE_MIN_MS[0], rounded(SETTLE_LAGS * listMs));
  const settle = [first, Math.max(SETTLE_MIN_MS[1], SETTLE_LAST * first)];
  const shown = isNever
    ? "lists did not show a write within a minute"
    : `lists show a write after at most ${seconds(listMs)}`;
  // A look at the list that is younger than its lag would see nothing more.
  const freshnessMs = listMs < 1_000 ? 0 : Math.ceil(listMs / 1_000) * 1_000;
  const { retry, limits, freshnessMs: freshnessNow } = config.drain;
  const isSettled =
    settle.every((ms, index) => retry.settleMs[index] === ms) && retry.settleMs.length === settle.length;
  const yaml = [
    ...["retry:", `  settle: [${settle.map(asSpan).join(", ")}]  # ${shown}`],
    ...["limits:", `  burst: auto  # ${burstWords(burst)}`],
    ...[
      "persons:",
      `  freshness: ${asSpan(freshnessMs)}  # a refresh that is younger than the lists' lag shows nothing more`,
    ],
  ];
  const changes = [
    ...(isSettled ? [] : ["retry.settle"]),
    ...(limits.burst === null || limits.burst === burst ? [] : ["limits.burst"]),
    ...(freshnessNow >= freshnessMs ? [] : ["persons.freshness"]),
  ];
  return { yaml, changes };
}

function worst(lags: readonly Lag[], way: LagWay): number {
  return Math.max(0, ...lags.filter((lag) => lag.way === way).map(worstOf));
}

/** The first look saw it: how much of that was the way there and back nobody knows, and it is no lag. */
function worstOf({ atLeastMs, atMostMs }: Lag): number {
  if (atMostMs === null) return NEVER_MS;
  return atLeastMs === 0 ? 0 : atMostMs;
}

const rounded = (ms: number): number => Math.ceil(ms / STEP_MS) * STEP_MS;
const asSpan = (ms: number): string => `${Math.round(ms / 1_000)}s`;

function burstWords(burst: number | null): string {
  if (burst === null)
    return "replies tell no limit, so it stays at what it starts with; a number here would be used instead";
  return `replies tell ${burst} requests, and crmledger follows them`;
}
