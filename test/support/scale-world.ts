/**
 * Very many delivered chains, as the tool itself delivered one: its rows in the ledger and its records at the CRM are made
 * again under other numbers.
 */
import { randomBytes } from "node:crypto";
import Database from "better-sqlite3";
import type { Simulator } from "../../src/simulator/simulator.ts";

/** The number of the chain that is really delivered. Its digits stand nowhere else in what it leaves behind. */
export const TEMPLATE = 7_700_000_001;

export const numbered = (index: number): string => String(TEMPLATE + index);

/** As it comes from a form. */
export function templateRecord(): object {
  const number = numbered(0);
  return {
    id: `wf_${number}`,
    submittedAt: "2026-11-20T10:15:00Z",
    person: { name: `Lead ${number}`, email: `lead.${number}@example.com` },
    organization: { name: `Company ${number}` },
    deal: { title: `Website: lead ${number}`, value: 1200, currency: "EUR" },
    notes: [`Please call lead ${number} on Monday; the machine does not add up any more.`],
  };
}

const FIRST = { person: 1_001, organization: 5_001, deal: 9_001, note: 30_001 };
const LINKS: Readonly<Record<string, keyof typeof FIRST>> = {
  person_id: "person",
  org_id: "organization",
  deal_id: "deal",
};

/** Makes `chains` in all, of which one is there. */
export function fillLike(simulator: Simulator, chains: number): void {
  const made = simulator.log.filter(({ action, via }) => action === "create" && via === "api");
  const adds = {
    person: simulator.integration.addPerson,
    organization: simulator.integration.addOrganization,
    deal: simulator.integration.addDeal,
    note: simulator.integration.addNote,
  };
  const templates = made.map(({ entity, body }) => ({ add: adds[entity], text: JSON.stringify(body) }));
  for (let index = 1; index < chains; index += 1) {
    for (const { add, text } of templates) {
      const body = JSON.parse(text.replaceAll(numbered(0), numbered(index))) as Record<string, unknown>;
      for (const [name, entity] of Object.entries(LINKS)) if (name in body) body[name] = FIRST[entity] + index;
      add(body);
    }
  }
}

/** What people did to every `every`th chain: each kind in turn. Gives how many discrepancies of each kind a check must find. */
export function damageSome(simulator: Simulator, chains: number, every: number): Record<string, number> {
  const acts: [string, (index: number) => void][] = [
    ["deal-missing", (index) => simulator.erase("deal", FIRST.deal + index)],
    ["note-missing", (index) => simulator.erase("note", FIRST.note + index)],
    ["person-drift", (index) => simulator.editPerson(FIRST.person + index, { name: `Renamed ${index}` })],
    ["deal-deleted", (index) => simulator.deleteDeal(FIRST.deal + index)],
    ["copied", (index) => simulator.copyDeal(FIRST.deal + index)],
    ["link-wrong", (index) => simulator.editDeal(FIRST.deal + index, { person_id: FIRST.person + index - 1 })],
  ];
  const expected: Record<string, number> = {};
  for (let index = every, turn = 0; index < chains; index += every, turn += 1) {
    const [kind, act] = acts[turn % acts.length]!;
    act(index);
    expected[kind] = (expected[kind] ?? 0) + 1;
  }
  return expected;
}

type Cell = string | number | null;
type Row = Record<string, Cell>;
/** What the `n`th copy has in place of a cell; the text of others only has another number in it. */
type Changes = Record<string, (cell: Cell, n: number) => Cell>;

const hash = (): string => randomBytes(32).toString("hex");
const behind =
  (step: number) =>
  (cell: Cell, n: number): Cell =>
    cell === null ? null : typeof cell === "number" ? cell + n * step : String(Number(cell) + n * step);

/** Writes the rows of the one delivered chain `chains` times in all. */
export function multiplyLedger(file: string, chains: number): void {
  const db = new Database(file);
  try {
    db.pragma("synchronous = OFF");
    db.pragma("foreign_keys = OFF");
    const last = (table: string): number =>
      (db.prepare(`SELECT max(id) AS id FROM ${table}`).get() as { id: number }).id;
    const [submission, step, request] = [behind(1), behind(last("steps")), behind(last("requests"))];
    const copies = [
      copyOf(db, "submissions", { id: submission, raw_hash: hash, content_hash: hash, tallied: () => 0 }),
      copyOf(db, "requests", { id: request }, "WHERE id IN (SELECT request_id FROM attempts)"),
      copyOf(db, "steps", { id: step, submission_id: submission, crm_id: behind(1) }),
      copyOf(db, "attempts", { step_id: step, request_id: request }),
    ];
    for (let from = 1; from < chains; from += 10_000) {
      db.transaction(() => {
        for (let n = from; n < Math.min(chains, from + 10_000); n += 1) for (const copy of copies) copy(n);
      })();
    }
    db.exec(ALL_COUNTED);
    db.pragma("wal_checkpoint(TRUNCATE)");
  } finally {
    db.close();
  }
}

/** Runs count as they go: a year's requests that nobody has counted are in no ledger. */
export const ALL_COUNTED = "UPDATE counters SET value = (SELECT max(id) FROM requests) WHERE name = 'folded'";

function copyOf(db: Database.Database, table: string, changes: Changes, where = ""): (n: number) => void {
  const rows = db.prepare(`SELECT * FROM ${table} ${where}`).all() as Row[];
  const columns = Object.keys(rows[0]!);
  const insert = db.prepare(`INSERT INTO ${table} (${columns}) VALUES (${columns.map(() => "?")})`);
  return (n) => {
    for (const row of rows) insert.run(columns.map((name) => changed(row[name]!, n, changes[name])));
  };
}

function changed(cell: Cell, n: number, change: Changes[string] | undefined): Cell {
  if (change !== undefined) return change(cell, n);
  return typeof cell === "string" ? cell.replaceAll(numbered(0), numbered(n)) : cell;
}
