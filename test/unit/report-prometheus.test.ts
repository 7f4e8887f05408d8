/** Metrics, the dashboard, the alert rules and the page that explains them name the same things. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type MetricsDocument, renderPrometheus } from "../../src/report/prometheus.ts";
import { NOW_MS, sampleStatus } from "../support/status-sample.ts";

const promtool = spawnSync("promtool", ["--version"]).status === 0;
const withPromtool = promtool ? "" : " (skipped: promtool is not installed)";

function metrics(more: Partial<MetricsDocument> = {}): string {
  return renderPrometheus({
    status: sampleStatus({
      breakers: [
        {
          ...{ group: "notes", state: "open", since: "2026-11-23T16:00:00.000Z", requests: 20, failures: 12 },
          ...{ down: "writes", nextProbe: null },
        },
      ],
    }),
    nowMs: NOW_MS,
    counters: [
      {
        name: "requests",
        labels: { outcome: "applied", route: "POST /api/v2/persons", status_class: "2xx" },
        value: 7,
      },
      { name: "tokens", labels: { route: "POST /api/v2/persons" }, value: 35 },
      { name: "retries", labels: { reason: "rateLimited" }, value: 2 },
      { name: "steps", labels: { action: "create", outcome: "applied", step: "person" }, value: 7 },
      { name: "submissions", labels: { source: 'web"site\n', state: "done" }, value: 7 },
      { name: "ingested", labels: { source: "website", verdict: "new" }, value: 8 },
      { name: "lookups", labels: { by: "mirror" }, value: 5 },
      { name: "runs", labels: { exit_code: "0", kind: "sync" }, value: 3 },
    ],
    delays: { operational: { counts: { 60: 4, 300: 1 }, seconds: 400 }, background: { counts: {}, seconds: 0 } },
    ...{ uncertainSteps: 1, oldestLostAtMs: NOW_MS - 90_000, lastGoodRunEndedAtMs: NOW_MS - 60_000 },
    ...{ ledgerBytes: 1_000_000, spools: [{ source: "website", files: 2 }], version: "0.1.0", node: "20.20.2" },
    ...more,
  });
}

const namesOf = (text: string): string[] =>
  [...new Set([...text.matchAll(/^# TYPE (\w+)/gm)].map((match) => match[1]!))].sort();
/** Names in other texts; the parts of a histogram are its own. */
const namedIn = (text: string): string[] =>
  [...new Set([...text.matchAll(/crmledger_\w+/g)].map(([name]) => name.replace(/_(bucket|sum|count)$/, "")))].sort();
const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

describe("metrics", () => {
  test("count each class of delays with those below it, and keep labels in one line", () => {
    const text = metrics();
    expect(text).toContain('crmledger_delivery_delay_seconds_bucket{lane="operational",le="45"} 0\n');
    expect(text).toContain('crmledger_delivery_delay_seconds_bucket{lane="operational",le="60"} 4\n');
    expect(text).toContain('crmledger_delivery_delay_seconds_bucket{lane="operational",le="+Inf"} 5\n');
    expect(text).toContain('crmledger_delivery_delay_seconds_sum{lane="operational"} 400\n');
    expect(text).toContain('{source="web\\"site\\n",state="done"} 7\n');
    expect(text).toContain('crmledger_lookups_total{by="search"} 0\n');
    expect(text).toContain("crmledger_crm_rate_limited_total 2\n");
    expect(text).toContain("crmledger_crm_budget_remaining_ratio 0.7616");
  });

  test("leave out what is not known", () => {
    const { quota, ...rest } = sampleStatus({ lastRun: null, lastCheck: null });
    const unknown = { ...quota, daily: { ...quota.daily, limit: null, remaining: null } };
    const text = metrics({ status: { ...rest, quota: unknown }, lastGoodRunEndedAtMs: null });
    expect(namesOf(text)).not.toContain("crmledger_crm_budget_remaining_ratio");
    expect(text).not.toMatch(/null|NaN|undefined/);
  });

  test("are those of the dashboard, all of them", () => {
    expect(namedIn(read("docs/grafana/dashboard.json"))).toEqual(namesOf(metrics()));
  });

  test("are those of the page that explains them, all of them", () => {
    expect(namedIn(read("docs/metrics.md"))).toEqual(namesOf(metrics()));
  });

  test("have the names and labels that the alert rules ask for", () => {
    const rules = read("docs/grafana/alerts.yml");
    const text = metrics();
    expect(namedIn(rules).filter((name) => !namesOf(text).includes(name))).toEqual([]);
    for (const [, name, label, value] of rules.matchAll(/(crmledger_\w+)\{(\w+)!?="(\w+)"\}/g)) {
      const known = new RegExp(`^${name}\\{[^}]*${label}="`, "m").test(text);
      expect(known, `${name} has the label ${label}`).toBe(true);
      if (label === "kind") expect(text).toContain(`${label}="${value}"`);
    }
  });

  test("dashboard panels do not lie on each other and each asks something", () => {
    const { panels } = JSON.parse(read("docs/grafana/dashboard.json")) as {
      panels: { title: string; targets: { expr: string }[]; gridPos: { x: number; y: number; w: number; h: number } }[];
    };
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(Math.max(...panels.map(({ gridPos }) => gridPos.x + gridPos.w))).toBe(24);
    expect(panels.filter(({ targets }) => targets.length === 0)).toEqual([]);
  });

  test.skipIf(!promtool)(`please promtool${withPromtool}`, () => {
    const checked = spawnSync("promtool", ["check", "metrics"], { input: metrics(), encoding: "utf8" });
    expect({ code: checked.status, said: checked.stderr + checked.stdout }).toEqual({ code: 0, said: "" });
    const rules = new URL("../../docs/grafana/alerts.yml", import.meta.url).pathname;
    expect(spawnSync("promtool", ["check", "rules", rules], { encoding: "utf8" })).toMatchObject({ status: 0 });
  });
});
