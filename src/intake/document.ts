/** A file that is one document: JSON, or a stored form post. */
import { detectEncoding, makeDecoding } from "./decoding.ts";
import { readForm } from "./form.ts";
import { type ParsedJson, parseJson } from "./json-text.ts";
import { DOCUMENT_MARKS_MAX, FORM_BYTES_MAX } from "./limits.ts";
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
  const reason = `it holds more than ${DOCUMENT_MARKS_MAX} values; as JSONL it may have any number`;
  return { parsed: hasTooManyValues(bytes) ? { ok: false, reason } : parseJson(text), text, guessed };
}

/** Told from the bytes, before anything is made of them. */
function hasTooManyValues(bytes: Uint8Array): boolean {
  if (bytes.length <= DOCUMENT_MARKS_MAX) return false;
  let marks = 0;
  for (const byte of bytes) if (byte === 0x2c || byte === 0x7b || byte === 0x5b) marks += 1;
  return marks > DOCUMENT_MARKS_MAX;
}

/** Decodes a form, with or without its headers: multipart, else url-encoded, which any text is. */
export async function readFormDocument(bytes: Uint8Array): Promise<ReadDocument> {
  const post = formPostOf(bytes);
  const multipart = await readMultipart(post);
  const { text, guessed } = decodeWhole(multipart === null ? post.body : bytes, null);
  if (multipart?.ok === false) return { parsed: { ok: false, reason: "its multipart form is broken" }, text, guessed };
  if (multipart !== null) return { parsed: multipart, text, guessed: multipart.guessed, uploads: multipart.uploads };
  if (text.length > FORM_BYTES_MAX) {
    const reason = `it is ${text.length} characters long; ${FORM_BYTES_MAX} is the limit of a url-encoded form`;
    return { parsed: { ok: false, reason }, text, guessed };
  }
  const form = readForm(text);
  return { parsed: { ok: true, value: form.value }, text, guessed: guessed || form.guessed };
}

/** All bytes as text, by byte order mark, `configured` or guess. */
export function decodeWhole(bytes: Uint8Array, configured: string | null): { text: string; guessed: boolean } {
  const { name, markBytes } = detectEncoding(bytes, configured);
  const decoding = makeDecoding(name);
  return decoding.decode(decoding.push(bytes.subarray(markBytes)));
}
