/**
 * `npm run safeties [-- --only REGEX] [--jobs N]`: switches each safety off in a copy of the tree, one at a time, and runs the
 * tests that must fail then. Leaves with 1 where one of them passes, or fails with everything switched on.
 */
import { parseArgs } from "node:util";
import { MutableTree, type Mutation, patternOf, runTests, type TestResult } from "../support/mutation.ts";
import { MUTATIONS } from "../support/mutations.ts";

const { values } = parseArgs({
  options: { only: { type: "string", default: "." }, jobs: { type: "string", default: "2" } },
});
const chosen = MUTATIONS.filter(({ name }) => new RegExp(values.only).test(name));
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const isNamed = ({ file, title }: TestResult, [named, pattern]: readonly [string, string]): boolean =>
  file === named && new RegExp(`^${patternOf(pattern)}$`).test(title);

function filesAndTitles(of: readonly Mutation[]): [files: string[], titles: string[]] {
  const named = of.flatMap(({ killedBy }) => killedBy);
  return [[...new Set(named.map(([file]) => file))], [...new Set(named.map(([, title]) => title))]];
}

/** What is wrong with everything switched on: tests that fail, and names that no test has. */
async function wrongWhenWhole(tree: MutableTree): Promise<string[]> {
  const results = await runTests(tree.root, ...filesAndTitles(chosen));
  const failing = results
    .filter(({ passed }) => !passed)
    .map(({ file, title }) => `${file}: "${title}" fails as it is`);
  const missing = chosen.flatMap(({ name, killedBy }) =>
    killedBy
      .filter((named) => !results.some((result) => isNamed(result, named)))
      .map(([file, title]) => `${name}: ${file} has no test "${title}"`),
  );
  return [...failing, ...missing];
}

/** Tests that don't notice: of each title one must fail at the least. */
async function unnoticed(tree: MutableTree, mutation: Mutation): Promise<string[]> {
  const results = await tree.without(mutation, () => runTests(tree.root, ...filesAndTitles([mutation])));
  const blind = mutation.killedBy.filter(
    (named) => !results.some((result) => !result.passed && isNamed(result, named)),
  );
  const failed = results.filter(({ passed }) => !passed);
  say(`${blind.length === 0 ? "needed  " : "SURVIVES"}  ${mutation.name}: ${failed.length} of ${results.length} fail`);
  if (failed[0]) say(`            ${failed[0].message}`);
  return blind.map(([file, title]) => `${mutation.name}: ${file} "${title}" does not notice`);
}

const began = performance.now();
const queue = [...chosen];
const problems: string[] = [];
async function work(): Promise<void> {
  const tree = new MutableTree();
  try {
    for (let mutation = queue.shift(); mutation !== undefined; mutation = queue.shift()) {
      problems.push(...(await unnoticed(tree, mutation)));
    }
  } finally {
    tree.remove();
  }
}

const whole = new MutableTree();
try {
  problems.push(...(await wrongWhenWhole(whole)));
} finally {
  whole.remove();
}
say(`with everything switched on: ${problems.length === 0 ? "green" : "RED"}`);
await Promise.all(Array.from({ length: Number(values.jobs) }, work));
for (const problem of problems) say(problem);
const seconds = Math.round((performance.now() - began) / 1000);
say(`${chosen.length} safeties switched off one at a time, ${problems.length} problems, ${seconds} s`);
process.exitCode = problems.length > 0 ? 1 : 0;
