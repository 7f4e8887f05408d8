/** Several runs on one ledger and one virtual clock, and every request that left them. */
import type { HttpRequest } from "../../../src/domain/wire.ts";
import { drain } from "../../../src/runner/drain.ts";
import type { DrainReport } from "../../../src/runner/runner.ts";
import { createRig, type Given, lead, NO_LIMITS, type Rig, type RigOptions } from "../../support/drain-rig.ts";

export const WINDOW_MS = 2_000;

export interface Sent {
  /** Monotonic ms at which it left. */
  atMs: number;
  latencyMs: number;
  status: number;
}

export interface Fleet extends Rig {
  sent: Sent[];
  /** So many runs at once, each as a process of its own would run. */
  runs(count: number, limits?: Partial<typeof NO_LIMITS>): Promise<DrainReport[]>;
}

export async function createFleet(options: RigOptions): Promise<Fleet> {
  const sent: Sent[] = [];
  const rig = await createRig({
    ...options,
    transport: async (request: HttpRequest) => {
      const entry: Sent = { atMs: rig.clock.monoMs(), latencyMs: 0, status: 0 };
      sent.push(entry);
      const result = await rig.simulator.handle(request);
      entry.latencyMs = rig.clock.monoMs() - entry.atMs;
      if (result.type === "response") entry.status = result.status;
      return result;
    },
  });
  const one = async (number: number, limits: Partial<typeof NO_LIMITS>): Promise<DrainReport> => {
    const { clock, ledger } = rig;
    const now = { wallMs: clock.wallMs(), monoMs: clock.monoMs(), bootId: clock.bootId };
    const lockName = number === 0 ? "sync" : `join-${number}`;
    const runId = await ledger.openRun({ kind: "sync", pid: number + 1, host: "bench", lockName, now });
    const report = await drain(rig.deps(runId), { ...NO_LIMITS, ...limits }, new AbortController().signal);
    await ledger.closeRun(runId, { stopped: report.stopped, exitCode: 0, summary: null, nowMs: clock.wallMs() });
    return report;
  };
  return {
    ...rig,
    sent,
    runs: (count, limits = {}) =>
      rig.clock.run(Promise.all(Array.from({ length: count }, (_, number) => one(number, limits)))),
  };
}

export function leads(count: number, from = 0, more: Partial<Given> = {}): Given[] {
  return Array.from({ length: count }, (_, n) => ({ ...lead(from + n), ...more }));
}

/** Requests a window that `allowed` slots give, each of which turns once in window and round trip. */
export function theory(allowed: number, roundTripMs: number): number {
  return (allowed * WINDOW_MS) / (WINDOW_MS + roundTripMs);
}

export interface Pace {
  /** Requests a window. */
  whole: number;
  /** Without the first and the last ten seconds. */
  steady: number;
  meanLatencyMs: number;
}

export function paceOf(sent: readonly Sent[], edgeMs = 10_000): Pace {
  const first = sent[0]!.atMs;
  const last = sent.at(-1)!.atMs + sent.at(-1)!.latencyMs;
  const inside = sent.filter(({ atMs }) => atMs >= first + edgeMs && atMs < last - edgeMs);
  const per = (count: number, ms: number) => (count * WINDOW_MS) / ms;
  return {
    whole: per(sent.length, last - first),
    steady: per(inside.length, last - first - 2 * edgeMs),
    meanLatencyMs: sent.reduce((sum, { latencyMs }) => sum + latencyMs, 0) / sent.length,
  };
}
