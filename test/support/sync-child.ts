/**
 * `crmledger sync` as a process of its own that meets an end at a named instant. Built from the program's own parts; only
 * the failpoints are this script's. Arguments: the folder of crmledger.yaml, `kill` or `stop`, the instant, which of its
 * occurrences, and `join` to work beside others. A stopped one says so before, and goes on when it is continued.
 */
import { writeSync } from "node:fs";
import type { Invocation } from "../../src/cli/command.ts";
import { openCrmLine, withShop } from "../../src/cli/compose.ts";
import { beginDrainRun } from "../../src/cli/drain-run.ts";
import { processIo } from "../../src/cli/io.ts";
import { spooledSources } from "../../src/cli/sources.ts";
import { ingestDeps, takeIn } from "../../src/cli/take-in.ts";
import { createTalk } from "../../src/cli/talk.ts";
import type { DrainLimits } from "../../src/domain/settings.ts";
import { createStyle } from "../../src/report/style.ts";
import { drain } from "../../src/runner/drain.ts";

const [folder, end, instant, nth, join] = process.argv.slice(2) as [string, "kill" | "stop", string, string, string?];
const telling = Object.entries(process.env).filter(([name]) => /^(OTEL_|CRMLEDGER_LOG$)/.test(name));
const io = { ...processIo(), cwd: folder, env: { HOME: folder, ...Object.fromEntries(telling) } };
const globals = { json: true, quiet: true, verbose: false, color: false, progress: false };
const talk = createTalk(
  io.stderr,
  createStyle({ isTTY: false, columns: undefined }, { color: false }, io.env),
  globals,
);
const LIMITS: DrainLimits = {
  submissionsMax: null,
  durationMaxMs: null,
  waitMaxMs: 30_000,
  tokensMax: null,
  source: null,
  lane: null,
};
const signal = new AbortController().signal;
const signals = { graceful: () => signal, received: () => null };
const invocation: Invocation = { commands: [], args: [], flags: {}, globals, io, talk, signals, print: () => {} };

let left = Number(nth);
function failpoint(name: string): void {
  if (name !== instant) return;
  left -= 1;
  if (left !== 0) return;
  // Synchronously: whoever hears of it finds the process at this very instant.
  writeSync(1, `${end} ${instant}\n`);
  process.kill(process.pid, end === "kill" ? "SIGKILL" : "SIGSTOP");
}

await withShop(invocation, "create", async (shop) => {
  const begun = await beginDrainRun(shop, "sync", join === "join");
  if (begun.lock.name === "sync") {
    const deps = await ingestDeps(shop, begun.runId, { dryRun: false, backfill: "allowed", signal });
    await takeIn({ ...deps, failpoint }, spooledSources(shop.config, undefined), invocation);
  }
  const line = await openCrmLine(shop, invocation, begun.runId, () => {});
  const report = await drain({ ...line.deps, failpoint }, LIMITS, signal);
  await line.close();
  const { stopped } = report;
  await shop.ledger.closeRun(begun.runId, { stopped, exitCode: 0, summary: report, nowMs: shop.clock.wallMs() });
  begun.lock.release();
  writeSync(1, `${JSON.stringify(report)}\n`);
});
