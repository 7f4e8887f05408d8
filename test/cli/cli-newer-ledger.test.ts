/** A ledger of a later version: every command says so, and neither it nor its log is another one afterwards. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import Database from "better-sqlite3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { LEDGER_VERSION } from "../../src/ledger/sqlite/migrations.ts";
import { type CliWorld, createCliWorld, lead } from "../support/cli-world.ts";

let world: CliWorld;
/** Ledger and log as a newer version left them: it was killed, and its last commits are in the log alone. */
let before: Record<string, string>;

const names = () => readdirSync(world.folder).filter((name) => name.startsWith("crmledger.db"));
const files = () =>
  Object.fromEntries(
    names()
      .filter((name) => !name.endsWith("-shm"))
      .map((name) => [name, readFileSync(world.path(name)).toString("base64")]),
  );

beforeAll(async () => {
  world = await createCliWorld();
  world.config();
  world.write("spool/a.json", JSON.stringify(lead("a")));
  await world.run("sync");
  const newer = new Database(world.path("crmledger.db"));
  newer.pragma("wal_autocheckpoint = 0");
  newer.exec("CREATE TABLE of_tomorrow (id INTEGER PRIMARY KEY)");
  newer.pragma(`user_version = ${LEDGER_VERSION + 1}`);
  before = files();
  newer.close();
  for (const name of names()) rmSync(world.path(name));
  for (const [name, bytes] of Object.entries(before))
    writeFileSync(world.path(name), Buffer.from(bytes, "base64"), { mode: 0o600 });
  world.write("missed.json", JSON.stringify([lead("m")]));
  world.write("spool/b.json", JSON.stringify(lead("b")));
});
afterAll(() => world.close());

const LINES: Record<string, string[][]> = {
  sync: [["sync"], ["sync", "--dry-run"], ["sync", "--join"]],
  status: [["status"]],
  show: [["show", "website/a"]],
  report: [["report"]],
  failed: [["failed"], ["failed", "drop", "website/a", "--why", "spam"]],
  "retry-failed": [["retry-failed", "--all"]],
  rejects: [["rejects"], ["rejects", "--retry"], ["rejects", "drop", "1", "--why", "spam"]],
  reconcile: [["reconcile"], ["reconcile", "--repair", "--yes"], ["reconcile", "accept", "1", "--why", "known"]],
  pause: [["pause", "--why", "holiday"]],
  resume: [["resume"]],
  import: [
    ["import", "missed.json", "--source", "website"],
    ["import", "missed.json", "--source", "website", "--dry-run"],
  ],
  ingest: [["ingest"]],
  adopt: [["adopt", "missed.json", "--source", "website"]],
  export: [["export"], ["export", "--pending"]],
  forget: [["forget", "ada@example.com", "--yes"]],
  backup: [
    ["backup", "copy.db"],
    ["backup", "moved.db", "--move"],
  ],
};
/** Their documents say more than one error. */
const FINDINGS = [["doctor"], ["doctor", "--fix"]];
/** Says what it can without one. */
const ALL_THE_SAME = ["check-source", "--source", "website", "missed.json"];
/** They open no ledger, or one of their own; `init` leaves a folder with a config alone, whatever its ledger is. */
const WITHOUT = ["init", "demo", "simulator", "completion"];

const lines = (all: string[][]): [string, string[]][] => all.map((line) => [line.join(" "), line]);

describe("a ledger of a later version", () => {
  it("is met by every command here", () => {
    expect([...Object.keys(LINES), "doctor", ALL_THE_SAME[0], ...WITHOUT].sort()).toEqual(
      COMMANDS.map(({ name }) => name).sort(),
    );
  });

  it.each(lines(Object.values(LINES).flat()))("is refused by %s, and stays as it is", async (_, line) => {
    const { code, json } = await world.run(...line, "--json");
    expect(files()).toEqual(before);
    expect([code, json.error?.code ?? json]).toEqual([74, "ledgerNewer"]);
    expect(json.error.hint).toContain("newer crmledger");
    expect(world.simulator.records.deals).toHaveLength(1);
    expect(readdirSync(world.path("spool"))).toContain("b.json");
  });

  it.each(lines(FINDINGS))("is told by %s, and stays as it is", async (_, line) => {
    const { code, out } = await world.run(...line);
    expect(files()).toEqual(before);
    expect([code, out]).toEqual([74, expect.stringContaining("newer crmledger")]);
  });

  it("keeps nobody from looking at a sample, and stays as it is", async () => {
    expect((await world.run(...ALL_THE_SAME)).code).toBe(0);
    expect(files()).toEqual(before);
  });
});
