/**
 * `npm run failpoints [-- --command sync --stride 5]`: kills real processes by SIGKILL at every named instant, at each of its
 * occurrences, and looks at what the next ordinary run makes of it. Leaves with 1 where anything is wrong.
 */
import { parseArgs } from "node:util";
import { ALL_FAILPOINTS } from "../../src/cli/failpoints.ts";
import { SCENARIOS } from "../support/failpoint-scenarios.ts";
import { type WalkedInstant, walk } from "../support/failpoint-walk.ts";
import { kill } from "../support/mortal-world.ts";

const { values } = parseArgs({
  options: {
    command: { type: "string", multiple: true },
    stride: { type: "string", default: "1" },
    together: { type: "string", default: "2" },
  },
});

const wanted = SCENARIOS.filter(
  ({ name }) => values.command === undefined || values.command.some((start) => name.startsWith(start)),
);
const began = performance.now();
const all: WalkedInstant[] = [];
const row = (command: string, instant: string, deaths: string | number, ok: string): string =>
  `${command.padEnd(18)} ${instant.padEnd(28)} ${String(deaths).padStart(7)}  ${ok}\n`;
process.stdout.write(row("command", "instant", "killed", "ok"));
for (const scenario of wanted) {
  const startedMs = performance.now();
  const walked = await walk(scenario, {
    death: kill("dist"),
    stride: Number(values.stride),
    together: Number(values.together),
    onDeath: ({ command, instant, deaths }) => {
      if (deaths % 20 === 0) process.stderr.write(`${command} ${instant} ${deaths}\n`);
    },
  });
  all.push(...walked);
  for (const { command, instant, deaths, wrong } of walked) {
    process.stdout.write(row(command, instant, deaths, wrong.length === 0 ? "yes" : `NO, ${wrong.length} times`));
    for (const line of wrong) process.stdout.write(`  ${line}\n`);
  }
  const deaths = walked.reduce((sum, each) => sum + each.deaths, 0);
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  process.stdout.write(row(scenario.name, `${walked.length} instants`, deaths, `${seconds} s`));
}
const deaths = all.reduce((sum, each) => sum + each.deaths, 0);
const wrong = all.reduce((sum, each) => sum + each.wrong.length, 0);
const never = ALL_FAILPOINTS.filter((name) => !all.some(({ instant }) => instant === name));
process.stdout.write(
  `${wanted.length} commands, ${new Set(all.map(({ instant }) => instant)).size} of ${ALL_FAILPOINTS.length} instants, ` +
    `${deaths} kills, ${wrong} wrong, ${Math.round((performance.now() - began) / 1000)} s\n`,
);
const isWhole = values.command === undefined;
if (isWhole && never.length > 0) process.stdout.write(`never met: ${never.join(", ")}\n`);
process.exitCode = wrong > 0 || (isWhole && never.length > 0) ? 1 : 0;
