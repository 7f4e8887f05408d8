/** Pipedrive's reply envelope: `{ success, data, additional_data }`, or `{ success: false, error, error_info, code }`. */
import { z } from "zod";

const envelopeSchema = z.looseObject({
  success: z.unknown().optional(),
  data: z.unknown().optional(),
  additional_data: z.unknown().optional(),
});

export interface Envelope {
  success: boolean;
  data: unknown;
  additional: unknown;
  raw: Record<string, unknown>;
}

/** Null for what is not a JSON object. */
export function parseEnvelope(body: string): Envelope | null {
  const parsed = envelopeSchema.safeParse(parseJson(body));
  if (!parsed.success) return null;
  const { success, data, additional_data: additional } = parsed.data;
  return { success: success === true, data, additional, raw: parsed.data };
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

const cursorSchema = z.looseObject({ next_cursor: z.string().nullish() });
const offsetSchema = z.looseObject({
  pagination: z.looseObject({
    more_items_in_collection: z.boolean().nullish(),
    next_start: z.number().int().nonnegative().nullish(),
  }),
});

/**
 * Where a v2 (cursor) or v1 (offset) list goes on: the next page's cursor, null at the end. `silent`: the reply does not
 * say; `broken`: it says that more follows, but not where. Taking either for the end would make a cut walk look complete.
 */
export function nextCursor(additional: unknown): { next: string | null } | "silent" | "broken" {
  const offset = offsetSchema.safeParse(additional);
  if (offset.success) {
    const { more_items_in_collection: more, next_start: start } = offset.data.pagination;
    if (more === false) return { next: null };
    if (more !== true) return "silent";
    return start === null || start === undefined ? "broken" : { next: String(start) };
  }
  const cursor = cursorSchema.safeParse(additional);
  if (!cursor.success || cursor.data.next_cursor === undefined) return "silent";
  return { next: cursor.data.next_cursor || null };
}

export interface Refusal {
  /** Groups failures by cause. */
  code: string;
  message: string;
}

const GENERIC_INFO = /please check developers\.pipedrive\.com/i;
const MESSAGE_LENGTH_MAX = 500;

/** Why the CRM refused, as far as it says. */
export function refusalOf(status: number, envelope: Envelope | null): Refusal {
  const { error, error_info: info, code } = (envelope?.raw ?? {}) as Record<string, unknown>;
  const texts = [error, info].filter((part): part is string => typeof part === "string" && !GENERIC_INFO.test(part));
  const named = /\bERR_[A-Z0-9_]+/.exec(texts.join(" "))?.[0];
  const given = typeof code === "string" && /^[\w.-]{3,80}$/.test(code) ? code : undefined;
  return {
    code: given ?? named ?? `HTTP_${status}`,
    message: `Pipedrive answered ${status}${texts.length === 0 ? "" : `: ${texts.join("; ").slice(0, MESSAGE_LENGTH_MAX)}`}`,
  };
}
