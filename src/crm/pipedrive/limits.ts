/**
 * Limits in reply headers. `x-ratelimit-*` are documented (https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting,
 * read 2026-09-20); the daily token headers and `retry-after` are not, but seen. All are optional, none is trusted.
 */
import type { LimitReading } from "../../domain/quota.ts";
import type { HttpResult } from "../../domain/wire.ts";
import type { PackedRequest } from "../adapter.ts";

/** A longer wait is taken for nonsense and cut: the day's budget resets within a day. */
const WAIT_MAX_MS = 86_400_000;

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

/** `Retry-After` in seconds or as a date (against the reply's own `Date`), between 0 and a day; null where unusable. */
export function retryAfterMs(result: HttpResult): number | null {
  if (result.type !== "response") return null;
  const text = result.headers["retry-after"]?.trim() ?? "";
  if (/^\d+(\.\d+)?$/.test(text)) return Math.min(WAIT_MAX_MS, Math.ceil(Number(text) * 1000));
  const now = serverTimeMs(result);
  const at = /[a-z]{3}/i.test(text) ? Date.parse(text) : Number.NaN;
  if (now === null || !Number.isFinite(at)) return null;
  return Math.min(WAIT_MAX_MS, Math.max(0, at - now));
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
  return Math.min(WAIT_MAX_MS, Math.ceil(Number(text) * 1000));
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
