/**
 * `npm run fuzz -- spool|csv|config|crm [--seconds 120] [--seed N] [--case N] [--out FOLDER]`: hostile input from a seed.
 * What it finds is made small, written to a folder and told; `fixtures/fuzz` keeps such cases for good.
 */
import { fork } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeCase } from "../support/fuzz/case-file.ts";
import { chanceOf } from "../support/fuzz/chance.ts";
import { type Finding, fuzz, minimise } from "../support/fuzz/fuzz-loop.ts";
import type { FuzzTarget } from "../support/fuzz/fuzz-target.ts";
import { FUZZ_TARGETS } from "../support/fuzz/fuzz-targets.ts";

const MINIMISE_MS = 10_000;
/** Longer than any case may take on a busy machine: it hangs. */
const HANGS_AFTER_MS = 60_000;
const LIMITS = { executionsMax: Number.MAX_SAFE_INTEGER, findingsMax: 20, caseCpuMaxMs: 10_000, rssMaxBytes: 1.5e9 };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "120" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    case: { type: "string" },
    out: { type: "string", default: "fuzz-findings" },
  },
});
const name = positionals[0] ?? "";

if (FUZZ_TARGETS[name] === undefined) {
  process.stderr.write(`fuzz what? ${Object.keys(FUZZ_TARGETS).join(" | ")}\n`);
  process.exitCode = 64;
} else if (process.send === undefined) watch();
else await work(FUZZ_TARGETS[name](), Number(values.seed));

/** The fuzzer runs in a process of its own: one that hangs can't say so. */
function watch(): void {
  const flags = Object.entries(values).flatMap(([flag, value]) => (value === undefined ? [] : [`--${flag}`, value]));
  const child = fork(import.meta.filename, [name, ...flags]);
  let [last, since] = [-1, performance.now()];
  child.on("message", (serial) => {
    [last, since] = [Number(serial), performance.now()];
  });
  const timer = setInterval(() => {
    if (last < 0 || performance.now() - since < HANGS_AFTER_MS) return;
    process.stdout.write(`${name} seed ${values.seed}: case ${last} does not end\n`);
    child.kill("SIGKILL");
  }, 1000);
  child.on("exit", (code) => {
    clearInterval(timer);
    process.exitCode = code ?? 1;
  });
}

async function work(target: FuzzTarget, seed: number): Promise<void> {
  process.exitCode =
    values.case === undefined ? await search(target, seed) : await replay(target, seed, Number(values.case));
  await target.close();
  process.disconnect?.();
}

async function search(target: FuzzTarget, seed: number): Promise<number> {
  const started = performance.now();
  process.stdout.write(`fuzzing ${name} for ${values.seconds} s, seed ${seed}\n`);
  const limits = { ...LIMITS, untilMs: started + Number(values.seconds) * 1000 };
  const report = await fuzz(target, seed, limits, (serial) => process.send?.(serial));
  const seconds = (performance.now() - started) / 1000;
  for (const finding of report.findings) await tell(target, seed, finding);
  const { cpuMs, serial } = report.slowest;
  const rate = (report.executions / seconds).toFixed(0);
  process.stdout.write(
    `${name} seed ${seed}: ${report.executions} executions in ${seconds.toFixed(1)} s (${rate}/s), ${report.findings.length} findings, slowest ${cpuMs.toFixed(0)} ms of CPU (case ${serial}), at most ${(report.rssMaxBytes / 1e6).toFixed(0)} MB\n`,
  );
  return report.findings.length === 0 ? 0 : 1;
}

async function tell(target: FuzzTarget, seed: number, finding: Finding): Promise<void> {
  process.stdout.write(`case ${finding.serial}: ${String(finding.error)}\n${stackOf(finding.error)}\n`);
  const small = await minimise(target, finding, performance.now() + MINIMISE_MS);
  mkdirSync(values.out, { recursive: true });
  const file = join(values.out, `${name}-${seed}-${finding.serial}.json`);
  writeFileSync(file, writeCase(name, String(finding.error), small));
  process.stdout.write(`${file}\n\n`);
}

async function replay(target: FuzzTarget, seed: number, serial: number): Promise<number> {
  const one = target.makeCase(chanceOf(seed, serial));
  process.stdout.write(writeCase(name, `seed ${seed}, case ${serial}`, one));
  try {
    await target.run(one);
    return 0;
  } catch (error) {
    process.stdout.write(`${String(error)}\n${stackOf(error)}\n`);
    return 1;
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? "") : "";
}
