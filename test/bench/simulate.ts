/**
 * `npm run simulate -- --seed N` tells the story of one world; `npm run simulate -- --seeds 10000 [--from 1] [--workers 2]` looks into
 * many. Leaves with 1 when an invariant was broken. `--late 900` lets effects come up to so many seconds late, beyond the settle times:
 * then some are made twice, which shows that this is seen, and each must be named by a check.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { LATE_MAX_MS } from "../simulation/choices.ts";
import { createSimulation } from "../simulation/simulate.ts";
import { simulateMany } from "../simulation/simulate-many.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    late: { type: "string", default: String(LATE_MAX_MS / 1000) },
    workers: { type: "string", default: String(Math.min(2, availableParallelism())) },
  },
});

const lateMaxMs = Number(values.late) * 1000;

if (values.seed !== undefined) {
  const tale = await createSimulation(lateMaxMs)(Number(values.seed));
  process.stdout.write(`${tale.story.join("\n")}\nstory ${tale.hash}\n`);
  process.exitCode = tale.broken.length === 0 ? 0 : 1;
} else {
  const from = Number(values.from);
  const findings = await simulateMany({
    from,
    seeds: Number(values.seeds),
    workers: Number(values.workers),
    lateMaxMs,
    say: (line) => process.stderr.write(`${line}\n`),
  });
  process.stdout.write(`${findings.page}\n`);
  process.exitCode = findings.broken.length === 0 ? 0 : 1;
}
