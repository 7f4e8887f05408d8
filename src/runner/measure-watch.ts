/** Listens to what leaves and comes back by the one way to the CRM, and makes nothing else of it. */
import type { CrmAdapter, PackedRequest, SendPacked } from "../crm/adapter.ts";
import type { Clock } from "../domain/clock.ts";
import type { Measurement, SeenCost } from "../domain/measurement.ts";
import type { HttpResult } from "../domain/wire.ts";

type Heard = Omit<Measurement, "atMs" | "requests" | "tokens" | "lags">;

export interface WatchedSend {
  send: SendPacked;
  /** What was heard so far. */
  heard(): Heard;
  /** When the operation of this key left last, and when its answer was here. Monotonic ms; null: it did not leave. */
  timesOf(key: string): { sentMs: number; answeredMs: number } | null;
}

/** Names only: what is behind them is told by the readings. */
const OF_LIMITS = /rate-?limit|retry-after|quota|token/i;
/** Dates in replies are whole seconds. */
const DATE_STEP_MS = 1_000;

export function watchSends(
  send: SendPacked,
  adapter: Pick<CrmAdapter, "limits" | "serverTimeMs" | "capabilities">,
  clock: Pick<Clock, "wallMs" | "monoMs">,
): WatchedSend {
  const tripsMs: number[] = [];
  const times = new Map<string, { sentMs: number; answeredMs: number }>();
  const headers = new Map<string, number>();
  const offset = { leastMs: Number.NEGATIVE_INFINITY, mostMs: Number.POSITIVE_INFINITY };
  const budget = new Budget(adapter);
  let replies = 0;
  let burst: number | null = null;
  let inFlight = 0;
  const hear = (request: PackedRequest, result: HttpResult, sentAtMs: number): void => {
    if (result.type !== "response") return;
    replies += 1;
    for (const name of Object.keys(result.headers)) {
      if (OF_LIMITS.test(name)) headers.set(name, (headers.get(name) ?? 0) + 1);
    }
    const dateMs = adapter.serverTimeMs(result);
    if (dateMs !== null) {
      // The server stamped it between our sending and now, and rounded down.
      offset.leastMs = Math.max(offset.leastMs, dateMs - clock.wallMs());
      offset.mostMs = Math.min(offset.mostMs, dateMs + DATE_STEP_MS - sentAtMs);
    }
    const readings = adapter.limits(request, result);
    burst = readings.find(({ bucket, limit }) => bucket === "burst" && limit !== undefined)?.limit ?? burst;
    budget.hear(request, result.status === 429, readings.find(({ bucket }) => bucket === "day") ?? null, inFlight > 0);
  };
  return {
    send: async (request, mayLeave) => {
      const [sentAtMs, sentMs] = [clock.wallMs(), clock.monoMs()];
      inFlight += 1;
      const result = await send(request, mayLeave).finally(() => {
        inFlight -= 1;
      });
      const answeredMs = clock.monoMs();
      tripsMs.push(answeredMs - sentMs);
      for (const { key } of request.operations) times.set(key, { sentMs, answeredMs });
      hear(request, result, sentAtMs);
      return result;
    },
    timesOf: (key) => times.get(key) ?? null,
    heard: () => ({
      roundTrip: { p50Ms: part(tripsMs, 0.5), p95Ms: part(tripsMs, 0.95) },
      clock: offsetOf(offset),
      headers: [...headers]
        .map(([name, count]) => ({ name, replies: count }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
      ...{ replies, burst },
      ...budget.told(),
    }),
  };
}

/** What the company's own count says that requests take: the difference from one reply to the next. */
class Budget {
  readonly #adapter: Pick<CrmAdapter, "capabilities">;
  readonly #costs = new Map<string, SeenCost>();
  #limit: number | null = null;
  #remaining: number | null = null;
  #refused = 0;
  #refusedCost: number | null = null;

  constructor(adapter: Pick<CrmAdapter, "capabilities">) {
    this.#adapter = adapter;
  }

  hear(
    { operations: [operation] }: PackedRequest,
    isRefused: boolean,
    reading: { limit?: number; remaining?: number } | null,
    isBeside: boolean,
  ): void {
    if (isRefused) this.#refused += 1;
    this.#limit = reading?.limit ?? this.#limit;
    const before = this.#remaining;
    this.#remaining = reading?.remaining ?? null;
    const took = before === null || this.#remaining === null || isBeside ? null : before - this.#remaining;
    // More than before: a new day has begun.
    if (took === null || took < 0 || operation === undefined) return;
    if (isRefused) this.#refusedCost = Math.min(this.#refusedCost ?? took, took);
    else if ("entity" in operation && operation.type !== "createField") {
      const { type, entity } = operation;
      const expected = this.#adapter.capabilities.cost(type, entity);
      const known = this.#costs.get(`${type} ${entity}`);
      const seen = Math.min(known?.seen ?? took, took);
      this.#costs.set(`${type} ${entity}`, { operation: type, entity, expected, seen });
    }
  }

  told(): Pick<Heard, "daily" | "costs" | "refused"> {
    const cost = this.#refusedCost === null ? "unknown" : this.#refusedCost === 0 ? "none" : "counted";
    return {
      daily: { limit: this.#limit, remaining: this.#remaining },
      costs: [...this.#costs.values()],
      refused: { requests: this.#refused, cost },
    };
  }
}

function offsetOf({ leastMs, mostMs }: { leastMs: number; mostMs: number }): Heard["clock"] {
  if (!Number.isFinite(leastMs) || !Number.isFinite(mostMs)) return null;
  // Where they cross, one of the two clocks was set meanwhile.
  const withinMs = Math.abs(mostMs - leastMs) / 2;
  return { offsetMs: Math.round((leastMs + mostMs) / 2) || 0, withinMs: Math.ceil(withinMs) };
}

function part(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0);
}
