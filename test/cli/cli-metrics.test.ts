/** Metrics over a story of runs: counters come from the ledger and never fall. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type CliWorld, createCliWorld, lead } from "../support/cli-world.ts";

let world: CliWorld;

beforeEach(async () => {
  world = await createCliWorld();
});

afterEach(() => world.close());

const CONFIG = `retry: { settle: [1ms, 2ms], baseDelay: 1ms, maxAttempts: 2 }
retention: { payloads: 1ms, rejects: 1ms }
sources:
  website: { spool: ./spool, lane: operational }
  import: { lane: background }
`;

type Series = Map<string, number>;

async function counters(): Promise<Series> {
  const ran = await world.run("status", "--prometheus", "status.prom");
  expect(ran.code).toBe(0);
  const text = readFileSync(world.path("status.prom"), "utf8");
  const types = new Map([...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => [name!, type!]));
  const series: Series = new Map();
  for (const [, name, labels, value] of text.matchAll(/^(\w+?)(\{.*\})? (\S+)$/gm)) {
    const type = types.get(name!) ?? types.get(name!.replace(/_(bucket|sum|count)$/, ""));
    if (type !== "gauge") series.set(`${name}${labels ?? ""}`, Number(value));
  }
  return series;
}

const fallen = (before: Series, after: Series): string[] =>
  [...before].filter(([name, value]) => !((after.get(name) ?? -1) >= value)).map(([name]) => name);

it("counters never fall over runs, failures, retention and forget", async () => {
  const { simulator } = world;
  world.config(CONFIG);
  await world.run("ingest");
  let before = await counters();
  const seen: Series = before;
  const step = async (...args: string[]): Promise<Series> => {
    const ran = await world.run(...args);
    expect([0, 2, 3, 75], `${args.join(" ")}: ${ran.err}`).toContain(ran.code);
    const after = await counters();
    expect(fallen(before, after), args.join(" ")).toEqual([]);
    before = after;
    return after;
  };
  const first = lead("1");
  world.write("spool/a.json", JSON.stringify([first, lead("2"), lead("3"), { id: "nobody" }]));
  simulator.failNext({ kind: "rateLimit429", times: 1, match: { method: "POST", path: /persons$/ } });
  simulator.failNext({ kind: "resetAfter", times: 1, match: { method: "POST", path: /deals$/ } });
  await step("sync", "--max-wait", "2s");
  world.write("spool/b.json", JSON.stringify([first, lead("4")]));
  simulator.failNext({ kind: "error503", times: 2, match: { method: "POST", path: /deals$/ } });
  await step("sync", "--max-wait", "2s");
  world.write("more.csv", "id,person.email\n7,seven@example.com\n");
  await step("import", "more.csv");
  await step("retry-failed", "--all", "--drain");
  await step("reconcile");
  await step("forget", "lead-1@example.com", "--yes");
  // Retention thins what was delivered.
  await step("sync");
  const end = await step("sync");
  expect(end.get('crmledger_submissions_ended_total{source="website",state="done"}')).toBeGreaterThanOrEqual(4);
  expect(end.get('crmledger_ingested_total{source="website",verdict="rejected"}')).toBe(1);
  expect(end.get('crmledger_ingested_total{source="website",verdict="duplicate"}')).toBe(1);
  expect(end.get("crmledger_crm_rate_limited_total")).toBe(1);
  expect(end.get('crmledger_delivery_delay_seconds_count{lane="operational"}')).toBeGreaterThanOrEqual(4);
  expect(end.get('crmledger_submissions_ended_total{source="website",state="failed"}')).toBe(1);
  expect(
    [...end.keys()].filter((name) => /runs_total.*(reconcile|retry-failed|sync)/.test(name)).length,
  ).toBeGreaterThan(2);
  const requests = [...end].filter(([name]) => name.startsWith("crmledger_crm_requests_total"));
  expect(requests.reduce((sum, [, value]) => sum + value, 0)).toBe(simulator.requests.total);
  expect(seen.size).toBeLessThan(end.size);
});

it("the file is whole, can be read by everybody whatever the umask, and pleases promtool where it is there", async () => {
  world.config();
  world.write("spool/a.json", JSON.stringify([lead("1")]));
  await world.run("sync");
  const umask = process.umask(0o077);
  try {
    await counters();
  } finally {
    process.umask(umask);
  }
  expect(statSync(world.path("status.prom")).mode & 0o777).toBe(0o644);
  expect(readdirSync(world.folder).filter((name) => /\.prom/.test(name))).toEqual(["status.prom"]);
  const text = readFileSync(world.path("status.prom"), "utf8");
  expect(text).not.toMatch(/lead-1|Lead 1|@/);
  if (spawnSync("promtool", ["--version"]).status !== 0) return;
  const checked = spawnSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8" });
  expect({ code: checked.status, said: checked.stderr + checked.stdout }).toEqual({ code: 0, said: "" });
});
