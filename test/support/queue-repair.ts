/** Queues a `repair.N` step as `reconcile --repair` does, for tests of the runner alone. */
import Database from "better-sqlite3";
import type { Entity } from "../../src/domain/catalog.ts";
import type { StepContent } from "../../src/domain/chain.ts";

export type Repair = Partial<StepContent> & { repair: NonNullable<StepContent["repair"]> };

export function queueRepair(path: string, key: string, entity: Entity, content: Repair): void {
  const db = new Database(path);
  try {
    const { id } = db.prepare("SELECT id FROM submissions WHERE key = ?").get(key) as { id: number };
    const { n } = db
      .prepare("SELECT count(*) + 1 AS n FROM steps WHERE submission_id = ? AND name LIKE 'repair.%'")
      .get(id) as { n: number };
    const whole: StepContent = { values: {}, onMatch: "overwrite", ...content };
    db.prepare(
      `INSERT INTO steps (submission_id, name, entity, position, state, idempotency_key, content)
       VALUES (?, ?, ?, ?, 'open', ?, ?)`,
    ).run(id, `repair.${n}`, entity, 1000 + n, `website/${key}#repair.${n}`, JSON.stringify(whole));
    db.prepare("UPDATE submissions SET state = 'pending', attempts = 0 WHERE id = ?").run(id);
  } finally {
    db.close();
  }
}
