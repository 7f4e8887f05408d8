/** What `import` was given: a file, a pipe or standard input, readable from its start as often as needed. */
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { basename } from "node:path";
import { CrmledgerError } from "../domain/errors.ts";
import type { ImportOptions } from "./ingest.ts";
import { errorCode, readBytes, readHead } from "./open.ts";
import { shownName } from "./warnings.ts";

/** Pipes are kept in memory, since the check for a re-export reads twice. */
const PIPE_BYTES_MAX = 256 * 1024 * 1024;
const HEAD_BYTES = 64 * 1024;
const STDIN = "standard input";

export interface Input {
  /** For people. */
  shown: string;
  /** As the origin of its records: a name that can be shown, or `-`. */
  origin: string;
  /** Of the file's name; empty for standard input. */
  name: string;
  head: Uint8Array;
  size: number;
  bytes: (start: number) => AsyncIterable<Uint8Array>;
  close: () => Promise<void>;
}

/** Opens the input. Rejects with `inputUnreadable` where it is not there or no file. */
export async function openInput(options: ImportOptions): Promise<Input> {
  if (options.file === "-") return fromPipe(STDIN, "-", "", options.stdin ?? emptyPipe());
  const shown = shownName(options.file);
  try {
    const found = await stat(options.file);
    if (found.isDirectory())
      throw unreadable(shown, "it is a folder", "Name the files in it, or make it the `spool` of a source.");
    if (!found.isFile()) return await fromPipe(shown, shown, basename(options.file), createReadStream(options.file));
    const handle = await open(options.file, "r");
    const head = await readHead(handle, Math.min(HEAD_BYTES, found.size));
    const bytes = (start: number): AsyncIterable<Uint8Array> => readBytes(handle, start, found.size);
    const name = basename(options.file);
    return { shown, origin: shown, name, head, size: found.size, bytes, close: () => handle.close() };
  } catch (error) {
    if (error instanceof CrmledgerError) throw error;
    const code = errorCode(error);
    const hint =
      code === "ENOENT"
        ? "Check the name; relative paths start where the command is run."
        : "Check that you may read it.";
    throw unreadable(shown, code === "ENOENT" ? "there is no such file" : `it can't be opened (${code})`, hint, error);
  }
}

export function unreadable(shown: string, why: string, hint: string, cause?: unknown): CrmledgerError {
  return new CrmledgerError("inputUnreadable", `${shown}: ${why}`, { hint, cause });
}

async function* emptyPipe(): AsyncGenerator<Uint8Array> {}

async function fromPipe(
  shown: string,
  origin: string,
  name: string,
  chunks: AsyncIterable<Uint8Array>,
): Promise<Input> {
  const kept: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    size += bytes.length;
    if (size > PIPE_BYTES_MAX) {
      throw unreadable(
        shown,
        `more than ${PIPE_BYTES_MAX} bytes came through a pipe`,
        "Write them to a file and import that; nothing of it was taken.",
      );
    }
    kept.push(bytes);
  }
  const all = Buffer.concat(kept);
  const bytes = async function* (start: number): AsyncGenerator<Uint8Array> {
    yield all.subarray(start);
  };
  return { shown, origin, name, head: all.subarray(0, HEAD_BYTES), size, bytes, close: async () => {} };
}
