import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { person } from "../support/ingest-rig.ts";

const RECORDS = 2_600;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "crmledger-crash-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const child = (ledger: string, spool: string, failpoint: string, nth: number): NodeJS.Signals | number | null => {
  const script = join(import.meta.dirname, "ingest-child.ts");
  const run = spawnSync(process.execPath, ["--import", "tsx", script, ledger, spool, failpoint, String(nth)], {
    encoding: "utf8",
  });
  if (run.status !== 0 && run.signal === null) throw new Error(run.stderr);
  return run.signal ?? run.status;
};

function fill(spool: string): void {
  mkdirSync(spool);
  writeFileSync(join(spool, "a.json"), `[${person(100_001)},${person(100_002)}]`);
  writeFileSync(join(spool, "b.json"), person(100_003));
  const rows = Array.from({ length: RECORDS }, (_, n) => `${n},p${n}@example.com,"line\nbreak ${n}"\n`);
  writeFileSync(join(spool, "c.csv"), `id,person.email,notes.0\n${rows.join("")}9999,cut@exam`);
}

it.each([
  ["ingest.commit.before", [1, 3]],
  ["ingest.commit.after", [1, 2, 5]],
  ["ingest.acknowledge.after", [1, 2]],
] as const)(
  "killed at %s, run again: each record once, none lost, every file acknowledged",
  async (failpoint, times) => {
    const name = join(folder, failpoint);
    fill(`${name}.spool`);
    for (const nth of times) child(`${name}.db`, `${name}.spool`, failpoint, nth);
    expect(child(`${name}.db`, `${name}.spool`, "none", 0)).toBe(0);
    const ledger = await openSqliteLedger({ path: `${name}.db`, create: false, nowMs: Date.now() });
    const counts = await ledger.queue();
    const rows = await ledger.peek(10_000, Date.now() + 1000, { source: null, lane: null });
    await ledger.close();
    expect(counts).toMatchObject({ pending: RECORDS + 3, rejected: 0, conflict: 0 });
    expect(new Set(rows.map(({ key }) => key)).size).toBe(RECORDS + 3);
    expect(rows.find(({ key }) => key === "2599")?.origin.line).toBe(2 + 2599 * 2);
    expect(readdirSync(`${name}.spool`).sort()).toEqual([".archive", "c.csv"]);
  },
  180_000,
);
