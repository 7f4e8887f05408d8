/** Reads a reply's body as text, decompressed, never more than a bound. */
import { pipeline, Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import type { HttpResult } from "../domain/wire.ts";

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

const TEXT = new TextDecoder();

/** What a reply may ask of the exchange that it belongs to. */
interface Exchange {
  pause(): void;
  resume(): void;
  abort(reason: Error): void;
}

/** A reply while it comes in. Ends with the whole of it, or with a `BodyError` or whatever broke it off. */
export class Reply {
  readonly #bytesMax: number;
  readonly #resolve: (reply: HttpReply) => void;
  readonly #reject: (error: unknown) => void;
  #controller: Exchange | null = null;
  #head: Omit<HttpReply, "body"> | null = null;
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Where it is compressed. */
  #stream: Readable | null = null;

  constructor(bytesMax: number, resolve: (reply: HttpReply) => void, reject: (error: unknown) => void) {
    this.#bytesMax = bytesMax;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  begin(controller: Exchange, status: number, headers: Record<string, string>): void {
    this.#controller = controller;
    this.#head = { type: "response", status, headers };
    const names = encodingsOf(headers["content-encoding"]);
    if (names.length > 0) this.#decompress(names);
  }

  take(chunk: Buffer): void {
    if (this.#stream !== null) {
      if (!this.#stream.push(chunk)) this.#controller?.pause();
      return;
    }
    this.#bytes += chunk.length;
    if (this.#bytes <= this.#bytesMax) this.#chunks.push(chunk);
    else this.#giveUp(tooLarge(this.#bytesMax));
  }

  end(): void {
    if (this.#stream !== null) this.#stream.push(null);
    else this.#whole(this.#chunks);
  }

  fail(error: unknown): void {
    if (this.#stream !== null) this.#stream.destroy(error as Error);
    this.#reject(error);
  }

  #whole(chunks: readonly Buffer[]): void {
    const body = TEXT.decode(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
    this.#resolve({ ...this.#head!, body });
  }

  #giveUp(error: BodyError): void {
    this.#reject(error);
    this.#controller?.abort(error);
  }

  #decompress(names: readonly string[]): void {
    const stream = new Readable({ read: () => this.#controller?.resume() });
    this.#stream = stream;
    readDecoded(stream, names, this.#bytesMax).then(
      (chunks) => this.#whole(chunks),
      (error) => (error instanceof BodyError ? this.#giveUp(error) : this.#reject(error)),
    );
  }
}

type HttpReply = Extract<HttpResult, { type: "response" }>;

function tooLarge(bytesMax: number): BodyError {
  return new BodyError("TOO_LARGE", `the reply is longer than ${bytesMax} bytes`);
}

/** Bytes are counted after decompression, so that a small reply can't become a large one. */
async function readDecoded(body: Readable, names: readonly string[], bytesMax: number): Promise<Buffer[]> {
  // Once given up, a body may still fail: nobody is listening then.
  body.on("error", () => {});
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of decoded(body, names)) {
    bytes += (chunk as Buffer).length;
    if (bytes > bytesMax) throw tooLarge(bytesMax);
    chunks.push(chunk as Buffer);
  }
  return chunks;
}

function encodingsOf(contentEncoding: string | undefined): string[] {
  if (contentEncoding === undefined) return [];
  return contentEncoding
    .toLowerCase()
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "" && name !== "identity")
    .reverse();
}

function decoded(body: Readable, names: readonly string[]): Readable {
  if (names.length > ENCODINGS_MAX || names.some((name) => !Object.hasOwn(DECODERS, name))) {
    throw new BodyError("UNREADABLE", "the reply is compressed in a way that was not asked for");
  }
  let stream = body;
  for (const name of names) {
    const decoder = DECODERS[name as keyof typeof DECODERS]();
    // The callback only keeps the error from being unhandled: the reader of the last stream gets it.
    pipeline(stream, decoder, () => {});
    stream = decoder;
  }
  return stream;
}
