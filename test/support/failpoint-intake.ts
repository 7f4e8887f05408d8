/** Commands that take submissions in and send them, and what must come right when they die. */
import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, utimesSync } from "node:fs";
import type { Given } from "./drain-rig.ts";
import { changesNothing, eachOnce, LEDGER, ledgerIsSound, rowsOf, runs } from "./failpoint-proofs.ts";
import type { Scenario } from "./failpoint-walk.ts";
import type { MortalWorld } from "./mortal-world.ts";

const SOURCES = `sources:
  website: { spool: ./spool, lane: operational }
  quick: { spool: ./quick, lane: operational, after: delete }
`;
const DAY_MS = 86_400_000;

function begin(world: MortalWorld, settings = ""): void {
  world.config(`${settings}${SOURCES}`);
  for (const spool of ["spool", "quick"]) mkdirSync(world.path(spool));
}

/** A submission as it is written into a file, and as the oracle expects it. */
function lead(key: string, more: Record<string, unknown> = {}, source = "website"): Given & { record: object } {
  const content = {
    person: { name: `Lead ${key}`, email: `lead-${key}@example.com` },
    deal: { title: `Deal ${key}` },
    notes: [`Note of ${key}`],
    ...more,
  };
  const record = { id: key, submittedAt: new Date().toISOString(), ...content };
  return { source, key, content, record } as Given & { record: object };
}

const KNOWN = { name: "Known", email: "known@example.com" };

/** One of each way into the ledger: a list, a single document behind a link, lines of a file that is complete, one to be deleted. */
function fillSpools(world: MortalWorld) {
  const known = lead("known", { person: { ...KNOWN, phone: "+37255500002" } });
  const firm = lead("firm", { organization: { name: "Engines" }, notes: ["The first.", "The second."] });
  const [line, linked, quick] = [lead("line"), lead("linked"), lead("quick", {}, "quick")];
  world.write("spool/a.json", JSON.stringify([known.record, firm.record]));
  world.write("spool/c.jsonl", `${JSON.stringify(line.record)}\n`);
  world.write("spool/below/l.json", JSON.stringify(linked.record));
  symlinkSync("below/l.json", world.path("spool/l.json"));
  world.write("quick/d.json", JSON.stringify(quick.record));
  const old = new Date(Date.now() - 2 * DAY_MS);
  utimesSync(world.path("spool/c.jsonl"), old, old);
  return [known, firm, line, linked, quick];
}

const names = (world: MortalWorld, folder: string): string[] =>
  world.files(folder).map((file) => file.slice(file.lastIndexOf("/") + 1));

/** Every file is in the archive with the bytes that it had, or deleted where that was asked for. */
function filesAreAcknowledged(world: MortalWorld): void {
  const files = world.files("spool").filter((file) => world.read(file) !== "");
  assert.ok(
    files.every((file) => file.startsWith("spool/.archive/")),
    `files that are still in the spool: ${files}`,
  );
  // Under its next name where a run died with the first one reserved.
  const bare = files.map((file) => file.slice(file.lastIndexOf("/") + 1).replace(/~\d+/, ""));
  assert.deepEqual(bare.sort(), ["a.json", "c.jsonl", "l.json"], "files of the archive");
  assert.deepEqual(names(world, "quick"), [], "files that are to be deleted");
}

const SYNC: Scenario = {
  name: "sync",
  line: ["sync", "--json"],
  async prepare(world) {
    begin(world);
    world.simulator.seedPersons(1, () => KNOWN);
    // One create never arrives, one is applied and its answer is lost.
    const post = (path: RegExp) => ({ method: "POST", path });
    world.simulator.failNext({ kind: "resetBefore", match: post(/deals$/) });
    world.simulator.failNext({ kind: "resetAfter", match: post(/notes$/) });
    const given = fillSpools(world);
    return async () => {
      const { json } = await runs(world, [0], "sync", "--json");
      assert.deepEqual([json.remaining, json.drained.failed], [0, 0], "what is left of the queue");
      eachOnce(world, given);
      const { persons, organizations, deals, notes } = world.simulator.records;
      assert.deepEqual([persons.length, organizations.length, deals.length, notes.length], [5, 1, 5, 6], "records");
      assert.deepEqual(
        persons[0]!.phones.map(({ value }) => value),
        ["+37255500002"],
        "the known person is amended",
      );
      await ledgerIsSound(world, { done: given.length, pending: 0, waiting: 0, uncertain: 0, failed: 0 });
      filesAreAcknowledged(world);
      await changesNothing(world, "sync", "--json");
    };
  },
};

const INGEST: Scenario = {
  name: "ingest",
  line: ["ingest", "--json"],
  async prepare(world) {
    begin(world);
    await runs(world, [0], "ingest");
    const given = fillSpools(world);
    return async () => {
      await runs(world, [0], "ingest", "--json");
      await ledgerIsSound(world, { pending: given.length, rejected: 0, conflict: 0 });
      filesAreAcknowledged(world);
      await changesNothing(world, "ingest", "--json");
    };
  },
};

/** Records without a way to reach anybody: two chunks of them. */
const REJECTS = 210;

const IMPORT: Scenario = {
  name: "import",
  line: ["import", "missed.csv", "--rejects", "rejects.csv", "--json"],
  async prepare(world) {
    begin(world);
    await runs(world, [0], "ingest");
    const row = (key: string): string => `${key},${key}@example.com,Deal ${key}\n`;
    const rejects = Array.from({ length: REJECTS }, (_, n) => `r${n},,Deal r${n}\n`).join("");
    world.write("missed.csv", `id,person.email,deal.title\n${row("first")}${rejects}${row("last")}`);
    const given: Given[] = ["first", "last"].map((key) => ({
      source: "import",
      key,
      content: { person: { email: `${key}@example.com` }, deal: { title: `Deal ${key}` } },
    }));
    return async () => {
      // It was written whole, or not at all.
      const found = world.files().includes("rejects.csv") ? world.read("rejects.csv").split("\n").length : null;
      assert.ok(found === null || found === REJECTS + 2, `the file of rejects has ${found} lines`);
      await runs(world, [0, 3], ...IMPORT.line);
      assert.equal(world.read("rejects.csv").split("\n").length, REJECTS + 2, "lines of the file of rejects");
      await ledgerIsSound(world, { pending: 2, rejected: REJECTS });
      await changesNothing(world, ...IMPORT.line);
      await runs(world, [0], "sync", "--json");
      eachOnce(world, given);
      await ledgerIsSound(world, { pending: 0, done: 2, rejected: REJECTS });
    };
  },
};

const RETENTION: Scenario = {
  name: "retention",
  line: ["sync", "--json"],
  async prepare(world) {
    begin(world, "retention: { archive: 30d, payloads: 1ms, rejects: 1ms }\n");
    const given = [lead("1"), lead("2")];
    world.write("spool/a.json", JSON.stringify([...given.map(({ record }) => record), { id: "nobody" }]));
    await runs(world, [3], "sync", "--json");
    const { json } = await runs(world, [0], "rejects", "--json");
    await runs(world, [0], "rejects", "drop", json.rejects[0].id, "--why", "spam");
    for (const name of ["a.json", "b.json"]) world.write(`spool/.archive/2020-01-01/${name}`, "{}");
    mkdirSync(world.path("spool/.archive/2020-01-02"));
    return async () => {
      await runs(world, [0], "sync", "--json");
      const archived = world.files("spool/.archive").join();
      assert.match(archived, /^spool\/\.archive\/20(?!20)\d\d-\d\d-\d\d\/a\.json$/, "what is left of the archive");
      const left = rowsOf(world, LEDGER, {
        payloads: "SELECT key FROM submissions WHERE content IS NOT NULL OR raw IS NOT NULL",
        rejects: "SELECT id FROM rejects WHERE raw <> ''",
      });
      assert.deepEqual(left, { payloads: [], rejects: [] }, "payloads that are left");
      eachOnce(world, given);
      await ledgerIsSound(world, { done: 2 });
      const report = await runs(world, [0], "report", "--since", "1d", "--json");
      assert.equal(report.json.accountedFor, true, "every record is accounted for");
      await changesNothing(world, "sync", "--json");
    };
  },
};

export const INTAKE: readonly Scenario[] = [SYNC, INGEST, IMPORT, RETENTION];
