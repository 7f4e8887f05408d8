/** A person who is forgotten: searched for in every byte that crmledger keeps, and left out for good. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createSqliteLocks } from "../../src/ledger/sqlite/locks.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { startChild } from "../support/children.ts";
import { type CliWorld, createCliWorld, lead, WEBSITE } from "../support/cli-world.ts";

const ADA = { name: "Ada Lovelace", email: "ada@example.com", phone: "+441234567890" };
const BOB = { name: "Bob", email: "bob@example.com" };
const SOURCES = `${WEBSITE}  fair:\n    spool: ./fair\n    map: { person.email: email, person.name: name, id: id }\n`;

let world: CliWorld;

beforeEach(async () => {
  world = await createCliWorld();
  world.config(SOURCES);
  world.write("fair/fair.csv", "id,name,email\nf1,Ada,ADA@example.com\nf2,Bob,bob@example.com\n");
  const records = [
    lead("1", { person: ADA }),
    lead("2", { person: BOB }),
    { id: "3", person: { name: "ada@example.com" }, notes: ["no address"] },
  ];
  world.write("spool/a.json", JSON.stringify(records));
  world.write(
    "spool/b.jsonl",
    records
      .slice(0, 2)
      .map((record) => `${JSON.stringify({ ...record, id: `j${record.id}` })}\n`)
      .join(""),
  );
  world.write("spool/c.form", "id=form-1&email=ada%40example.com");
  await world.run("sync");
});

afterEach(() => world.close());

function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesBelow(path) : [path];
  });
}

/** Files of the whole folder in which some bytes stand, in any case. */
const filesWith = (text: string): string[] =>
  filesBelow(world.folder).filter((path) => readFileSync(path, "latin1").toLowerCase().includes(text.toLowerCase()));

const counts = async () => (await world.run("sync", "--json")).json;

describe("forget", () => {
  it("leaves no byte of a person in ledger, log, spools and archives, and everybody else as they were", async () => {
    world.write("spool/a2.json", JSON.stringify([lead("1", { person: ADA, notes: ["other content: a conflict"] })]));
    await world.run("sync");
    expect(filesWith(ADA.email).length).toBeGreaterThan(3);
    const before = (await world.run("report", "--since", "1d", "--json")).json;
    const { code, json } = await world.run("forget", "Ada@Example.com", "--yes", "--json");
    expect({ code, json }).toMatchObject({ code: 0, json: { forgotten: true, submissions: 3, files: { left: [] } } });
    expect(json.crm.map(({ type }: { type: string }) => type)).toEqual(
      expect.arrayContaining(["person", "deal", "note"]),
    );
    for (const text of [ADA.email, "ada%40example.com", ADA.phone, "Lovelace", "other content"])
      expect(filesWith(text), text).toEqual([]);
    expect(readFileSync(world.path("fair/fair.csv"), "utf8")).toBe(
      `id,name,email\n${" ".repeat(22)}\nf2,Bob,bob@example.com\n`,
    );
    expect((await world.run("show", BOB.email)).code).toBe(0);
    const report = (await world.run("report", "--since", "1d", "--json")).json;
    expect(report).toMatchObject({
      accountedFor: true,
      received: before.received,
      delivered: before.delivered,
      conflict: 0,
    });
    expect((await world.run("doctor", "--json")).json.checks).toContainEqual(
      expect.objectContaining({ name: "ledger", status: "ok" }),
    );
  });

  it("never takes the person in again, nor into the mirror, and what stays in the CRM is no break", async () => {
    const [deals, persons] = [world.simulator.records.deals.length, world.simulator.records.persons.length];
    await world.run("forget", ADA.email, "--yes");
    world.write(
      "spool/again.json",
      JSON.stringify([lead("1", { person: ADA }), lead("new", { person: ADA }), lead("4", { person: BOB })]),
    );
    world.write(
      "spool/phone.json",
      JSON.stringify([
        lead("5", { person: { phone: ADA.phone } }),
        lead("6", { person: { ...BOB, phone: ADA.phone } }),
      ]),
    );
    const summary = await counts();
    expect(summary).toMatchObject({
      ingested: { new: 2, duplicate: 3, conflict: 0 },
      hold: null,
      drained: { done: 2 },
    });
    expect(summary.warnings).toContainEqual(expect.stringContaining("3 records of people who were forgotten"));
    expect(world.simulator.records.deals).toHaveLength(deals + 2);
    expect(world.simulator.records.persons).toHaveLength(persons);
    const check = await world.run("reconcile", "--json");
    expect(check.json.discrepancies.filter(({ key }: { key: string | null }) => key === "1" || key === "j1")).toEqual(
      [],
    );
    expect(check.json.counts["not-in-ledger"] ?? 0).toBe(0);
    expect(filesWith(ADA.email).filter((path) => path.includes("crmledger.db"))).toEqual([]);
    // The rest is what came in anew.
    await world.run("forget", ADA.email, "--yes");
    expect(filesWith(ADA.email)).toEqual([]);
    expect(filesWith("lead-6").length + filesWith("Note of 6").length).toBeGreaterThan(0);
  });

  it("is not taken over by adopt, nor by a repair, from what stays in the CRM", async () => {
    await world.run("forget", ADA.email, "--yes");
    const exported = world.write(
      "export.json",
      JSON.stringify([lead("1", { person: ADA }), lead("x", { person: ADA })]),
    );
    const adopted = await world.run("adopt", exported, "--source", "website", "--json");
    expect(adopted.code).not.toBe(1);
    expect(adopted.json).toMatchObject({ takenOver: 0, queued: 0 });
    const repaired = await world.run("reconcile", "--repair", "--json");
    expect(repaired.json).toMatchObject({ repairsQueued: 0 });
    expect((await counts()).drained).toMatchObject({ done: 0 });
    expect(filesWith(ADA.email)).toEqual([exported]);
  });

  it("takes nobody for the person whose address or number only begins or ends alike", async () => {
    const others = ["nada@example.com", "ada@example.com.au", "x.ada@example.com"].map((email, index) =>
      lead(`o${index}`, { person: { email, phone: `+3721234567${index}` } }),
    );
    world.write("spool/o.jsonl", others.map((one) => `${JSON.stringify(one)}\n`).join(""));
    await world.run("sync");
    expect((await world.run("forget", ADA.email, "--yes", "--json")).json.files.left).toEqual([]);
    const left = readFileSync(world.path("spool/o.jsonl"), "utf8")
      .split("\n")
      .filter((line) => line.trim() !== "");
    expect(left).toHaveLength(3);
    for (const one of ["nada@example.com", "ada@example.com.au"]) expect((await world.run("show", one)).code).toBe(0);
  });

  it("shows what there is and asks; a no, a script without --yes and --dry-run erase nothing", async () => {
    const asked = await world.runWith({ answers: ["n"] }, "forget", "website/1");
    expect(asked.err).toMatch(/Erase this for good/);
    expect(asked.err).toContain("in the CRM: deal");
    expect((await world.run("forget", ADA.email)).code).toBe(64);
    expect((await world.run("forget", "+44 1234 567890", "--dry-run", "--json")).json).toMatchObject({
      forgotten: false,
      submissions: 3,
    });
    expect((await world.run("forget", "website/nobody", "--yes")).code).toBe(65);
    expect((await world.run("show", ADA.email)).code).toBe(0);
    expect((await world.runWith({ answers: ["y"] }, "forget", "website/1")).code).toBe(0);
    expect(filesWith(ADA.email)).toEqual([]);
  });

  it("erases nothing beside an import, and lets none begin while somebody makes up their mind", async () => {
    world.write("missed.csv", "id,person.email\nm1,cay@example.com\n");
    const held = createSqliteLocks(world.path("crmledger.db")).take("import-2");
    expect(await world.run("forget", ADA.email, "--yes")).toMatchObject({
      code: 4,
      err: expect.stringContaining("A run (import) is working"),
    });
    held?.release();
    const codes: number[] = [];
    const imports = async (): Promise<void> => {
      codes.push((await world.run("import", "missed.csv")).code);
    };
    const asked = await world.runWith({ answers: ["y"], beforeAnswer: imports }, "forget", ADA.email);
    expect({ codes, code: asked.code }).toEqual({ codes: [4], code: 0 });
    expect((await world.run("import", "missed.csv", "--json")).json).toMatchObject({ new: 1 });
  });

  it("erases nothing where a run began while somebody made up their mind", async () => {
    const ledger = await openSqliteLedger({ path: world.path("crmledger.db"), create: false, nowMs: Date.now() });
    const now = { wallMs: Date.now(), monoMs: 0, bootId: "boot" };
    const begins = async (): Promise<void> => {
      await ledger.openRun({ kind: "ingest", pid: process.pid, host: hostname(), lockName: null, now });
    };
    const asked = await world.runWith({ answers: ["y"], beforeAnswer: begins }, "forget", ADA.email);
    expect(asked).toMatchObject({ code: 4, err: expect.stringContaining("A run (ingest) is working") });
    expect((await world.run("show", ADA.email)).code).toBe(0);
    expect(filesWith(ADA.email).filter((path) => path.includes("spool"))).not.toEqual([]);
    await ledger.close();
  });

  it("leaves with 3 where a file keeps something of the person", async () => {
    world.write("spool/d.json", JSON.stringify(lead("9", { person: BOB, notes: [`a friend of ${ADA.email}`] })));
    const { code, json } = await world.run("forget", ADA.email, "--yes", "--json");
    expect({ code, json }).toMatchObject({ code: 3, json: { forgotten: true } });
    expect(json.files.left).toEqual([expect.stringContaining("d.json (not read yet")]);
    expect((await counts()).drained).toMatchObject({ done: 1 });
    expect((await world.run("forget", ADA.email, "--yes", "--json")).code).toBe(0);
    expect(filesWith(ADA.email).filter((path) => path.includes("spool"))).toEqual([]);
  });

  it("keeps somebody else's open reject that only names the person, says so, and takes it once it is closed", async () => {
    const bob = { id: "r", person: { email: "bob at example.com" }, notes: [`of ${ADA.email}`, "or cay@example.com"] };
    world.write("spool/r.json", JSON.stringify(bob));
    await world.run("sync");
    const { rejects } = (await world.run("rejects", "--json")).json;
    const { id } = rejects.find(({ file }: { file: string }) => file.endsWith("r.json"));
    const { code, json } = await world.run("forget", ADA.email, "--yes", "--json");
    expect({ code, json }).toMatchObject({ code: 3, json: { rejects: 2 } });
    expect(json.left).toContainEqual(expect.stringContaining(`reject ${id} names others too`));
    expect((await world.run("rejects", "--json")).json.total).toBe(1);
    await world.run("rejects", "drop", id, "--why", "spam");
    expect((await world.run("forget", ADA.email, "--yes", "--json")).json.rejects).toBe(1);
    expect(filesWith("of ada@")).toEqual([]);
  });

  it("does not take a key for a phone number, nor a number without its country for nobody", async () => {
    world.config(`persons: { country: EE }\n${SOURCES}`);
    world.write("spool/n.json", JSON.stringify(lead("5012345", { person: BOB })));
    await world.run("ingest");
    const { code, err } = await world.run("forget", "5012345", "--yes");
    expect({ code, err }).toMatchObject({ code: 64, err: expect.stringContaining("website/5012345") });
    expect((await world.run("show", "website/5012345")).code).toBe(0);
    expect((await world.run("show", "+44 1234 567890")).code).toBe(0);
    const abroad = await world.run("forget", "01234 567890", "--yes");
    expect({ code: abroad.code, err: abroad.err }).toMatchObject({ code: 64, err: expect.stringContaining("+44") });
  });

  it("says no number of rejects before it has searched them", async () => {
    const looked = await world.run("forget", ADA.email, "--dry-run");
    expect(looked.out).not.toMatch(/0 rejects/);
    expect((await world.run("forget", ADA.email, "--dry-run", "--json")).json.rejects).toBeNull();
  });

  it("waits for runs, and for writes of which nobody knows whether they happened", async () => {
    world.write("spool/d.json", JSON.stringify([lead("7", { person: ADA }), lead("8", { person: BOB })]));
    const child = startChild("sync-child.ts", [world.folder, "stop", "send.after", "1"]);
    await child.told("stop ");
    expect((await world.run("forget", ADA.email, "--yes")).code).toBe(4);
    child.process.kill("SIGKILL");
    await child.ended;
    const { code, json } = await world.run("forget", ADA.email, "--yes", "--json");
    expect({ code, json }).toMatchObject({ code: 75, json: { error: { code: "held" } } });
  });
});
