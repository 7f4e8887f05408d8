/** What `doctor --measure` saw, for people. */
import { LAG_WAYS, type Lag, type LagWay, type Measurement } from "../domain/measurement.ts";
import { count, counted } from "./human.ts";

const WAYS: Readonly<Record<LagWay, string>> = { read: "a read by id", list: "a list", search: "a search" };

const MANY: Readonly<Record<LagWay, string>> = { read: "reads", list: "lists", search: "searches" };

/** `0.2 s`, `12 s`. */
export function seconds(ms: number): string {
  return `${ms < 9_950 ? (Math.max(0, ms) / 1_000).toFixed(1) : Math.round(ms / 1_000)} s`;
}

/** One line for each thing: what was measured, and what came of it. */
export function measuredFacts(measurement: Measurement): [name: string, text: string][] {
  const { roundTrip, clock, burst, daily, refused } = measurement;
  const limit =
    burst === null ? "no reply tells the limit of requests" : `replies tell ${count(burst)} requests at a time`;
  const budget = daily.limit === null ? "none the day's budget" : `and ${count(daily.limit)} tokens a day`;
  return [
    ...LAG_WAYS.map((way): [string, string] => [`measured: ${way}`, lagText(measurement.lags, way)]),
    [
      "measured: round trip",
      `${count(roundTrip.p50Ms)} ms for half of the requests, ${count(roundTrip.p95Ms)} ms for 95 of 100`,
    ],
    ["measured: clock", clock === null ? "replies have no date" : clockText(clock)],
    ["measured: limits", `${limit}, ${budget}; headers: ${headersText(measurement)}`],
    ["measured: costs", costsText(measurement)],
    ["measured: refused calls", refusedText(refused)],
  ];
}

function lagText(lags: readonly Lag[], way: LagWay): string {
  const own = lags.filter((lag) => lag.way === way);
  if (own.length === 0) return "not measured";
  const parts = own.map((lag) => `${lag.entity} ${spanText(lag)}`);
  return `${WAYS[way]} shows a new record: ${parts.join(", ")}`;
}

/** The lag lies between the last look that did not show it and the first that did. */
function spanText({ atLeastMs, atMostMs }: Lag): string {
  if (atMostMs === null) return `not within ${seconds(atLeastMs)}`;
  if (atLeastMs === 0) return `at once (first look, ${seconds(atMostMs)})`;
  return `after ${seconds(atLeastMs)} to ${seconds(atMostMs)}`;
}

function clockText({ offsetMs, withinMs }: NonNullable<Measurement["clock"]>): string {
  const side =
    offsetMs === 0 ? "as ours" : `${seconds(Math.abs(offsetMs))} ${offsetMs > 0 ? "ahead of" : "behind"} ours`;
  return `the CRM's is ${side}, within ${seconds(withinMs)}`;
}

function headersText({ headers, replies }: Measurement): string {
  if (headers.length === 0) return "none";
  return headers
    .map((one) => (one.replies === replies ? one.name : `${one.name} (${one.replies} of ${replies})`))
    .join(", ");
}

function costsText({ costs, tokens }: Measurement): string {
  const spent = `${counted(tokens, "token")} by the vendor's table`;
  if (costs.length === 0) return `${spent}; no reply tells the budget that is left, so nothing was held against it`;
  const others = costs.filter(({ seen, expected }) => seen !== expected);
  if (others.length === 0) return `${spent}; the CRM's own count agrees for all ${costs.length} kinds of requests`;
  const parts = others.map((one) => `${one.operation} ${one.entity} took ${one.seen}, not ${one.expected}`);
  return `${spent}; by the CRM's own count ${parts.join(", ")} (others may have spent at the same time)`;
}

function refusedText({ requests, cost }: Measurement["refused"]): string {
  if (requests === 0) return "none came up, so whether they take tokens is not known; none is provoked";
  const came = `${counted(requests, "call")} refused`;
  return cost === "unknown"
    ? `${came}; what they took could not be told`
    : `${came}; tokens taken: ${cost === "none" ? "none" : "yes"}`;
}

/** One line for `status` and `doctor`. */
export function measuredLine({ lags, roundTrip }: Measurement): string {
  const worst = LAG_WAYS.map((way) => {
    const own = lags.filter((lag) => lag.way === way);
    if (own.length === 0) return null;
    const late = own.reduce((a, b) =>
      (b.atMostMs ?? Number.POSITIVE_INFINITY) > (a.atMostMs ?? Number.POSITIVE_INFINITY) ? b : a,
    );
    return `${MANY[way]} show a write ${late.atMostMs !== null && late.atLeastMs === 0 ? "at once" : spanText(late)}`;
  });
  return `${worst.filter((text) => text !== null).join(", ")}; round trip ${count(roundTrip.p50Ms)} ms`;
}
