import { setMaxListeners } from "node:events";
import { readFileSync } from "node:fs";
import { hostname, uptime } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import type { Clock, Random } from "../domain/clock.ts";

/** The machine's clocks. `process.hrtime` is the boot's monotonic clock, the same for every process. */
export function createRealClock(): Clock {
  return {
    wallMs: () => Date.now(),
    monoMs: () => Number(process.hrtime.bigint() / 1_000_000n),
    bootId: readBootId(),
    sleep: async (ms, signal) => {
      // Everything that waits in a run listens to the one signal that stops it; that is no leak.
      if (signal !== undefined) setMaxListeners(0, signal);
      await wait(ms, undefined, { signal }).catch(() => undefined);
    },
  };
}

export const realRandom: Random = { next: () => Math.random() };

/** Linux names each boot; elsewhere the host and the minute in which it booted do. */
function readBootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return `${hostname()}:${Math.round((Date.now() / 1000 - uptime()) / 60)}`;
  }
}
