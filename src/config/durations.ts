const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

export const DURATION_EXAMPLES = "a duration such as 30s, 5m, 4h or 7d";

/** Milliseconds of `30s`, `5m`, `4h`, `7d`, `1h30m`, `500ms`; null for anything else. A bare `0` is zero. */
export function parseDuration(value: unknown): number | null {
  if (value === 0 || value === "0") return 0;
  if (typeof value !== "string") return null;
  const text = value.trim();
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d|w))+$/.test(text)) return null;
  let total = 0;
  for (const [, amount, , unit] of text.matchAll(/(\d+(\.\d+)?)(ms|s|m|h|d|w)/g))
    total += Number(amount) * UNIT_MS[unit!]!;
  return Number.isSafeInteger(Math.round(total)) ? Math.round(total) : null;
}
