import { readdirSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CliWorld, createCliWorld, lead } from "../support/cli-world.ts";

const QUICK = "retry: { settle: [100ms, 200ms], baseDelay: 20ms, maxDelay: 100ms, maxAttempts: 1 }\n";
let world: CliWorld;

beforeEach(async () => {
  world = await createCliWorld();
  setUp("join: true");
});
afterEach(() => world.close());

function setUp(notes: string, more = ""): void {
  world.config(`${QUICK}notes: { ${notes} }\nsources:\n  website: { spool: ./spool, lane: operational${more} }\n`);
}
const withNotes = (id: string, ...notes: string[]) => lead(id, { notes });
async function sync(...records: unknown[]) {
  world.write(`spool/${Date.now()}-${Math.random()}.json`, JSON.stringify(records));
  return await world.run("sync", "--json");
}
/** As people read them. */
const texts = () =>
  world.simulator.records.notes
    .filter((note) => !note.is_deleted)
    .map((note) => note.content.replaceAll(/<br ?\/?>/g, "\n"));
const breaks = async () => (await world.run("reconcile", "--json")).json.counts;

describe("notes: { join: true }", () => {
  it("makes one note of a submission's notes, in order, for the price of one", async () => {
    expect((await sync(withNotes("1", "First", "Second", "Third"), withNotes("2", "Alone"))).code).toBe(0);
    expect(texts().sort()).toEqual(["Alone\nRef. website/2", "First\n\nSecond\n\nThird\nRef. website/1"]);
    expect(await breaks()).toEqual({});
  });

  it("finds one again whose answer was lost", async () => {
    world.simulator.failNext({ kind: "resetAfter", match: { method: "POST", path: /\/notes$/ } });
    const ran = await sync(withNotes("1", "First", "Second"));
    expect(ran.json.drained).toMatchObject({ done: 1, uncertain: 0 });
    expect(texts()).toEqual(["First\n\nSecond\nRef. website/1"]);
    expect(await breaks()).toEqual({});
  });

  it("of a record that comes again brings what is new of it", async () => {
    setUp("join: true", ", revisions: update");
    await sync(withNotes("1", "First", "Second"));
    await sync(withNotes("1", "First", "Second", "Third", "Fourth"));
    expect(texts()).toEqual(["First\n\nSecond\nRef. website/1", "Third\n\nFourth\nRef. website/1~r2"]);
    expect(await breaks()).toEqual({});
  });

  it("takes over the notes that an earlier script wrote one by one", async () => {
    const one = withNotes("1", "Please call me on Monday, early", "Interested in a difference engine");
    const { simulator } = world;
    const person = simulator.integration.addPerson({
      name: "Lead 1",
      emails: [{ value: "lead-1@example.com", primary: true, label: "work" }],
    });
    const deal = simulator.integration.addDeal({ title: "Deal 1", person_id: person.id });
    for (const content of one.notes as string[]) {
      simulator.integration.addNote({ content, deal_id: deal.id, person_id: person.id });
    }
    world.write("old.json", JSON.stringify([one]));
    const adopted = await world.run("adopt", "--source", "website", "--send-missing", "--json", "old.json");
    expect(adopted.json.counts).toMatchObject({ matched: 1, missing: 0 });
    await sync();
    expect(texts()).toHaveLength(2);
  });

  it("forgets all of it", async () => {
    setUp("join: true", ", after: delete");
    await sync(withNotes("1", "Marzipan", "Quinces"));
    const bytes = () =>
      readdirSync(world.folder, { recursive: true, encoding: "utf8" })
        .filter((name) => name.startsWith("crmledger.db"))
        .map((name) => readFileSync(world.path(name), "latin1"))
        .join("");
    expect(bytes()).toMatch(/Marzipan[\s\S]*Quinces/);
    await world.run("forget", "lead-1@example.com", "--yes");
    expect(bytes()).not.toMatch(/Marzipan|Quinces/);
  });
});
