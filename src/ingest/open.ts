/** Opening what strangers put into a folder: no link is followed, nothing can make us wait, only regular files are read. */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

export interface OpenedFile {
  handle: FileHandle;
  /** Names the file over renames. */
  identity: string;
  size: number;
  modifiedAtMs: number;
}

export type Opened = { ok: true; file: OpenedFile } | { ok: false; reason: string; code: string };

/** O_NONBLOCK: opening a FIFO without a writer would wait for one. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Opens a regular file. What is none, and what can't be opened, comes back with a reason; the caller closes the handle. */
export async function openRegular(path: string): Promise<Opened> {
  let handle: FileHandle;
  try {
    handle = await open(path, FLAGS);
  } catch (error) {
    const code = errorCode(error);
    const reason =
      code === "ELOOP" ? "it is a link" : code === "ENXIO" ? "it is a socket or FIFO" : `it can't be opened (${code})`;
    return { ok: false, reason, code };
  }
  const stat = await handle.stat({ bigint: true });
  if (!stat.isFile()) {
    await handle.close();
    return { ok: false, reason: stat.isDirectory() ? "it is a folder" : "it is no regular file", code: "EINVAL" };
  }
  const identity = `${stat.dev}:${stat.ino}`;
  return { ok: true, file: { handle, identity, size: Number(stat.size), modifiedAtMs: Number(stat.mtimeMs) } };
}

export function errorCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "unknown error";
}

/** Bytes read at a time. */
const CHUNK_BYTES = 256 * 1024;

/** Bytes of the file from `start` up to `end`: what is written meanwhile waits for the next run. */
export async function* readBytes(handle: FileHandle, start: number, end: number): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end; ) {
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - at));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** The first bytes of the file, fewer where it is shorter. */
export async function readHead(handle: FileHandle, length: number): Promise<Uint8Array> {
  const buffer = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
