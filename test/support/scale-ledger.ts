/**
 * A very large ledger in minutes: one chain is delivered by the program itself, and its rows are copied by SQL under other
 * numbers, through the real schema and its triggers. Files are kept in the system's temporary folder for the next time.
 */
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { sha256 } from "../../src/domain/json.ts";
import { MIGRATIONS } from "../../src/ledger/sqlite/migrations.ts";
import { createCliWorld } from "./cli-world.ts";
import { ALL_COUNTED, numbered, templateRecord } from "./scale-world.ts";

export interface Scale {
  delivered: number;
  pending: number;
  /** Persons in the mirror, those that were delivered among them. */
  persons: number;
}

/** The delivered ones come from the last 400 days, one after the other. */
const SPAN_MS = 400 * 86_400_000;
const OPERATIONAL_MS = 15 * 60_000;
const BACKGROUND_MS = 24 * 3_600_000;

export const SOURCES = "sources:\n  website: { spool: ./spool }\n  quiet: { spool: ./quiet }\n";

/** A folder with a config and such a ledger. Its sources are those of `SOURCES`; only `website` has work. */
export async function scaleFolder(scale: Scale, say: (line: string) => void): Promise<string> {
  const schema = sha256(JSON.stringify([MIGRATIONS, FILL_VERSION])).slice(0, 12);
  const name = `crmledger-scale-${scale.delivered}-${scale.pending}-${scale.persons}-${schema}`;
  const folder = join(tmpdir(), name);
  if (existsSync(folder)) return folder;
  const fresh = `${folder}.${process.pid}`;
  mkdirSync(fresh);
  try {
    await deliverOne(fresh);
    const began = performance.now();
    fill(join(fresh, "crmledger.db"), scale);
    say(`filled ${name} in ${((performance.now() - began) / 1000).toFixed(0)} s`);
    renameSync(fresh, folder);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    throw error;
  }
  return folder;
}

/** Part of the name of a kept file: to be raised with what `fill` does. */
const FILL_VERSION = 4;

async function deliverOne(folder: string): Promise<void> {
  const world = await createCliWorld();
  try {
    world.config(SOURCES);
    mkdirSync(world.path("quiet"));
    world.write("spool/one.json", JSON.stringify(templateRecord()));
    const ran = await world.run("sync", "--yes", "--max-wait", "0s");
    if (ran.code !== 0) throw new Error(`sync left with ${ran.code}: ${ran.err}`);
    for (const name of ["crmledger.db", "token"]) copyFileSync(world.path(name), join(folder, name));
    // Nobody listens there: what is measured speaks to no CRM.
    const config = `crm: { type: pipedrive, baseUrl: "http://127.0.0.1:9", apiTokenFile: ./token }\n${SOURCES}`;
    writeFileSync(join(folder, "crmledger.yaml"), config);
    for (const name of ["spool", "quiet"]) mkdirSync(join(folder, name));
  } finally {
    await world.close();
  }
}

/** What is in a copy's cell, as SQL over the template's row `t` and the copy's number `n`. */
type Cells = Readonly<Record<string, string>>;

function fill(file: string, { delivered, pending, persons }: Scale): void {
  const db = new Database(file);
  try {
    for (const pragma of ["journal_mode = MEMORY", "synchronous = OFF", "foreign_keys = OFF", "cache_size = -2000000"])
      db.pragma(pragma);
    const indexes = db
      .prepare("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
      .all() as { name: string; sql: string }[];
    for (const { name } of indexes) db.exec(`DROP INDEX ${name}`);
    db.transaction(() => {
      copyDelivered(db, delivered);
      copyPending(db, delivered, pending);
      copyPersons(db, persons);
    })();
    for (const { sql } of indexes) db.exec(sql);
    db.exec(ALL_COUNTED);
    db.pragma("journal_mode = WAL");
  } finally {
    db.close();
  }
}

/** The one that was really delivered, also where copies are there. */
const THE_ONE = "(SELECT min(id) FROM submissions)";
const HASH = "lower(hex(randomblob(32)))";
const lastId = (db: Database.Database, table: string): number =>
  db.prepare(`SELECT max(id) FROM ${table}`).pluck().get() as number;

function copyDelivered(db: Database.Database, delivered: number): void {
  const step = `+ n * ${lastId(db, "steps")}`;
  const request = `+ n * ${lastId(db, "requests")}`;
  const stepMs = Math.floor(SPAN_MS / delivered);
  const age = (column: string): string => `t.${column} - (${delivered} - n) * ${stepMs}`;
  const written = "id IN (SELECT request_id FROM attempts)";
  const ages = (...columns: string[]): Cells => Object.fromEntries(columns.map((name) => [name, age(name)]));
  copy(db, "requests", 1, delivered, { id: `t.id ${request}`, ...ages("begun_at_ms", "ended_at_ms") }, written);
  copy(db, "submissions", 1, delivered, {
    ...{ id: "t.id + n", raw_hash: HASH, content_hash: HASH, tallied: "0" },
    ...ages("submitted_at_ms", "received_at_ms", "due_at_ms", "done_at_ms"),
  });
  const ids = { id: `t.id ${step}`, submission_id: "t.submission_id + n", crm_id: "CAST(t.crm_id + n AS TEXT)" };
  copy(db, "steps", 1, delivered, { ...ids, ...ages("sent_at_ms") });
  copy(db, "attempts", 1, delivered, { step_id: `t.step_id ${step}`, request_id: `t.request_id ${request}` });
}

function copyPending(db: Database.Database, from: number, pending: number): void {
  const nowMs = db.prepare("SELECT max(received_at_ms) FROM submissions").pluck().get() as number;
  const isOperational = "n % 10 = 0";
  const lane = `iif(${isOperational}, 'operational', 'background')`;
  const target = `iif(${isOperational}, ${OPERATIONAL_MS}, ${BACKGROUND_MS})`;
  // Half of each lane is within its target, half is past it.
  const at = `${nowMs} - (n % 2000) * ${target} / 1000`;
  const to = from + pending;
  // Few wait, and none of them is due: every claim looks at them nevertheless.
  const [isUncertain, waits] = ["n % 1000 = 13", "n % 100 = 7"];
  const state = `CASE WHEN ${isUncertain} THEN 'uncertain' WHEN ${waits} THEN 'waiting' ELSE 'pending' END`;
  const due = `iif(${isUncertain} OR ${waits}, ${nowMs + 10 * SPAN_MS}, ${at})`;
  const cells = {
    ...{ id: "t.id + n", raw_hash: HASH, content_hash: HASH, tallied: "0", state, planned: "0", attempts: "0" },
    ...{ done_at_ms: "NULL", lane, target_ms: target, submitted_at_ms: at, due_at_ms: due, received_at_ms: at },
  };
  copy(db, "submissions", from, to, cells, `id = ${THE_ONE}`);
}

function copyPersons(db: Database.Database, persons: number): void {
  const crm_id = "CAST(t.crm_id + n AS TEXT)";
  copy(db, "mirror_records", 1, persons, { crm_id }, "entity = 'person'");
  copy(db, "mirror_keys", 1, persons, { crm_id }, "entity = 'person'");
  db.prepare("UPDATE mirror_state SET records = ? WHERE entity = 'person'").run(persons);
}

/** Copies number `from` to below `to` of the rows that the one delivered chain has in a table. */
function copy(db: Database.Database, table: string, from: number, to: number, cells: Cells, where = "1"): void {
  if (to <= from) return;
  db.exec(`DROP TABLE IF EXISTS temp.template; CREATE TEMP TABLE template AS SELECT * FROM ${table} WHERE ${where}`);
  const rows = db.prepare("SELECT * FROM temp.template").all() as Record<string, unknown>[];
  const columns = Object.keys(rows[0] ?? {});
  const values = columns.map((name) => {
    const isNumbered = rows.some((row) => typeof row[name] === "string" && row[name].includes(numbered(0)));
    return cells[name] ?? (isNumbered ? `replace(t.${name}, '${numbered(0)}', ${numbered(0)} + n)` : `t.${name}`);
  });
  db.exec(`
    WITH RECURSIVE numbers (n) AS (SELECT ${from} UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ${to})
    INSERT INTO ${table} (${columns.join(", ")})
    SELECT ${values.join(", ")} FROM numbers CROSS JOIN temp.template t`);
}
