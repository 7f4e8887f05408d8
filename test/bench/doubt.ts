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

const BOUNDS: readonly DoubtOptions["broken"][] = ["nothing", "effects", "lists"];
type Figures = DoubtFigures & { broken: string; seconds: number };
const all: Figures[] = [];
for (const broken of BOUNDS) {
  const began = performance.now();
  const figures = await doubt({ creates, seed, broken, say: (line) => process.stderr.write(`${broken}: ${line}\n`) });
  all.push({ ...figures, broken, seconds: Math.round((performance.now() - began) / 1000) });
}

const total = ({ uncertain }: Figures): number => Object.values(uncertain).reduce((sum, count) => sum + count, 0);
const ROWS: readonly (readonly [name: string, cell: (figures: Figures) => string | number])[] = [
  ["later than the last settle time:", ({ broken }) => broken],
  ...WAYS.map((way) => [`  ${way}`, ({ uncertain }: Figures) => uncertain[way]] as const),
  ["uncertain creates", total],
  ["submissions", ({ submissions }) => submissions],
  ["deaths of the process", ({ deaths }) => deaths],
  ["lost", ({ lost }) => lost.length],
  ["twice", ({ doubled }) => doubled],
  ["  named by reconcile", ({ named }) => named],
  ["named, and not so", ({ wrong }) => wrong.length],
  ["seconds", ({ seconds }) => seconds],
];
print(`${creates} uncertain creates at the least, seed ${seed}`);
for (const [name, cell] of ROWS) print(name.padEnd(32) + all.map((each) => String(cell(each)).padStart(12)).join(""));
for (const { lost, missed, wrong } of all) for (const line of [...lost, ...missed, ...wrong].slice(0, 20)) print(line);

const [within, ...beyond] = all;
const broken =
  all.some(({ lost, missed, wrong }) => lost.length + missed.length + wrong.length > 0) ||
  all.some((figures) => total(figures) < creates) ||
  within!.doubled > 0 ||
  // Or it could not see doubles at all.
  beyond.some(({ doubled }) => doubled === 0);
process.exitCode = broken ? 1 : 0;
