/** What a statement would walk through on a ledger of a million submissions, as SQLite's plan without statistics tells. */
import Database from "better-sqlite3";
import { MIGRATIONS } from "../../src/ledger/sqlite/migrations.ts";

/** Every statement that reads or writes rows and that this process prepares while `work` runs. */
export async function statementsOf(work: () => Promise<unknown>): Promise<string[]> {
  const seen = new Set<string>();
  const prepare = Database.prototype.prepare;
  Database.prototype.prepare = function watched(this: Database.Database, sql: string) {
    seen.add(sql);
    return prepare.call(this, sql);
  } as typeof prepare;
  try {
    await work();
  } finally {
    Database.prototype.prepare = prepare;
  }
  return [...seen].filter((sql) => /^\s*(SELECT|UPDATE|DELETE|INSERT|WITH)\b/i.test(sql));
}

/** Tables that do not grow with what was delivered. Every other one does, a new one too until it is named here. */
const SMALL: Readonly<Record<string, readonly string[]>> = {
  "set up, and few": [
    "meta",
    "accounts",
    "credentials",
    "catalog",
    "quota",
    "pace",
    "breakers",
    "mirror_state",
    "sqlite_sequence",
  ],
  "counts, by source, lane and state": [
    "queue_counts",
    "reject_counts",
    "counters",
    "source_shapes",
    "source_members",
    "source_drifts",
  ],
  "what the CRM is made of": ["crm_names", "crm_changes", "field_findings", "measurements", "test_records"],
  "in hand now": ["claims", "identity_leases", "slots", "arriving", "arriving_runs"],
  "a few a day": ["holds", "checks", "alerts", "alert_messages", "spend", "source_spend", "retry_samples"],
  "by hour, and thinned": ["rhythm", "samples", "intake_counts", "delays"],
};

/** They tell so little that a search by them alone reads a large part of its table. */
const VAGUE = [
  ...["source", "lane", "account_id", "entity", "state", "kind", "target_ms", "credential", "bucket", "class"],
  ...["planned", "open", "what", "name"],
];
/** Rows that share these are one thing's, and few: they may be sorted. */
const OWN = ["rowid", "id", "submission_id", "step_id", "request_id", "claim_id", "run_id", "key", "crm_id", "revises"];

/** The least value behind these columns of the index is its first row there; a plan does not tell that only this is read. */
const FIRST_DUE = /^\s*SELECT min\(due_at_ms\) AS \w+ FROM submissions\s/;
const BY_DUE = "SEARCH submissions USING COVERING INDEX submissions_due (lane=? AND source=? AND state=?)";

export interface Plans {
  /** What is wrong with the plan of a statement; empty: nothing. */
  faults(sql: string): string[];
  close(): void;
}

export function openPlans(): Plans {
  const db = new Database(":memory:");
  for (const { sql } of MIGRATIONS) db.exec(sql);
  // What a large import sorts.
  db.exec("CREATE TEMP TABLE sorted (text TEXT, open INTEGER, at_ms INTEGER, id INTEGER)");
  const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").pluck().all() as string[];
  const small = Object.values(SMALL).flat();
  const growing = tables.filter((name) => !small.includes(name));
  return {
    faults: (sql) => {
      const plan = (db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...valuesFor(sql)) as { detail: string }[])
        .map(({ detail }) => detail)
        .filter((line) => !isOfForeignKey(line, sql) && !(FIRST_DUE.test(sql) && line === BY_DUE));
      const reads = plan.map((line) => readOf(line, sql, tables)).filter((read) => read !== null);
      const wide = reads.filter(
        ({ table, columns }) => growing.includes(table) && columns.every((name) => VAGUE.includes(name)),
      );
      const isFew = reads.every(
        ({ table, columns }) => !growing.includes(table) || columns.some((name) => OWN.includes(name)),
      );
      const sorted = isFew ? [] : plan.filter((line) => /TEMP B-TREE/.test(line));
      return [...wide.map(({ line }) => line), ...sorted];
    },
    close: () => db.close(),
  };
}

interface TableRead {
  line: string;
  table: string;
  /** By which it is searched; none: it is walked through. */
  columns: string[];
}

function readOf(line: string, sql: string, tables: readonly string[]): TableRead | null {
  const [, , alias = ""] = /^(SCAN|SEARCH) (\w+)/.exec(line) ?? [];
  const table = tables.includes(alias)
    ? alias
    : tables.find((name) => new RegExp(`\\b${name}\\s+(AS\\s+)?${alias}\\b`, "i").test(sql));
  if (table === undefined || alias === "") return null;
  const by = /\(([^()]*)\)( LEFT-JOIN)?$/.exec(line)?.[1];
  // No columns: the first or the last of an index, or what is met on the way to the first that a condition takes.
  if (line.startsWith("SEARCH") && by === undefined && !firstOfSome(table).test(sql)) return null;
  const found = by ?? "";
  return { line, table, columns: [...found.matchAll(/(\w+)[<>=]/g)].map((match) => match[1]!) };
}

const firstOfSome = (table: string): RegExp => new RegExp(`(min|max)\\(\\w+\\)[^()]*\\bFROM ${table}\\s+WHERE\\b`);

/** A row that comes in makes SQLite plan a look at those that refer to it, which it takes only where one is known to be amiss. */
function isOfForeignKey(line: string, sql: string): boolean {
  const [, table = ""] = /^SCAN (\w+)$/.exec(line) ?? [];
  return /^\s*INSERT INTO (\w+)/.exec(sql)?.[1] !== undefined && !/\bSELECT\b/.test(sql) && !sql.includes(` ${table} `);
}

/** EXPLAIN needs as many values as the statement, whatever they are. */
function valuesFor(sql: string): unknown[] {
  const named = [...sql.matchAll(/@(\w+)/g)].map((match) => match[1]!);
  if (named.length > 0) return [Object.fromEntries(named.map((name) => [name, null]))];
  return Array.from({ length: (sql.match(/\?/g) ?? []).length }, () => null);
}
