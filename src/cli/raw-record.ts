import { parseJson } from "../intake/json-text.ts";

/** A kept raw record as JSON where it is JSON, else as its text. Whole numbers keep their digits. */
export function recordOf(raw: string): unknown {
  const parsed = parseJson(raw);
  return parsed.ok ? parsed.value : raw;
}
