/**
 * `npm run check-scale [-- --chains 100000]`: what a whole `crmledger reconcile` costs where very many chains were
 * delivered, with nothing wrong and with 1 % damaged. The simulator runs in a process of its own. Leaves with 1 where a figure
 * misses its aim. `--once` leaves it at the first check, `--sql` adds the statements that took longest.
 */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "../support/house-source.ts";
import type { CrmAnswer, CrmOrder } from "../support/scale-crm-child.ts";
import { multiplyLedger, templateRecord } from "../support/scale-world.ts";

const { values } = parseArgs({
  options: {
    chains: { type: "string", default: "100000" },
    /** One chain of so many is damaged. */
    every: { type: "string", default: "100" },
    once: { type: "boolean", default: false },
    sql: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
  },
});
const chains = Number(values.chains);
const TOKEN = "scale-token-of-the-first-user";
const PAGE = 500;
/** Account, fields, the last page that is asked for and is empty: a few, whatever the ledger's size. */
const CONSTANT_REQUESTS = 8;
const PEAK_MIB_MAX = chains > 200_000 ? 300 : 250;

const folder = mkdtempSync(join(tmpdir(), "crmledger-scale-"));
const config = join(folder, "crmledger.yaml");
const crm = startCrm();
const say = (line: string): void => void process.stdout.write(`${line}\n`);

function startCrm(): { child: ChildProcess; ask(order: CrmOrder | null): Promise<CrmAnswer> } {
  const child = fork(join(ROOT, "test/support/scale-crm-child.ts"), [TOKEN], {
    execArgv: ["--import", "tsx", "--max-old-space-size=16000"],
  });
  const ask = (order: CrmOrder | null): Promise<CrmAnswer> =>
    new Promise((resolve, reject) => {
      child.once("message", (answer) => resolve(answer as CrmAnswer));
      child.once("exit", (code) => reject(new Error(`the simulator left with ${code}`)));
      if (order !== null) child.send(order);
    });
  return { child, ask };
}

function prepare(url: string): void {
  mkdirSync(join(folder, "spool"));
  writeFileSync(join(folder, "spool", "one.json"), JSON.stringify(templateRecord()));
  writeFileSync(join(folder, "token"), `${TOKEN}\n`, { mode: 0o600 });
  const lines = [
    "ledger: ./ledger.db",
    `crm: { type: pipedrive, baseUrl: "${url}", apiTokenFile: ./token }`,
    "sources: { website: { spool: ./spool, after: delete } }",
  ];
  writeFileSync(config, `${lines.join("\n")}\n`);
}

interface Measured {
  code: number | null;
  out: string;
  seconds: number;
  endedAtMs: number;
  peakMib: number;
  cpuSeconds: number;
  loopLongestMs: number;
  lockLongestMs: number;
  lockWorkMs: number;
  transactions: number;
  statements: { calls: number; ms: number; sql: string }[];
}

/** The program as it is installed, with a gauge before it. */
async function crmledger(...args: string[]): Promise<Measured> {
  const to = join(folder, "measured.json");
  const gauge = join(ROOT, "test/support/measure-process.mjs");
  const began = performance.now();
  const child = spawn(
    process.execPath,
    ["--import", gauge, join(ROOT, "bin/crmledger.js"), ...args, "--json", "--config", config],
    {
      env: { ...process.env, MEASURE_TO: to, ...(values.sql && { MEASURE_SQL: "1" }) },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let out = "";
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  const seconds = (performance.now() - began) / 1000;
  return { code, out, seconds, endedAtMs: Date.now(), ...(JSON.parse(readFileSync(to, "utf8")) as object) } as Measured;
}

const misses: string[] = [];
const must = (holds: boolean, what: string): void => {
  if (!holds) misses.push(what);
};

async function check(title: string, expected: Record<string, number>): Promise<void> {
  const before = await crm.ask({ type: "count" });
  const run = await crmledger("reconcile", "--edits");
  const after = await crm.ask({ type: "count" });
  const document = JSON.parse(run.out) as {
    checked: number;
    matched: number;
    counts: Record<string, number>;
    edits: Record<string, number>;
  };
  const found = Object.fromEntries(
    Object.entries({ ...document.counts, ...document.edits }).filter(([, count]) => count > 0),
  );
  const lost = Object.entries(expected).reduce((sum, [kind, n]) => sum + (/missing|deleted/.test(kind) ? n : 0), 0);
  const requests = after.total! - before.total!;
  const pages = 4 * Math.ceil(chains / PAGE) + lost;
  const compare = (run.endedAtMs - after.lastRequestAtMs!) / 1000;
  say(`${title}: ${chains} chains, ${document.checked} checked, ${document.matched} matched, ${JSON.stringify(found)}`);
  say(
    `  ${requests} requests for ${pages} pages and records by id; ${run.seconds.toFixed(1)} s (CPU ${run.cpuSeconds.toFixed(1)} s), of which ${compare.toFixed(1)} s after the last request`,
  );
  say(
    `  peak memory ${run.peakMib} MiB; longest write lock ${run.lockLongestMs} ms (${run.lockWorkMs} ms without its commit) of ${run.transactions} transactions; longest block of the event loop ${run.loopLongestMs} ms`,
  );
  for (const { calls, ms, sql } of run.statements) say(`    ${ms.toFixed(0)} ms, ${calls} calls: ${sql.slice(0, 150)}`);
  must(
    JSON.stringify(sortedOf(found)) === JSON.stringify(sortedOf(expected)),
    `${title}: must find ${JSON.stringify(expected)}`,
  );
  must(document.checked === chains, `${title}: must check all`);
  must(requests <= pages * 1.05 + CONSTANT_REQUESTS, `${title}: too many requests`);
  must(run.peakMib < PEAK_MIB_MAX, `${title}: more than ${PEAK_MIB_MAX} MiB`);
  must(compare < 30, `${title}: compares for more than 30 s`);
}

const sortedOf = (counts: Record<string, number>): [string, number][] =>
  Object.entries(counts).sort(([a], [b]) => a.localeCompare(b));

try {
  prepare((await crm.ask(null)).url!);
  const sync = await crmledger("sync", "--yes", "--max-wait", "0s");
  if (sync.code !== 0) throw new Error(`sync left with ${sync.code}: ${sync.out}`);
  const began = performance.now();
  await crm.ask({ type: "fill", chains });
  multiplyLedger(join(folder, "ledger.db"), chains);
  const mib = Math.round(statSync(join(folder, "ledger.db")).size / 1_048_576);
  say(`filled in ${((performance.now() - began) / 1000).toFixed(0)} s; the ledger has ${mib} MiB`);
  await check("untouched", {});
  if (!values.once) {
    await check("once more", {});
    const { expected } = await crm.ask({ type: "damage", chains, every: Number(values.every) });
    await check("damaged", expected!);
  }
  for (const miss of misses) say(`MISSED: ${miss}`);
  process.exitCode = misses.length > 0 ? 1 : 0;
} finally {
  crm.child.kill();
  if (values.keep) say(`kept in ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
}
