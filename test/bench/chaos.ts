/** `npm run chaos [-- --processes 4 --seconds 60 --seed 1 --per-second 5 --calm]`: prints figures; leaves with 1 when the promise was broken. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chaos } from "../support/chaos.ts";
import { BUILT } from "../support/program.ts";

const { values } = parseArgs({
  options: {
    processes: { type: "string", default: "4" },
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    "per-second": { type: "string", default: "5" },
    calm: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
  },
});

const folder = mkdtempSync(join(tmpdir(), "crmledger-chaos-"));
const figures = await chaos({
  folder,
  command: BUILT,
  processes: Number(values.processes),
  seconds: Number(values.seconds),
  seed: Number(values.seed),
  perSecond: Number(values["per-second"]),
  calm: values.calm,
  quietMaxMs: 600_000,
  say: (line) => process.stderr.write(`${line}\n`),
});

process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
const { lost, twice, wrong, trouble, limited, remaining } = figures;
const refused = Object.values(limited).reduce((sum, count) => sum + count, 0);
process.stdout.write(
  `${lost.length} lost, ${twice.length} twice, ${wrong.length} wrong, ${refused} refused by the limits, ${remaining} remaining\n`,
);
const broken = lost.length + twice.length + wrong.length + refused + trouble.length + remaining > 0;
if (values.keep || broken) process.stdout.write(`Ledger and spool are kept in ${folder}\n`);
else rmSync(folder, { recursive: true, force: true });
process.exitCode = broken ? 1 : 0;
