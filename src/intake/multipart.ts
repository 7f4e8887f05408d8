/** Form posts as a web server received them, headers and all; multipart bodies are read by the platform's own parser. */
import { utf8Or1252 } from "./decoding.ts";
import { addFormValue, formValue } from "./form.ts";

/** Headers that are looked through. */
const HEAD_BYTES_MAX = 64 * 1024;
const HEAD = /^(?:[A-Z]+ \S+ HTTP\/[\d.]+\r?\n)?(?:[\w-]+:[^\r\n]*\r?\n)+\r?\n/;
const CONTENT_TYPE = /^content-type:[ \t]*([^\r\n]+)/im;
/** A body without headers begins with its boundary, of 70 characters at the most (RFC 2046, 5.1.1). */
const BOUNDARY = /^--([^\r\n"]{1,70})\r\ncontent-disposition:/i;

export interface FormPost {
  /** Null where nothing tells it. */
  contentType: string | null;
  body: Uint8Array;
}

/** Takes headers and body of a stored post apart. */
export function formPostOf(bytes: Uint8Array): FormPost {
  const head = Buffer.from(bytes.subarray(0, HEAD_BYTES_MAX)).toString("latin1");
  const headers = HEAD.exec(head)?.[0] ?? "";
  const told = CONTENT_TYPE.exec(headers)?.[1]?.trim() ?? null;
  const boundary = BOUNDARY.exec(head)?.[1];
  if (boundary !== undefined) return { contentType: `multipart/form-data; boundary="${boundary}"`, body: bytes };
  // Without a content type what looks like headers may as well be the form.
  return told === null
    ? { contentType: null, body: bytes }
    : { contentType: told, body: bytes.subarray(headers.length) };
}

export type ReadMultipart =
  | { ok: true; value: Record<string, unknown>; uploads: number; guessed: boolean }
  | { ok: false };

/**
 * A multipart form as an object; null where the content type is another. An uploaded file is its name, `uploads` counts
 * them. `guessed`: a text was no UTF-8 and was taken for Windows-1252.
 */
export async function readMultipart({ contentType, body }: FormPost): Promise<ReadMultipart | null> {
  if (contentType === null || !/^multipart\/form-data\b/i.test(contentType)) return null;
  const tree = new Map<string, unknown>();
  let uploads = 0;
  let guessed = false;
  const textOf = (view: string): string => {
    const read = utf8Or1252(Buffer.from(view, "latin1"));
    guessed ||= read.guessed;
    return read.text;
  };
  try {
    // The platform's parser knows UTF-8 only: it is given one character for each byte, and its texts are decoded here.
    const view = Buffer.from(Buffer.from(body).toString("latin1"));
    const form = await new Response(view, { headers: { "content-type": contentType } }).formData();
    for (const [name, value] of form) {
      addFormValue(tree, textOf(name), textOf(typeof value === "string" ? value : value.name));
      if (typeof value !== "string" && value.size > 0) uploads += 1;
    }
  } catch {
    return { ok: false };
  }
  return { ok: true, value: formValue(tree), uploads, guessed };
}
