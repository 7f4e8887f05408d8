/**
 * Limits in reply headers. `x-ratelimit-*` are documented (https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting,
 * read 2026-09-20); the daily token headers and `retry-after` are not, but seen. All are optional, none is trusted.
 */
import type { LimitReading } from "../../domain/quota.ts";
import type { HttpResult } from "../../domain/wire.ts";
import { readRetryAfter } from "../../pacer/retry-after.ts";
import type { PackedRequest } from "../adapter.ts";

/** A longer window is not believed: the vendor's is 2 s. */
const RESET_MAX_MS = 60_000;

export function readLimits(request: PackedRequest, result: HttpResult): LimitReading[] {
  if (result.type !== "response") return [];
  const refused = result.status === 429;
  const daily = refused && isDailyRefusal(result);
  const day = reading("day", {
    limit: count(result, "x-daily-ratelimit-token-limit"),
    remaining: count(result, "x-daily-ratelimit-token-remaining"),
    ...(daily && { exceeded: true, retryAfterMs: retryAfterMs(result) ?? undefined }),
  });
  const window = {
    limit: count(result, "x-ratelimit-limit", 1),
    remaining: count(result, "x-ratelimit-remaining"),
    resetMs: resetMs(result),
  };
  const refusal = { exceeded: true, retryAfterMs: retryAfterMs(result) ?? undefined };
  if (!refused || daily) return [...reading("burst", window), ...day];
  if (request.group !== "search") return [...reading("burst", { ...window, ...refusal }), ...day];
  // Which of the two windows refused a search is not said, nor whose numbers these are: both pause, the search's change.
  return [...reading("search", { ...window, ...refusal }), ...reading("burst", refusal), ...day];
}

/** A 429 of the company's budget: only the (undocumented) token counter tells it from one of the burst window. */
export function isDailyRefusal(result: HttpResult): boolean {
  return result.type === "response" && count(result, "x-daily-ratelimit-token-remaining") === 0;
}

/** `Retry-After` in ms, a date counted from the reply's own `Date`; null where there is none that makes sense. */
export function retryAfterMs(result: HttpResult): number | null {
  if (result.type !== "response") return null;
  return readRetryAfter(result.headers["retry-after"], serverTimeMs(result) ?? Number.NaN);
}

export function serverTimeMs(result: HttpResult): number | null {
  if (result.type !== "response") return null;
  const ms = Date.parse(result.headers.date ?? "");
  return Number.isFinite(ms) ? ms : null;
}

/** The unit is not stated; the documents' example shows `2`, so seconds. */
function resetMs(result: HttpResult): number | undefined {
  const text = result.type === "response" ? (result.headers["x-ratelimit-reset"]?.trim() ?? "") : "";
  if (!/^\d{1,6}(\.\d{1,3})?$/.test(text)) return undefined;
  return Math.min(RESET_MAX_MS, Math.ceil(Number(text) * 1000));
}

function count(result: HttpResult, name: string, least = 0): number | undefined {
  const text = result.type === "response" ? (result.headers[name]?.trim() ?? "") : "";
  const value = Number(text);
  if (!/^-?\d{1,15}$/.test(text)) return undefined;
  // A counter below zero means none left.
  return Math.max(value, least) === value ? value : least === 0 ? 0 : undefined;
}

function reading(bucket: string, parts: Omit<LimitReading, "bucket">): LimitReading[] {
  const told = Object.entries(parts).filter(([, value]) => value !== undefined);
  return told.length === 0 ? [] : [{ bucket, ...Object.fromEntries(told) }];
}
