/**
 * The heartbeat: start, success and failure of runs, as healthchecks.io takes them (https://healthchecks.io/docs/http_api/,
 * read 2026-11-23): URL/start, URL, URL/fail, `rid` pairs start and end, the body is kept for people.
 */
import type { Transport } from "../domain/wire.ts";
import { troubleOf } from "./channels.ts";

/** Of runs that did their work: the rest is for alerts. */
const GOOD_CODES = new Set([0, 3]);
const REPLY_BYTES_MAX = 10_000;

export interface Heartbeat {
  /** Told in the background: the run does not wait for it. */
  start(): void;
  /** After the start was told or given up. Null where it was taken, else what went wrong. Never rejects. */
  end(exitCode: number, counts: unknown): Promise<string | null>;
}

/** `rid`: a UUID of this run. `timeoutMs` of each ping. */
export function createHeartbeat(url: string, rid: string, send: Transport, timeoutMs: number): Heartbeat {
  let started: Promise<unknown> = Promise.resolve();
  const ping = async (suffix: string, body: string): Promise<string | null> => {
    const result = await send({
      method: "POST",
      url: pingUrl(url, suffix, rid),
      headers: { "content-type": "application/json" },
      body,
      timeoutMs,
      bytesMax: REPLY_BYTES_MAX,
    });
    return troubleOf(result);
  };
  return {
    start() {
      started = ping("/start", "");
    },
    async end(exitCode, counts) {
      await started;
      return await ping(GOOD_CODES.has(exitCode) ? "" : "/fail", JSON.stringify({ exitCode, ...(counts as object) }));
    },
  };
}

function pingUrl(url: string, suffix: string, rid: string): string {
  const full = new URL(url);
  full.pathname = full.pathname.replace(/\/+$/, "") + suffix;
  full.searchParams.set("rid", rid);
  return full.href;
}
