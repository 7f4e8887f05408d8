/** The plans of what `reconcile` asks: no page may cost more than the page. */
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { ENTITIES } from "../../src/domain/catalog.ts";
import { type CheckLedger, DISCREPANCY_STATES, type RepairOrder, SIGHTING_STATES } from "../../src/ledger/checks.ts";
import { sqliteLedger } from "../../src/ledger/sqlite/ledger.ts";
import { MIGRATIONS } from "../../src/ledger/sqlite/migrations.ts";
import { createStore } from "../../src/ledger/sqlite/store.ts";
import { deliver, difference, EVERYTHING, openCheck, see, sighting, stamped } from "../support/check-fixture.ts";
import { benchOn, crmRecord, incoming, START_MS, take } from "../support/ledger-fixture.ts";

/** All statements that are made from now on. */
async function watched() {
  const db = new Database(":memory:");
  for (const migration of MIGRATIONS) db.exec(migration.sql);
  db.exec("INSERT INTO meta (name, value) VALUES ('run_counter', '0')");
  const seen = new Set<string>();
  const prepare = db.prepare.bind(db);
  db.prepare = ((sql: string) => {
    seen.add(sql);
    return prepare(sql);
  }) as typeof db.prepare;
  const plan = (sql: string): string[] => {
    const named = [...sql.matchAll(/@(\w+)/g)].map((match) => match[1]!);
    const values =
      named.length > 0
        ? [Object.fromEntries(named.map((name) => [name, null]))]
        : Array.from({ length: (sql.match(/\?/g) ?? []).length }, () => null);
    return (prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values) as { detail: string }[]).map((row) => row.detail);
  };
  return { db, seen, plan, bench: await benchOn(sqliteLedger(createStore(db, ":memory:"))) };
}

type Bench = Awaited<ReturnType<typeof watched>>["bench"];

/** A ledger with one of everything that a check can find. */
async function everythingAsked(bench: Bench): Promise<void> {
  const ledger: CheckLedger = bench.ledger;
  const content = { matchKeys: ["email:ada@example.com"] };
  const made = await deliver(bench, { organization: "3", person: { id: "5", content }, deal: "61", "note.1": "71" });
  const other = await deliver(bench, { person: "6", deal: "62" });
  const failing = { to: "failed" as const, error: { code: "X", message: "x" } };
  const failed = await deliver(bench, { person: { id: "8", action: "match" }, deal: { id: null } }, {}, failing);
  await take(bench, incoming({ key: "k".repeat(300) }));
  const records = ["6", "7"].map((id) => crmRecord({ entity: "person", id, emails: ["ada@example.com"] }));
  const mirror = { accountId: bench.account, entity: "person" as const, keys: {}, gone: [], state: null, nowMs: 1 };
  await bench.ledger.mirrorSave({ ...mirror, records: [...records, crmRecord({ entity: "person", id: "9" })] });
  const check = await openCheck(bench);
  const drift = [{ field: "name", expected: 1, actual: 2 }];
  await see(
    bench,
    check,
    sighting("person", "5", { state: "gone" }),
    stamped(made, "person", "7"),
    stamped(made, "deal", "61", { personId: "7", drift }),
    sighting("deal", "90", { stamp: "website/unknown" }),
  );
  await ledger.openCheck(bench.account, bench.run, EVERYTHING, START_MS, 1);
  await ledger.lastCheck();
  await ledger.scopeSize({ ...EVERYTHING, sinceMs: START_MS });
  const short = await openCheck(bench, { ...EVERYTHING, sinceMs: START_MS });
  expect((await ledger.unsighted(short.id, "person", null, 1)).rows).toEqual(["5"]);
  await ledger.ownWrites("person", ["5"]);
  await ledger.stampedSubmissions([made.stamp, "website/sha256:0"]);
  expect((await ledger.unsighted(check.id, "person", null, 1)).rows).toEqual(["6"]);
  expect((await ledger.lostRecords(check.id, null, 9)).rows).toHaveLength(1);
  expect((await ledger.extraRecords(check.id, null, 9)).rows).toHaveLength(2);
  expect((await ledger.driftedRecords(check.id, null, 9)).rows).toHaveLength(1);
  expect((await ledger.mislinkedDeals(check.id, null, 9)).rows).toHaveLength(1);
  expect((await ledger.identityGroups(check.id, "person", null, 9)).rows).toHaveLength(1);
  const waiting = await ledger.unfinished(EVERYTHING, null, 9);
  await ledger.unfinished(EVERYTHING, waiting.next, 9);
  await ledger.openRejects(EVERYTHING, null, 9);
  const write = { values: {}, onMatch: "keep" as const, repair: { do: "delete" as const, target: "5" } };
  const stranger = { source: "website", key: "x", submittedAtMs: 1, explanation: "x" };
  const orders: RepairOrder[] = [
    { type: "resume", submissionId: failed.id },
    { type: "follow", entity: "person", from: "8", to: "9" },
    { type: "adopt", ...stranger, records: [{ name: "deal", entity: "deal", crmId: "90" }] },
    { type: "adopt", ...stranger, key: failed.key, records: [{ name: "deal", entity: "deal", crmId: "91" }] },
    { type: "recreate", stepId: other.steps.deal!.id, crmId: "62" },
    { type: "write", submissionId: made.id, entity: "person", content: write },
  ];
  const found = orders.map((_, at) => difference({ fingerprint: `${at}`, submissionId: made.id }));
  await ledger.saveDiscrepancies(check.id, found, START_MS);
  const { rows } = await ledger.discrepancies({ check: check.id }, null, 9);
  const repairs = orders.map((order, at) => ({ discrepancyId: rows[at]!.id, order }));
  const verdicts = await ledger.queueRepairs(bench.account, repairs, START_MS);
  expect(verdicts).toEqual(["queued", "done", "done", "queued", "queued", "queued"]);
  await take(bench, incoming({ key: "x" }));
  await ledger.discrepancies({ ids: ["1"] }, null, 9);
  await ledger.acceptDiscrepancies({ states: ["new"] }, "x", START_MS);
  await ledger.finishCheck(check.id, {}, START_MS);
}

/** Tables, and their short names in statements. `SCAN i` and `SCAN c` are rows of a subquery with a bound of its own. */
const GROWING =
  /^SCAN (submissions|u|steps|s|d|p|sightings|g|discrepancies|requests|r|attempts|a|mirror_\w+|k|rejects|waits|hashed_stamps)\b/;

describe("what reconcile asks the ledger", () => {
  test("has states in the schema that are those in code", async () => {
    const { db } = await watched();
    const admitted = (table: string, column: string): string[] => {
      const sql = db.prepare("SELECT sql FROM sqlite_master WHERE name = ?").pluck().get(table) as string;
      const list = new RegExp(`\\n\\s*${column} TEXT[^\\n]*CHECK \\(${column} IN\\s*\\(([^)]*)\\)`).exec(sql)?.[1];
      return [...(list ?? "").matchAll(/'([^']*)'/g)].map((match) => match[1]!).sort();
    };
    expect(admitted("sightings", "state")).toEqual([...SIGHTING_STATES].sort());
    expect(admitted("sightings", "entity")).toEqual([...ENTITIES].sort());
    expect(admitted("discrepancies", "entity")).toEqual([...ENTITIES].sort());
    expect(admitted("discrepancies", "state")).toEqual([...DISCREPANCY_STATES].sort());
    expect(admitted("discrepancies", "class")).toEqual(["break", "edit"]);
  });

  test("never walks through a table that grows", async () => {
    const { seen, plan, bench } = await watched();
    await everythingAsked(bench);
    const asked = [...seen].filter((sql) => /^\s*(SELECT|UPDATE|DELETE|INSERT)/.test(sql));
    expect(asked.length).toBeGreaterThan(80);
    const scans = asked.flatMap((sql) => {
      const bad = plan(sql).filter((detail) => GROWING.test(detail));
      return bad.length === 0 ? [] : [`${bad.join("; ")} in ${sql.replace(/\s+/g, " ").trim()}`];
    });
    expect(scans).toEqual([]);
  });

  test("reads its pages in the order of an index, without sorting what is behind them", async () => {
    const { seen, plan, bench } = await watched();
    await everythingAsked(bench);
    const pages = [...seen].filter((sql) => /@window|FROM submissions u\s+WHERE u.state/.test(sql));
    expect(pages).toHaveLength(6);
    const sorted = pages.filter((sql) => plan(sql).some((detail) => detail.includes("TEMP B-TREE")));
    expect(sorted).toEqual([]);
    const keys = [...seen].filter((sql) => /GROUP BY key|DISTINCT crm_id FROM steps/.test(sql));
    expect(keys).toHaveLength(2);
    const plans = [...seen].map((sql) => (/FROM submissions u\s/.test(sql) ? plan(sql).join("\n") : ""));
    const indexes = ["INDEX submissions_age", "INDEX submissions_failed", "COVERING INDEX submissions_submitted"];
    for (const index of indexes)
      expect(
        plans.filter((each) => each.includes(index)),
        index,
      ).not.toEqual([]);
    for (const sql of keys) expect(plan(sql).join("\n")).not.toContain("TEMP B-TREE");
  });
});
