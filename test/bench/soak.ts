/** `npm run soak [-- --submissions 2000 --kills 50 --seed 1]`: prints figures; leaves with 1 when the promise was broken. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "../support/house-source.ts";
import { soak } from "../support/soak.ts";

const { values } = parseArgs({
  options: {
    submissions: { type: "string", default: "2000" },
    kills: { type: "string", default: "50" },
    seed: { type: "string", default: "1" },
    odds: { type: "string", default: "0.01" },
    // A plan's cap keeps its group of operations waiting for a quarter of an hour.
    without: { type: "string", default: "planCap" },
    late: { type: "string", default: "700" },
    program: { type: "string", default: join(ROOT, "bin", "crmledger.js") },
    keep: { type: "boolean", default: false },
  },
});

const folder = mkdtempSync(join(tmpdir(), "crmledger-soak-"));
const figures = await soak({
  folder,
  command: [process.execPath, values.program],
  submissions: Number(values.submissions),
  kills: Number(values.kills),
  seed: Number(values.seed),
  oddsPerCall: Number(values.odds),
  without: values.without.split(","),
  lateMs: Number(values.late),
  quietMaxMs: 600_000,
  say: (line) => process.stderr.write(`${line}\n`),
});

process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
const broken =
  figures.lost.length +
  figures.twice.length +
  figures.wrong.length +
  figures.trouble.length +
  (figures.exits["1"] ?? 0);
process.stdout.write(
  `${figures.lost.length} lost, ${figures.twice.length} twice, ${figures.wrong.length} wrong, ${figures.remaining} remaining\n`,
);
if (values.keep || broken > 0) process.stdout.write(`Ledger and spool are kept in ${folder}\n`);
else rmSync(folder, { recursive: true, force: true });
process.exitCode = broken > 0 || figures.remaining !== 0 ? 1 : 0;
