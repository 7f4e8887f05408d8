/**
 * `npm run chaos [-- --processes 4 --seconds 60 --seed 1 --per-second 5 --calm]`: real processes; with `--virtual-hours 1`
 * runners in this process on the virtual clock. Prints figures; leaves with 1 when the promise was broken.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chaos } from "../support/chaos.ts";
import { virtualHours } from "../support/chaos-hour.ts";
import { BUILT } from "../support/program.ts";

const { values } = parseArgs({
  options: {
    processes: { type: "string", default: "4" },
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    "per-second": { type: "string", default: "5" },
    calm: { type: "boolean", default: false },
    "virtual-hours": { type: "string" },
    "per-minute": { type: "string", default: "60" },
    program: { type: "string" },
    keep: { type: "boolean", default: false },
  },
});

const say = (line: string): boolean => process.stderr.write(`${line}\n`);
const shared = { processes: Number(values.processes), seed: Number(values.seed), say };

interface Verdict {
  lost: string[];
  twice: string[];
  /** Everything else that must not be. */
  trouble: string[];
  limited: Record<string, number>;
}

async function inTheRealWorld(folder: string): Promise<Verdict> {
  const figures = await chaos({
    ...shared,
    ...{ folder, command: values.program === undefined ? BUILT : [process.execPath, values.program] },
    ...{ calm: values.calm, quietMaxMs: 600_000 },
    seconds: Number(values.seconds),
    perSecond: Number(values["per-second"]),
  });
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
  const left = figures.remaining === 0 ? [] : [`${figures.remaining} remaining`];
  return { ...figures, trouble: [...figures.trouble, ...figures.wrong, ...left] };
}

async function onTheVirtualClock(hours: number): Promise<Verdict> {
  const limits = { dailyTokens: null, dailyHeaders: false };
  const figures = await virtualHours({ ...shared, hours, perMinute: Number(values["per-minute"]), limits });
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
  const undone = figures.queue.done === figures.submissions ? [] : ["not all are done"];
  return { ...figures, twice: figures.doubled, trouble: [...figures.problems, ...undone] };
}

const folder = mkdtempSync(join(tmpdir(), "crmledger-chaos-"));
const hours = values["virtual-hours"];
const { lost, twice, trouble, limited } = await (hours === undefined
  ? inTheRealWorld(folder)
  : onTheVirtualClock(Number(hours)));
const refused = Object.values(limited).reduce((sum, count) => sum + count, 0);
process.stdout.write(
  `${lost.length} lost, ${twice.length} twice, ${refused} refused by the limits, ${trouble.length} other troubles\n`,
);
const broken = lost.length + twice.length + refused + trouble.length > 0;
if (values.keep || broken) process.stdout.write(`Ledger and spool are kept in ${folder}\n`);
else rmSync(folder, { recursive: true, force: true });
process.exitCode = broken ? 1 : 0;
