/** Ledgers of every earlier schema, with data in them, and what must come right when their migration dies. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import Database from "better-sqlite3";
import { APPLICATION_ID } from "../../src/ledger/sqlite/migrate.ts";
import { LEDGER_VERSION, MIGRATIONS } from "../../src/ledger/sqlite/migrations.ts";
import { eachOnce, LEDGER, ledgerIsSound, runs } from "./failpoint-proofs.ts";
import type { Scenario } from "./failpoint-walk.ts";
import type { MortalWorld } from "./mortal-world.ts";

/** One waiting, one delivered; a record that became nothing. As schema 1 wrote them; later ones are made of these. */
const DATA = `
INSERT INTO meta (name, value) VALUES ('created_at_ms', '1'), ('run_counter', '1'), ('ledger_id', 'old');
INSERT INTO runs (id, kind, pid, host, boot_id, started_at_ms, ended_at_ms, stopped, exit_code)
  VALUES (1, 'sync', 1, 'old', 'old', 1, 2, 'drained', 0);
INSERT INTO submissions (id, source, key, state, lane, submitted_at_ms, received_at_ms, target_ms, due_at_ms, run_id,
    done_at_ms, file, raw_hash, content_hash, identity_keys, content, raw)
  VALUES
    (1, 'website', 'waits', 'pending', 'operational', 1, 1, 300000, 1, 1, NULL, 'a.json', 'r1', 'c1', '["email:waits@example.com"]',
      '{"person":{"email":"waits@example.com"},"deal":{"title":"Deal that waits"}}', '{}'),
    (2, 'website', 'done', 'done', 'operational', 1, 1, 300000, 1, 1, 2, 'a.json', 'r2', 'c2', '["email:done@example.com"]',
      '{"person":{"email":"done@example.com"}}', '{}');
INSERT INTO steps (submission_id, name, entity, position, state, action, idempotency_key, crm_id, content)
  VALUES (2, 'person', 'person', 0, 'done', 'create', 'website/done#person', '7', '{"values":{},"onMatch":"keep"}');
INSERT INTO rejects (source, kind, raw_hash, reason, file, run_id, created_at_ms, closed_at_ms, closed_why, raw)
  VALUES ('website', 'reject', 'r3', 'no address', 'a.json', 1, 1, 2, 'dropped: spam', '{}');
`;
const ROWS = {
  submissions: "SELECT id, source, key, state, content, raw FROM submissions ORDER BY id",
  keys: "SELECT submission_id, key, open FROM submission_keys ORDER BY submission_id",
  steps: "SELECT submission_id, name, state, crm_id FROM steps",
  rejects: "SELECT id, reason, closed_why, raw FROM rejects",
  counts: "SELECT source, lane, state, n FROM queue_counts WHERE n > 0 ORDER BY state",
  runs: "SELECT id, kind, ended_at_ms FROM runs WHERE id = 1",
};

/** A ledger as the program of that time left it. */
function oldLedger(path: string, version: number): Database.Database {
  const db = new Database(path);
  for (const migration of MIGRATIONS.slice(0, version)) {
    db.exec(migration.sql);
    if (migration.version === 1 && path !== ":memory:") db.exec(DATA);
  }
  db.pragma(`application_id = ${APPLICATION_ID}`);
  db.pragma(`user_version = ${version}`);
  return db;
}

const schemaOf = (db: Database.Database): unknown[] =>
  db
    .prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name")
    .all();

function schemaOfVersion(version: number): unknown[] {
  const db = oldLedger(":memory:", version);
  try {
    return schemaOf(db);
  } finally {
    db.close();
  }
}

function rowsIn(db: Database.Database): unknown {
  return Object.fromEntries(Object.entries(ROWS).map(([name, sql]) => [name, db.prepare(sql).all()]));
}

/** The file is of one version, whole: its number, its tables and its rows. Gives the number. */
function wholeVersion(path: string, rows: unknown): number {
  const db = new Database(path);
  try {
    const version = db.pragma("user_version", { simple: true }) as number;
    assert.equal(db.pragma("integrity_check", { simple: true }), "ok", "integrity");
    assert.deepEqual(schemaOf(db), schemaOfVersion(version), `the tables of version ${version}`);
    assert.deepEqual(rowsIn(db), rows, `the rows of version ${version}`);
    return version;
  } finally {
    db.close();
  }
}

const GIVEN = [
  { key: "waits", content: { person: { email: "waits@example.com" }, deal: { title: "Deal that waits" } } },
] as Parameters<typeof eachOnce>[1];

function migration(from: number): Scenario {
  return {
    name: `migration from ${from}`,
    line: ["status", "--json"],
    async prepare(world: MortalWorld) {
      world.config("sources:\n  website: { spool: ., lane: operational, after: keep }\n");
      const path = world.path(LEDGER);
      const old = oldLedger(path, from);
      const rows = rowsIn(old);
      old.close();
      const copy = `${path}.before-v${from + 1}`;
      return async () => {
        const version = wholeVersion(path, rows);
        assert.ok(version >= from && version <= LEDGER_VERSION, `version ${version}`);
        // A copy that is there is a good one; and nothing was changed before it was there.
        if (existsSync(copy)) assert.equal(wholeVersion(copy, rows), from, "version of the copy");
        else assert.equal(version, from, "the ledger without a copy");
        await runs(world, [0], "status", "--json");
        assert.equal(wholeVersion(path, rows), LEDGER_VERSION, "version in the end");
        assert.equal(wholeVersion(copy, rows), from, "version of the copy in the end");
        assert.deepEqual(
          world.files().filter((file) => file.endsWith(".part")),
          [],
          "unfinished copies",
        );
        await runs(world, [0], "sync", "--json", "--yes");
        eachOnce(world, GIVEN);
        await ledgerIsSound(world, { pending: 0, done: 2 });
      };
    },
  };
}

/** From the oldest, through every migration there is, and from each later one. */
export const MIGRATING: readonly Scenario[] = MIGRATIONS.slice(0, -1).map(({ version }) => migration(version));
