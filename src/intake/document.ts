/** A file that is one document: JSON, or a stored form post. */
import { detectEncoding, makeDecoding } from "./decoding.ts";
import { readForm } from "./form.ts";
import { type ParsedJson, parseJson } from "./json-text.ts";
import { formPostOf, readMultipart } from "./multipart.ts";

export interface ReadDocument {
  parsed: ParsedJson;
  text: string;
  guessed: boolean;
  /** Uploaded files in a form: their names are kept, what is in them is not. */
  uploads?: number;
}

/** Decodes and parses a JSON document. */
export function readJsonDocument(bytes: Uint8Array): ReadDocument {
  const { text, guessed } = decodeWhole(bytes, null);
  return { parsed: parseJson(text), text, guessed };
}

/** Decodes a form, with or without its headers: multipart, else url-encoded, which any text is. */
export async function readFormDocument(bytes: Uint8Array): Promise<ReadDocument> {
  const post = formPostOf(bytes);
  const multipart = await readMultipart(post);
  const { text, guessed } = decodeWhole(multipart === null ? post.body : bytes, null);
  if (multipart?.ok === false) return { parsed: { ok: false, reason: "its multipart form is broken" }, text, guessed };
  if (multipart !== null) return { parsed: multipart, text, guessed: multipart.guessed, uploads: multipart.uploads };
  const form = readForm(text);
  return { parsed: { ok: true, value: form.value }, text, guessed: guessed || form.guessed };
}

/** All bytes as text, by byte order mark, `configured` or guess. */
export function decodeWhole(bytes: Uint8Array, configured: string | null): { text: string; guessed: boolean } {
  const { name, markBytes } = detectEncoding(bytes, configured);
  const decoding = makeDecoding(name);
  return decoding.decode(decoding.push(bytes.subarray(markBytes)));
}
