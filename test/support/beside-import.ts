/** A ledger with three connections: two that import, and one that does all else. Every verb takes what comes into its hands. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect } from "vitest";
import type { Step } from "../../src/domain/chain.ts";
import type { CrmId, RunId } from "../../src/domain/ids.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import type { Claim, IncomingSubmission } from "../../src/ledger/rows.ts";
import { adopt } from "../../src/ledger/sqlite/adoption.ts";
import type { LedgerFailpoint } from "../../src/ledger/sqlite/failpoints.ts";
import { sqliteLedger } from "../../src/ledger/sqlite/ledger.ts";
import { migrate } from "../../src/ledger/sqlite/migrate.ts";
import { createStore, type Store } from "../../src/ledger/sqlite/store.ts";
import { type Bench, begun, columnsOf, plan, START_MS, turned } from "./ledger-fixture.ts";

const SETTLE_MS = 60_000;
export const DAY_MS = 86_400_000;

let template: Buffer | null = null;

function wholeSchema(): Buffer {
  if (template !== null) return template;
  const db = new Database(":memory:");
  migrate(createStore(db, ":memory:"), 0);
  template = db.serialize();
  return template;
}

export interface Import {
  ledger: Ledger;
  db: Database.Database;
  run: RunId;
  disk: { isFull: boolean };
  /** What arrived, and how much of it was told of. */
  arrived: IncomingSubmission[];
  told: number;
  /** Given back, to be taken by itself. */
  contested: Set<string>;
  isOver: boolean;
  /** Taken for dead while it works. */
  isFenced: boolean;
}

export interface World {
  bench: Bench;
  store: Store;
  imports: Import[];
  claims: Claim[];
  /** SOURCE/KEY of what must be there. */
  names: Set<string>;
  close(): void;
}

export async function openWorld(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), "crmledger-beside-"));
  const path = join(folder, "ledger.db");
  writeFileSync(path, wholeSchema());
  const open: Database.Database[] = [];
  const connect = (failpoint?: LedgerFailpoint): Store => {
    const db = new Database(path);
    for (const pragma of ["journal_mode = MEMORY", "synchronous = OFF", "foreign_keys = ON", "temp_store = MEMORY"])
      db.pragma(pragma);
    open.push(db);
    return createStore(db, path, failpoint);
  };
  const store = connect();
  const ledger = sqliteLedger(store);
  const now = { wallMs: START_MS, monoMs: 1_000_000, bootId: "boot" };
  const pass = (ms: number): void => {
    now.wallMs += ms;
    now.monoMs += Math.max(0, ms);
  };
  const run = openRun(store);
  const account = await ledger.bindAccount({ vendor: "pipedrive", externalId: "77", name: "Acme" }, START_MS);
  const bench: Bench = { ledger, now, run, account, credential: "cred", pass };
  const imports = [0, 1].map((): Import => {
    const disk = { isFull: false };
    return beginImport(connect(failpointOf(disk)), disk);
  });
  const close = (): void => {
    for (const db of open) db.close();
    rmSync(folder, { recursive: true });
  };
  return { bench, store, imports, claims: [], names: new Set(), close };
}

function openRun(store: Store): RunId {
  const sql =
    "INSERT INTO runs (kind, pid, host, lock_name, boot_id, started_at_ms) VALUES ('x', 1, 'h', NULL, 'b', 0)";
  return store.run(sql).id as RunId;
}

/** A disk that has no room for the next transaction. */
function failpointOf(disk: { isFull: boolean }): LedgerFailpoint {
  return (name) => {
    if (!disk.isFull || name !== "ledger.write.within") return;
    disk.isFull = false;
    throw Object.assign(new Error("database or disk is full"), { code: "SQLITE_FULL" });
  };
}

function beginImport(store: Store, disk: { isFull: boolean }): Import {
  return {
    ...{ ledger: sqliteLedger(store), db: store.db, run: openRun(store), disk },
    ...{ arrived: [], told: 0, contested: new Set<string>(), isOver: true, isFenced: false },
  };
}

/** Its process is gone: what was in its memory is too. */
export async function dies(world: World, which: number): Promise<void> {
  const old = world.imports[which]!;
  old.disk.isFull = false;
  await world.bench.ledger.recover([old.run], world.bench.now, 0);
  old.db.exec("DROP TABLE IF EXISTS temp.sorted");
  world.imports[which] = beginImport(createStore(old.db, world.store.path, failpointOf(old.disk)), old.disk);
}

type Ending = "done" | "failed" | "waiting" | "uncertain";

/** Ends the first submission of a claim, and gives the claim back. */
export async function endClaim({ bench }: World, { claimId, submissions }: Claim, to: Ending): Promise<void> {
  const submission = submissions[0]!;
  const known = submission.steps.find((step) => step.name === "person");
  const step =
    known ?? ((await plan(bench, { claimId, submissions: [submission] } as Claim, "person")) as [[Step]])[0][0];
  if (to === "uncertain" && step.state === "open") await begun(bench, claimId, step);
  const from = to === "uncertain" && step.state === "open" ? ("begun" as const) : step.state;
  const stepTo = to === "done" ? "done" : to === "uncertain" ? "uncertain" : step.state;
  const dueAtMs = bench.now.wallMs + SETTLE_MS;
  const error = to === "failed" ? { code: "BAD", message: "no" } : undefined;
  await turned(bench, {
    steps: [{ claimId, stepId: step.id, from, to: stepTo, lostAtMs: to === "uncertain" ? bench.now.wallMs : null }],
    submissions: [{ claimId, submissionId: submission.id, to, dueAtMs, keepKeys: to === "uncertain", error }],
    release: [claimId],
  });
}

const nameOf = ({ source, key }: { source: string; key: string }): string => `${source}/${key}`;

export async function takeIn(
  { bench, names }: World,
  submissions: IncomingSubmission[],
  holdBack?: { beforeMs: number; detail: string },
): Promise<void> {
  const batch = { runId: bench.run, submissions, rejects: [], progress: null, closesRejects: [] };
  const { verdicts } = await bench.ledger.ingest(holdBack === undefined ? batch : { ...batch, holdBack }, bench.now);
  for (const [at, verdict] of verdicts.entries()) if (verdict.type !== "duplicate") names.add(nameOf(submissions[at]!));
}

export async function arriveAt({ imports, bench }: World, which: number, records: IncomingSubmission[]): Promise<void> {
  const one = imports[which]!;
  if (one.isFenced) return await refuses(one.ledger.arrive([columnsOf(records, one.run)], bench.now));
  if ((await one.ledger.arrive([columnsOf(records, one.run)], bench.now).catch(whereFull)) === null) return;
  one.isOver = false;
  one.arrived.push(...records);
}

function whereFull(error: unknown): null {
  expect(error).toMatchObject({ code: "diskFull" });
  return null;
}

const refuses = async (work: Promise<unknown>): Promise<void> => {
  await expect(work).rejects.toMatchObject({ code: "ledgerLocked" });
};

/** False where there is no more. */
export async function admitPiece(world: World, which: number, size: number, above: number): Promise<boolean> {
  const { imports, bench } = world;
  const one = imports[which]!;
  if (one.isOver) return false;
  const holdBack = { beforeMs: START_MS - 7 * DAY_MS, above, detail: "old" };
  const piece = () => one.ledger.admit(one.run, "website", size, { whole: true, holdBack }, bench.now);
  if (one.isFenced) {
    // What is sorted outside of the ledger is sorted first.
    await refuses(piece().then(piece));
    return false;
  }
  // Tried again, as by the import that ends: it goes on where it was.
  const admitted = await piece().catch(whereFull);
  if (admitted === null) return true;
  one.told += admitted.new + admitted.history + admitted.contested.length;
  for (const { rawHash } of admitted.contested) one.contested.add(rawHash);
  await takeIn(world, admitted.contested);
  if (!admitted.more) isIn(world, one);
  return admitted.more;
}

function isIn({ names }: World, one: Import): void {
  for (const record of one.arrived) if (!one.contested.has(record.rawHash)) names.add(nameOf(record));
  expect(one.told).toBe(one.arrived.length);
  Object.assign(one, { isOver: true, arrived: [], told: 0, contested: new Set() });
}

export async function finish(world: World, which: number): Promise<void> {
  if (world.imports[which]!.isFenced) await dies(world, which);
  while (await admitPiece(world, which, 2, 100));
}

/** What `reconcile` found at the CRM with a stamp that it does not know. */
export function adoptRecord({ store, bench }: World, source: string, key: string): void {
  const order = { type: "adopt" as const, source, key, submittedAtMs: START_MS, explanation: "found" };
  const records = [{ name: "person" as const, entity: "person" as const, crmId: "7" as CrmId }];
  store.write(() =>
    adopt(store, { account: bench.account, run: bench.run, nowMs: bench.now.wallMs }, { ...order, records }),
  );
}

export async function shelve(
  { bench }: World,
  source: string,
  key: string,
  rest: "leave" | "write" | "keep",
): Promise<void> {
  const takeover = {
    source,
    key,
    records: [],
    rest,
    writes: [],
    submittedAtMs: null,
    deliveredAtMs: null,
    explanation: "",
  };
  await bench.ledger.takeOver(bench.run, [takeover], bench.now);
}
