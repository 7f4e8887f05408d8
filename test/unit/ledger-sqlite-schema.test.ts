/** The schema against the lists in code, and the plans of the queries that must stay flat. */
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { ALERT_EVENTS, ALERT_LEVELS } from "../../src/domain/alert.ts";
import { ENTITIES } from "../../src/domain/catalog.ts";
import { STEP_ACTIONS, STEP_STATES, type Step } from "../../src/domain/chain.ts";
import { HOLD_KINDS } from "../../src/domain/hold.ts";
import type { SubmissionId } from "../../src/domain/ids.ts";
import { DELAY_BOUNDS_S } from "../../src/domain/sample.ts";
import { LANES, SUBMISSION_STATES } from "../../src/domain/submission.ts";
import { ECHO_FINDINGS } from "../../src/ledger/findings.ts";
import { DRIFTS, LAYOUTS, MEMBER_TYPES } from "../../src/ledger/members.ts";
import { CRM_CHANGES, CRM_NAME_KINDS } from "../../src/ledger/names.ts";
import { sqliteLedger } from "../../src/ledger/sqlite/ledger.ts";
import { MIGRATIONS } from "../../src/ledger/sqlite/migrations.ts";
import { createStore } from "../../src/ledger/sqlite/store.ts";
import {
  begun,
  benchOn,
  bucket,
  claimed,
  finished,
  incoming,
  intent,
  plan,
  START_MS,
  take,
  turned,
} from "../support/ledger-fixture.ts";

function blank(): Database.Database {
  const db = new Database(":memory:");
  for (const migration of MIGRATIONS) db.exec(migration.sql);
  return db;
}

/** The values that a column's CHECK admits. */
function checked(db: Database.Database, table: string, column: string): string[] {
  const sql = db.prepare("SELECT sql FROM sqlite_master WHERE name = ?").pluck().get(table) as string;
  const list = new RegExp(`\\n\\s*${column} TEXT[^\\n]*CHECK \\(${column} IN\\s*\\(([^)]*)\\)`).exec(sql)?.[1];
  return [...(list ?? "").matchAll(/'([^']*)'/g)].map((match) => match[1]!);
}

test("what is usual is known of a ledger's past from the day on which it is brought up to date", () => {
  const db = new Database(":memory:");
  for (const { version, sql } of MIGRATIONS) {
    if (version === 7) {
      db.exec("INSERT INTO runs (kind, pid, host, boot_id, started_at_ms) VALUES ('sync', 1, 'h', 'b', 7200001)");
      const columns = "source, key, state, lane, submitted_at_ms, received_at_ms, target_ms, due_at_ms, run_id, file";
      const insert = `INSERT INTO submissions (${columns}, raw_hash, content_hash)`;
      for (const [key, state] of [
        ["a", "done"],
        ["b", "failed"],
        ["c", "history"],
      ])
        db.exec(`${insert} VALUES ('web', '${key}', '${state}', 'operational', 0, 3600000, 1, 0, 1, 'f', 'r', 'c')`);
    }
    db.exec(sql);
  }
  expect(db.prepare("SELECT what, name, hour, n FROM rhythm ORDER BY what").raw().all()).toEqual([
    ["run", "sync", 2, 1],
    ["source", "web", 1, 2],
  ]);
});

test("delays are counted in the classes that charts and metrics read", () => {
  const read = blank().prepare("SELECT up_to_s FROM delays WHERE lane = ? ORDER BY up_to_s").pluck();
  for (const lane of LANES) expect(read.all(lane)).toEqual(DELAY_BOUNDS_S);
});

describe("states in the schema are those in code", () => {
  test.each([
    ["submissions", "state", SUBMISSION_STATES],
    ["submissions", "lane", LANES],
    ["steps", "state", STEP_STATES],
    ["field_findings", "finding", ECHO_FINDINGS],
    ["crm_names", "kind", CRM_NAME_KINDS],
    ["crm_changes", "kind", CRM_NAME_KINDS],
    ["crm_changes", "change", CRM_CHANGES],
    ["source_shapes", "layout", LAYOUTS],
    ["source_members", "type", MEMBER_TYPES],
    ["source_drifts", "drift", DRIFTS],
    ["test_records", "entity", ENTITIES],
    ["steps", "entity", [...ENTITIES]],
    ["steps", "action", STEP_ACTIONS],
    ["attempts", "action", STEP_ACTIONS],
    ["holds", "kind", HOLD_KINDS],
    ["mirror_records", "entity", ENTITIES],
    ["requests", "outcome", ["applied", "refused", "deferred", "uncertain", "pending", "mixed"]],
    ["quota", "kind", ["window", "day", "concurrency"]],
    ["breakers", "state", ["closed", "open", "halfOpen"]],
    ["rejects", "kind", ["reject", "conflict"]],
    ["alerts", "level", ALERT_LEVELS],
    ["alert_messages", "event", ALERT_EVENTS],
    ["delays", "lane", LANES],
  ])("%s.%s", (table, column, values) => {
    expect(checked(blank(), table, column).sort()).toEqual([...values].sort());
  });

  test("every row of quota, holds, mirror, leases and credentials has its account", () => {
    const db = blank();
    const tables = ["quota", "slots", "spend", "holds", "breakers", "mirror_records", "mirror_keys", "mirror_state"];
    for (const table of [...tables, "identity_leases", "credentials", "catalog", "requests"]) {
      const columns = (db.pragma(`table_info(${table})`) as { name: string }[]).map((column) => column.name);
      expect(columns, table).toContain("account_id");
    }
  });
});

describe("queries that run in every turn", () => {
  /** Tables that grow with the ledger: none of these verbs may read one from end to end. */
  const GROWING =
    /\bSCAN (submissions|s|p|submission_keys|k|steps|requests|r|attempts|a|lookups|waits|raw_hashes|mirror_\w+|rejects)\b/;

  test("never scan a table that grows", async () => {
    const db = blank();
    const seen = new Set<string>();
    const prepare = db.prepare.bind(db);
    db.prepare = ((sql: string) => {
      seen.add(sql);
      return prepare(sql);
    }) as typeof db.prepare;
    db.exec("INSERT INTO meta (name, value) VALUES ('run_counter', '0')");
    const ledger = sqliteLedger(createStore(db, ":memory:"));
    const bench = await benchOn(ledger);
    await take(bench, incoming(), incoming({ submittedAtMs: START_MS - 1e9 }), incoming({ lane: "background" }));
    await turned(bench, { buckets: [bucket("burst", { capacity: 5 }), bucket("day", { kind: "day", capacity: 99 })] });
    for (const [index, claim] of (await claimed(bench)).entries()) {
      const { claimId } = claim;
      const [[person]] = (await plan(bench, claim, "person")) as [[Step]];
      const requestId = await begun(bench, claimId, person);
      const charges = ["burst", "day"].map((name) => ({ bucket: name, amount: 1 }));
      const read = await turned(bench, { begin: [intent(1, { charges, onBehalfOf: [person.submissionId] })] });
      const ended = finished(bench, read.granted[0]!.requestId, { rateLimited: true });
      const to = (["waiting", "uncertain", "done"] as const)[index]!;
      await turned(bench, {
        finished: [finished(bench, requestId, { outcome: "mixed" }), ended],
        steps: [{ claimId, stepId: person.id, from: "begun", to: "uncertain", lostAtMs: START_MS }],
        submissions: [{ claimId, submissionId: person.submissionId, to, keepKeys: to === "uncertain" }],
        release: [claimId],
      });
    }
    await ledger.queue();
    await ledger.queue({ source: "website", lane: "operational" });
    await ledger.nextDueAtMs({ source: null, lane: null });
    await ledger.peek(5, START_MS, { source: null, lane: null });
    await claimed(bench);
    await ledger.recoverExpired(bench.now, 1);
    await ledger.recover([bench.run], bench.now, 1);
    await ledger.findSubmissions("website", ["a"]);
    await ledger.findByName("a/b", ["email:a"]);
    await ledger.mirrorFind(bench.account, "person", ["email:a"]);
    await ledger.writesTo("person", "5", 1 as SubmissionId, 50);
    const scans: string[] = [];
    for (const sql of seen) {
      if (!/^\s*(SELECT|UPDATE|DELETE|INSERT)/.test(sql)) continue;
      const rows = prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...bindings(sql)) as { detail: string }[];
      const bad = rows.filter((row) => GROWING.test(row.detail)).map((row) => row.detail);
      if (bad.length > 0) scans.push(`${bad.join("; ")} in ${sql.replace(/\s+/g, " ").trim()}`);
    }
    expect(seen.size).toBeGreaterThan(60);
    expect(scans).toEqual([]);
  });

  /** EXPLAIN needs as many values as the statement, whatever they are. */
  function bindings(sql: string): unknown[] {
    const named = [...sql.matchAll(/@(\w+)/g)].map((match) => match[1]!);
    if (named.length > 0) return [Object.fromEntries(named.map((name) => [name, null]))];
    return Array.from({ length: (sql.match(/\?/g) ?? []).length }, () => null);
  }
});
