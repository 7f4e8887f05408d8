/**
 * Bytes of strangers as text. For UTF-8 and Windows-1252 the reader works on a view with one character for each byte, so
 * that offsets are exact, and decodes record by record: a file that changes its encoding midway stays readable.
 */
import { isUtf8 } from "node:buffer";
import iconv from "iconv-lite";
import { CrmledgerError } from "../domain/errors.ts";

export interface DecodedText {
  text: string;
  /** The bytes were no UTF-8 and were taken for Windows-1252. */
  guessed: boolean;
}

export interface Decoding {
  /** To go on reading a growing file with it. */
  readonly name: string;
  /** Text in which delimiters, quotes and line ends are themselves. Halves of characters wait for the next call. */
  push(chunk: Uint8Array): string;
  /** Bytes that a part of the pushed text came from. */
  bytesOf(text: string): number;
  /** Final text of a part of the pushed text. */
  decode(text: string): DecodedText;
}

/** Bytes that tell the encoding, and how many of them are a byte order mark. `configured` wins over what is found out. */
export function detectEncoding(head: Uint8Array, configured: string | null): { name: string; markBytes: number } {
  const [a, b, c] = head;
  if (a === 0xef && b === 0xbb && c === 0xbf) return { name: "utf-8", markBytes: 3 };
  if (a === 0xff && b === 0xfe) return { name: "utf-16le", markBytes: 2 };
  if (a === 0xfe && b === 0xff) return { name: "utf-16be", markBytes: 2 };
  if (configured !== null) return { name: configured.toLowerCase(), markBytes: 0 };
  // Text of Latin letters in UTF-16 without a mark: every second byte is zero.
  const [, , , d] = head;
  if (a && b === 0 && c && d === 0) return { name: "utf-16le", markBytes: 0 };
  if (a === 0 && b && c === 0 && d) return { name: "utf-16be", markBytes: 0 };
  return { name: "utf-8", markBytes: 0 };
}

/** Rejects with `configInvalid` for an encoding that only a config can name and nobody knows. */
export function makeDecoding(name: string): Decoding {
  if (/^utf-?8$/i.test(name)) return byteView("utf-8", decodeUtf8);
  if (/^(windows-?1252|cp1252)$/i.test(name))
    return byteView("windows-1252", (text) => ({ text: windows1252(text), guessed: false }));
  if (!iconv.encodingExists(name)) {
    throw new CrmledgerError("configInvalid", `encoding: "${name}" is not supported`, {
      hint: "Leave `encoding` out to have it found, or save the file as UTF-8.",
    });
  }
  const decoder = iconv.getDecoder(name, { stripBOM: false });
  const isUtf16 = /^utf-?16/i.test(name);
  return {
    name,
    push: (chunk) => decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)),
    bytesOf: (text) => (isUtf16 ? text.length * 2 : iconv.encode(text, name).length),
    decode: (text) => ({ text, guessed: false }),
  };
}

function byteView(name: string, decode: (text: string) => DecodedText): Decoding {
  return {
    name,
    push: (chunk) => Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString("latin1"),
    bytesOf: (text) => text.length,
    // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII needs no decoding, and most text is ASCII
    decode: (text) => (/^[\x00-\x7f]*$/.test(text) ? { text, guessed: false } : decode(text)),
  };
}

function decodeUtf8(text: string): DecodedText {
  return utf8Or1252(Buffer.from(text, "latin1"));
}

/** Bytes as UTF-8, or, where they are none, as Windows-1252. */
export function utf8Or1252(bytes: Buffer): DecodedText {
  return isUtf8(bytes)
    ? { text: bytes.toString("utf8"), guessed: false }
    : { text: iconv.decode(bytes, "win1252"), guessed: true };
}

/** Node 20's TextDecoder loses the euro sign and curly quotes of Windows-1252; iconv-lite keeps them. */
function windows1252(text: string): string {
  return iconv.decode(Buffer.from(text, "latin1"), "win1252");
}
