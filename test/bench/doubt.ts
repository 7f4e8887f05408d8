/**
 * `npm run doubt [-- --creates 10000 --seed 1]`: creates whose answer is lost, within the settle times and beyond them. Leaves
 * with 1 where something was lost, came twice within them, or came twice beyond them and `reconcile` did not say so.
 */
import { parseArgs } from "node:util";
import { type DoubtFigures, type DoubtOptions, doubt, WAYS } from "../support/doubt.ts";

const { values } = parseArgs({
  options: { creates: { type: "string", default: "10000" }, seed: { type: "string", default: "1" } },
});
const [creates, seed] = [Number(values.creates), Number(values.seed)];
const print = (line = ""): void => void process.stdout.write(`${line}\n`);
const row = (name: string, cells: readonly (string | number)[]): void =>
  print(name.padEnd(32) + cells.map((cell) => String(cell).padStart(16)).join(""));

const BOUNDS: readonly DoubtOptions["broken"][] = ["nothing", "effects", "lists"];
const all: (DoubtFigures & { seconds: number })[] = [];
for (const broken of BOUNDS) {
  const began = performance.now();
  const figures = await doubt({ creates, seed, broken, say: (line) => process.stderr.write(`${broken}: ${line}\n`) });
  all.push({ ...figures, seconds: Math.round((performance.now() - began) / 1000) });
}

const missed = ({ surplus, reported }: DoubtFigures): string[] => surplus.filter((name) => !reported.includes(name));
const wrong = ({ surplus, reported }: DoubtFigures): string[] => reported.filter((name) => !surplus.includes(name));
const total = ({ uncertain }: DoubtFigures): number => Object.values(uncertain).reduce((sum, count) => sum + count);

print(`${creates} uncertain creates at the least, seed ${seed}`);
row("later than the last settle time:", BOUNDS);
for (const way of WAYS)
  row(
    `  ${way}`,
    all.map(({ uncertain }) => uncertain[way]),
  );
row("uncertain creates", all.map(total));
row(
  "submissions",
  all.map(({ submissions }) => submissions),
);
row(
  "deaths of the process",
  all.map(({ deaths }) => deaths),
);
row(
  "lost",
  all.map(({ lost }) => lost.length),
);
row(
  "made once more",
  all.map(({ doubled }) => doubled),
);
row(
  "  named by reconcile",
  all.map((figures) => figures.surplus.length - missed(figures).length),
);
row(
  "  not named",
  all.map((figures) => missed(figures).length),
);
row(
  "named, and not so",
  all.map((figures) => wrong(figures).length),
);
row(
  "seconds",
  all.map(({ seconds }) => seconds),
);
for (const figures of all)
  for (const line of [...figures.lost, ...missed(figures), ...wrong(figures)].slice(0, 20)) print(line);

const [within, ...beyond] = all;
const broken =
  all.some((figures) => figures.lost.length + missed(figures).length + wrong(figures).length > 0) ||
  all.some(({ doubled, surplus }) => doubled !== surplus.length) ||
  all.some((figures) => total(figures) < creates) ||
  within!.doubled > 0 ||
  // Or it could not see doubles at all.
  beyond.some(({ doubled }) => doubled === 0);
process.exitCode = broken ? 1 : 0;
