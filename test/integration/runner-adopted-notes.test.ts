/** Notes without a reference, after the ledger that wrote them was lost and reconcile adopted what carries a stamp. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { lead, START_MS } from "../support/drain-rig.ts";
import { type WatchedRig, watchedRig, withPlan } from "../support/watched-rig.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "crmledger-adopted-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const path = (): string => join(folder, "ledger.db");

async function delivered(...notes: string[]): Promise<WatchedRig> {
  const rig = await watchedRig({
    ledger: await openSqliteLedger({ path: path(), create: true, nowMs: START_MS }),
    settings: withPlan({ notes: { reference: false, format: "text" } }),
  });
  await rig.take([lead(1, { notes })]);
  expect(await rig.run()).toMatchObject({ drained: { done: 1 } });
  rig.calls.length = 0;
  return rig;
}

/** As after an adoption: person and deal are known again, of the notes nothing is. */
function loseNotes(): void {
  const db = new Database(path());
  db.exec(`
    UPDATE steps SET action = 'adopt', sent_at_ms = NULL WHERE entity <> 'note';
    UPDATE steps SET state = 'open', action = NULL, crm_id = NULL, sent_at_ms = NULL WHERE entity = 'note';
    UPDATE submissions SET state = 'pending';`);
  db.close();
}

it("are found again by their text, and not written twice", async () => {
  const rig = await delivered("One", "Two", "One");
  loseNotes();
  expect(await rig.run()).toMatchObject({ drained: { done: 1 } });
  expect(rig.writes()).toEqual([]);
  const { steps } = await rig.story("wf_1");
  const notes = steps.filter(({ entity }) => entity === "note");
  expect(notes.map(({ action }) => action)).toEqual(["adopt", "adopt", "adopt"]);
  expect(new Set(notes.map(({ crmId }) => crmId)).size).toBe(3);
});

it("are written where the lost ledger had not come so far", async () => {
  const rig = await delivered("One", "Two");
  rig.simulator.deleteNote(rig.simulator.records.notes[1]!.id);
  loseNotes();
  await rig.run();
  expect(rig.writes().map(({ body }) => body.content)).toEqual(["Two"]);
});

it("cost no look in a chain that was never lost", async () => {
  const rig = await delivered("One");
  await rig.take([lead(2)]);
  rig.simulator.failNext({ kind: "resetAfter", match: { method: "POST", path: /deals$/ } });
  await rig.runOut(61_000);
  expect(rig.calls.filter(({ method, path: at }) => method === "GET" && at.endsWith("/notes"))).toEqual([]);
});
