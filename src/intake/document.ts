/** A file that is one document: JSON, or a stored form post. */
import { detectEncoding, makeDecoding } from "./decoding.ts";
import { parseForm } from "./form.ts";
import { type ParsedJson, parseJson } from "./json-text.ts";

export interface ReadDocument {
  parsed: ParsedJson;
  text: string;
  guessed: boolean;
}

/** Decodes and parses a JSON document. */
export function readJsonDocument(bytes: Uint8Array): ReadDocument {
  const { text, guessed } = decodeWhole(bytes, null);
  return { parsed: parseJson(text), text, guessed };
}

/** Decodes a url-encoded form; any text is one. */
export function readFormDocument(bytes: Uint8Array): ReadDocument {
  const { text, guessed } = decodeWhole(bytes, null);
  return { parsed: { ok: true, value: parseForm(text) }, text, guessed };
}

/** All bytes as text, by byte order mark, `configured` or guess. */
export function decodeWhole(bytes: Uint8Array, configured: string | null): { text: string; guessed: boolean } {
  const { name, markBytes } = detectEncoding(bytes, configured);
  const decoding = makeDecoding(name);
  return decoding.decode(decoding.push(bytes.subarray(markBytes)));
}
