/**
 * `npm run cost [-- --quick] [-- --only TEXT]`: what a submission costs in tokens, next to what it must cost at least by the vendor's
 * own table. The real runner on the virtual clock; the simulator counts. Asserts nothing.
 */
import { parseArgs } from "node:util";
import { scenarios } from "./cost/scenarios.ts";
import { markdown } from "./peers/table.ts";

const { values } = parseArgs({
  options: { quick: { type: "boolean", default: false }, only: { type: "string" } },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const beganAt = performance.now();
const rows = [
  ["submissions", "n", "tokens each", "lower bound", "ratio", "of them look-ups", "requests each", "set-up in all"],
];
for (const { name, bound, run } of scenarios(values.quick ? 10 : 1)) {
  if (values.only !== undefined && !name.includes(values.only)) continue;
  const { submissions, tokens, lookUps, setUp, requests } = await run();
  const each = tokens / submissions;
  const figures = [each, bound, each / bound, lookUps / submissions, requests / submissions];
  rows.push([name, submissions.toLocaleString("en"), ...figures.map((one) => one.toFixed(2)), String(setUp)]);
  say(rows.at(-1)!.join(" | "));
}
say(`\n${markdown(rows).join("\n")}\n`);
say(`seed 1, ${Math.round((performance.now() - beganAt) / 1000)} s`);
