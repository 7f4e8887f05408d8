/** Runs cases of a fuzzer until time or number is up, and makes what it finds small. */
import { chanceOf } from "./chance.ts";
import { Broken, type FuzzCase, type FuzzTarget } from "./fuzz-target.ts";

export interface Finding {
  serial: number;
  /** What was broken, or the crash. */
  error: unknown;
  one: FuzzCase;
}

export interface FuzzReport {
  executions: number;
  findings: Finding[];
  /** Longest CPU time of a case, and which one it was. */
  slowest: { cpuMs: number; serial: number };
  rssMaxBytes: number;
}

export interface FuzzLimits {
  executionsMax: number;
  /** Monotonic ms of the process at which it ends. */
  untilMs: number;
  findingsMax: number;
  /** CPU time of one case. More is a hang. */
  caseCpuMaxMs: number;
  rssMaxBytes: number;
}

/** Cases that share a ledger. */
const RENEW_EVERY = 100;

/** `onCase` is told before each case, so that somebody else can notice that it does not end. */
export async function fuzz(
  target: FuzzTarget,
  seed: number,
  limits: FuzzLimits,
  onCase: (serial: number) => void = () => {},
): Promise<FuzzReport> {
  const report: FuzzReport = { executions: 0, findings: [], slowest: { cpuMs: 0, serial: 0 }, rssMaxBytes: 0 };
  const seen = new Set<string>();
  for (let serial = 0; serial < limits.executionsMax && performance.now() < limits.untilMs; serial += 1) {
    onCase(serial);
    const one = target.makeCase(chanceOf(seed, serial));
    const { cpuMs, error } = await execute(target, one);
    report.executions += 1;
    if (cpuMs > report.slowest.cpuMs) report.slowest = { cpuMs, serial };
    report.rssMaxBytes = Math.max(report.rssMaxBytes, process.memoryUsage.rss());
    const what = error ?? boundBroken(cpuMs, report.rssMaxBytes, limits);
    if (what !== null && !seen.has(kindOf(what))) {
      seen.add(kindOf(what));
      report.findings.push({ serial, error: what, one });
      if (report.findings.length >= limits.findingsMax) break;
    }
    if (what !== null || serial % RENEW_EVERY === RENEW_EVERY - 1) await target.renew();
  }
  return report;
}

async function execute(target: FuzzTarget, one: FuzzCase): Promise<{ cpuMs: number; error: unknown }> {
  const before = process.cpuUsage();
  let error: unknown = null;
  try {
    await target.run(one);
  } catch (thrown) {
    error = thrown;
  }
  const { user, system } = process.cpuUsage(before);
  return { cpuMs: (user + system) / 1000, error };
}

function boundBroken(cpuMs: number, rss: number, limits: FuzzLimits): Broken | null {
  if (cpuMs > limits.caseCpuMaxMs) return new Broken(`a case ends in ${limits.caseCpuMaxMs} ms of CPU`);
  return rss > limits.rssMaxBytes ? new Broken(`memory stays below ${limits.rssMaxBytes} bytes`) : null;
}

/** Findings that are told apart: by promise, or by the place of the crash. */
export function kindOf(error: unknown): string {
  if (error instanceof Broken) return error.message.split(/[{["]/)[0]!;
  if (!(error instanceof Error)) return String(error);
  return `${error.name} ${/\n\s+at (?!.*node:)([^\n]*)/.exec(error.stack ?? "")?.[1] ?? error.message}`;
}

/** Takes out bytes, in ever smaller pieces, as long as the same thing goes wrong. */
export async function minimise(target: FuzzTarget, finding: Finding, untilMs: number): Promise<FuzzCase> {
  const kind = kindOf(finding.error);
  let best = finding.one;
  const fails = async (one: FuzzCase): Promise<boolean> => {
    await target.renew();
    const { error: again } = await execute(target, one);
    return again !== null && kindOf(again) === kind;
  };
  for (let piece = Math.ceil(best.bytes.length / 2); piece >= 1; piece = piece === 1 ? 0 : Math.ceil(piece / 2)) {
    for (let from = 0; from < best.bytes.length && performance.now() < untilMs; ) {
      const bytes = Buffer.concat([best.bytes.subarray(0, from), best.bytes.subarray(from + piece)]);
      if (await fails({ ...best, bytes })) best = { ...best, bytes };
      else from += piece;
    }
  }
  return best;
}
