/** Reads a reply's body as text, decompressed, never more than a bound. */
import { pipeline, type Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";

/** Why a body could not be read. */
export class BodyError extends Error {
  readonly code: "TOO_LARGE" | "UNREADABLE" | "TRUNCATED";
  constructor(code: BodyError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

const ENCODINGS_MAX = 2;
const DECODERS = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
} as const;

/** Bytes are counted after decompression, so that a small reply can't become a large one. Rejects with `BodyError` or the stream's error. */
export async function readBody(body: Readable, contentEncoding: string | undefined, bytesMax: number): Promise<string> {
  // Once given up, a body may still fail: nobody is listening then.
  body.on("error", () => {});
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of decoded(body, contentEncoding)) {
    bytes += (chunk as Buffer).length;
    if (bytes > bytesMax) {
      body.destroy();
      throw new BodyError("TOO_LARGE", `the reply is longer than ${bytesMax} bytes`);
    }
    chunks.push(chunk as Buffer);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

function decoded(body: Readable, contentEncoding: string | undefined): Readable {
  const names = (contentEncoding ?? "")
    .toLowerCase()
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "" && name !== "identity")
    .reverse();
  if (names.length > ENCODINGS_MAX) throw unknownEncoding(body);
  let stream = body;
  for (const name of names) {
    if (!Object.hasOwn(DECODERS, name)) throw unknownEncoding(body);
    const decoder = DECODERS[name as keyof typeof DECODERS]();
    // The callback only keeps the error from being unhandled: the reader of the last stream gets it.
    pipeline(stream, decoder, () => {});
    stream = decoder;
  }
  return stream;
}

function unknownEncoding(body: Readable): BodyError {
  body.destroy();
  return new BodyError("UNREADABLE", "the reply is compressed in a way that was not asked for");
}
