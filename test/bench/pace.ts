/**
 * `npm run pace`: how much of what is allowed is used. Requests a window in parts of share x burst x window / (window + round
 * trip), for one run and for several on one ledger; beside another client that comes and goes; and of a day's budget. On the
 * virtual clock, so exact and the same on every machine. Prints tables; asserts nothing.
 */
import { parseArgs } from "node:util";
import { budget } from "./pace/budget.ts";
import { besideOthers } from "./pace/others.ts";
import { processes } from "./pace/processes.ts";
import { together } from "./pace/together.ts";
import { markdown } from "./peers/table.ts";

const { values } = parseArgs({ options: { only: { type: "string", default: "" } } });
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const parts = [
  { title: "Runs side by side on one ledger", of: together },
  { title: "Real processes on one ledger, Growth, 150 ms", of: processes },
  { title: "Beside another client that comes and goes", of: besideOthers },
  { title: "A day's budget", of: budget },
];

for (const { title, of } of parts.filter((part) => part.title.includes(values.only))) {
  say(`\n${title}\n`);
  for (const line of markdown(await of())) say(line);
}
