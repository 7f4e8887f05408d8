import { setMaxListeners } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import type { Clock } from "../domain/clock.ts";
import { CrmledgerError } from "../domain/errors.ts";

/**
 * One instant of the demo's time, and how fast it goes on from there. Its text goes to child processes on their command
 * line: `process.hrtime` is the boot's clock, the same for every process, so all of them agree on the demo's time.
 */
export interface DemoTime {
  /** The demo's wall clock at that instant, UTC ms. */
  wallMs: number;
  /** The demo's monotonic clock at that instant. */
  monoMs: number;
  /** The machine's own monotonic clock at that instant, in ms with fractions. */
  machineMs: number;
  /** Milliseconds of the demo in one of the machine's. */
  factor: number;
}

/** A clock that goes faster than the machine's and can leap over the time in which nothing would happen. */
export interface DemoClock extends Clock {
  /** Makes it `wallMs`. A time that has passed already is left alone: no clock of the demo goes back. */
  leapTo(wallMs: number): void;
  /** What a child needs to have the same time, until the next leap. */
  time(): DemoTime;
}

export const machineNowMs = (): number => Number(process.hrtime.bigint()) / 1e6;

export function createDemoClock(start: DemoTime, machineMs: () => number = machineNowMs): DemoClock {
  let time = start;
  const passedMs = (): number => (machineMs() - time.machineMs) * time.factor;
  return {
    wallMs: () => Math.floor(time.wallMs + passedMs()),
    monoMs: () => Math.floor(time.monoMs + passedMs()),
    bootId: "crmledger-demo",
    sleep: async (ms, signal) => {
      if (signal !== undefined) setMaxListeners(0, signal);
      await wait(Math.ceil(ms / time.factor), undefined, { signal }).catch(() => undefined);
    },
    leapTo: (wallMs) => {
      const at = machineMs();
      const passed = (at - time.machineMs) * time.factor;
      const leapMs = Math.max(0, wallMs - (time.wallMs + passed));
      time = {
        ...time,
        wallMs: time.wallMs + passed + leapMs,
        monoMs: time.monoMs + passed + leapMs,
        machineMs: at,
      };
    },
    time: () => time,
  };
}

export function writeDemoTime({ wallMs, monoMs, machineMs, factor }: DemoTime): string {
  return [wallMs, monoMs, machineMs, factor].join(",");
}

export function readDemoTime(text: string): DemoTime {
  const [wallMs = Number.NaN, monoMs = Number.NaN, machineMs = Number.NaN, factor = Number.NaN] = text
    .split(",")
    .map(Number);
  if ([wallMs, monoMs, machineMs, factor].every(Number.isFinite) && factor > 0) {
    return { wallMs, monoMs, machineMs, factor };
  }
  throw new CrmledgerError("usage", `${JSON.stringify(text)} is no time of a demo`);
}
