/** What an earlier script leaves behind in all its forms, adopted: nothing is sent twice, and a check finds nothing wrong. */
import { existsSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type CliWorld, createCliWorld, type Ran, WEBSITE } from "../support/cli-world.ts";
import { deliver, type Export, exported } from "../support/old-script.ts";

const HOUR_MS = 3_600_000;
let world: CliWorld;

beforeEach(async () => {
  world = await createCliWorld();
  world.config(WEBSITE);
});
afterEach(() => world.close());

const ago = (hours: number): number => Date.now() - hours * HOUR_MS;
const recent = (id: string, more: Partial<Export> = {}): Export => exported(id, ago(5), more);
const give = (...all: Export[]): void =>
  void world.write("export.jsonl", all.map((one) => `${JSON.stringify(one)}\n`).join(""));
const adopt = (...flags: string[]): Promise<Ran> => world.run("adopt", "--json", ...flags, "export.jsonl");
const live = <T extends { is_deleted: boolean }>(records: readonly T[]): T[] =>
  records.filter((one) => !one.is_deleted);
const verdicts = ({ json }: Ran): string[] => json.items.map((item: { verdict: string }) => item.verdict);
const stateOf = async (key: string): Promise<string> => (await world.run("show", key, "--json")).json.submission.state;

/** Persons, organizations, deals and notes that are there. */
function there() {
  const { persons, organizations, deals, notes } = world.simulator.records;
  return [persons, organizations, deals, notes].map((records) => live<{ is_deleted: boolean }>(records).length);
}

async function expectClean(edits: Record<string, number> = {}): Promise<void> {
  const check = await world.run("reconcile", "--json");
  expect(check.json).toMatchObject({ counts: {}, edits });
  expect(check.code).toBe(0);
}

describe("what the ledger knows", () => {
  test("as history is taken over; its gaps are sent only when that is asked for", async () => {
    world.config(`${WEBSITE}    sendFrom: ${new Date(ago(1)).toISOString()}\n`);
    const [delivered, lost, half] = [recent("a"), recent("b"), recent("c")];
    deliver(world.simulator, delivered);
    deliver(world.simulator, half, { stopsBefore: "deal" });
    give(delivered, lost, half);
    world.write("spool/all.json", JSON.stringify([delivered, lost, half]));
    expect((await world.run("sync", "--json")).json.ingested).toMatchObject({ history: 3 });
    const first = await adopt();
    expect(first.code).toBe(3);
    expect(verdicts(first)).toEqual(["matched", "missing", "half"]);
    await world.run("sync");
    expect([await stateOf("website/a"), await stateOf("website/b"), await stateOf("website/c")]).toEqual([
      "done",
      "history",
      "history",
    ]);
    expect(there()).toEqual([2, 0, 1, 1]);
    const second = await adopt("--send-missing");
    expect(second.code).toBe(0);
    expect(second.json.counts).toMatchObject({ known: 1, missing: 1, half: 1 });
    await world.run("sync");
    expect(there()).toEqual([3, 0, 3, 3]);
    await expectClean();
  });

  test("as waiting is not sent once more", async () => {
    const one = recent("a");
    deliver(world.simulator, one);
    give(one);
    world.write("spool/a.json", JSON.stringify(one));
    await world.run("ingest");
    expect((await adopt()).json).toMatchObject({ takenOver: 1, queued: 1 });
    await world.run("sync");
    expect(there()).toEqual([1, 0, 1, 1]);
    expect(await stateOf("website/a")).toBe("done");
  });

  test("by halves, or perhaps, is kept from a copy in the spool until somebody has decided", async () => {
    const { simulator } = world;
    const [half, perhaps, lost] = [recent("a"), recent("b"), recent("c")];
    deliver(simulator, half, { stopsBefore: "note" });
    deliver(simulator, perhaps, { title: "New lead" });
    give(half, perhaps, lost);
    const ran = await adopt();
    expect(ran.code).toBe(3);
    const actions = ran.json.items.map(({ action }: { action: string }) => action);
    expect(actions).toEqual(["kept", "kept", "left"]);
    world.write("spool/all.json", JSON.stringify([half, perhaps, lost]));
    await world.run("sync");
    // Only what is not there at all was sent.
    expect(there()).toEqual([3, 0, 3, 2]);
    const answered = await world.runWith({ answers: ["n"] }, "adopt", "--send-missing", "export.jsonl");
    expect(answered.err).toContain('its title is "New lead"');
    expect(answered.code).toBe(0);
    await world.run("sync");
    expect(there()).toEqual([3, 0, 4, 4]);
    expect(await stateOf("website/b")).toBe("done");
    await expectClean();
  });

  test("as waiting, but there by halves, is taken out of the queue", async () => {
    const one = recent("a");
    deliver(world.simulator, one, { stopsBefore: "note" });
    give(one);
    world.write("spool/a.json", JSON.stringify(one));
    await world.run("ingest");
    expect((await adopt()).code).toBe(3);
    await world.run("sync");
    expect(there()).toEqual([1, 0, 1, 0]);
    expect(await stateOf("website/a")).toBe("history");
  });

  test("as delivered is no business of adopt's", async () => {
    world.write("spool/a.json", JSON.stringify(recent("a")));
    await world.run("sync");
    give(recent("a"));
    const ran = await adopt("--send-missing");
    expect(ran.json).toMatchObject({ counts: { known: 1, matched: 0 }, takenOver: 0, queued: 0 });
    expect(there()).toEqual([1, 0, 1, 1]);
  });

  test("under other keys is not taken for what an earlier script left", async () => {
    const all = Array.from({ length: 30 }, (_, number) => recent(`k${number}`));
    world.write("spool/all.json", JSON.stringify(all));
    await world.run("sync");
    give(...all.map((one) => ({ ...one, id: `other-${one.id}` })));
    expect((await adopt("--send-missing")).code).toBe(65);
    give(...all.slice(0, 5).map((one) => ({ ...one, id: `other-${one.id}` })));
    expect((await adopt("--send-missing")).json.counts).toMatchObject({ known: 5, missing: 0, half: 0 });
  });
});

describe("records of an earlier script", () => {
  const company = (name: string) => ({ organization: { name } }) as Partial<Export>;

  test("keep the organizations that they have; only what is made anew gets its own", async () => {
    const { simulator } = world;
    const [linked, bare, unnoted, unsold] = ["a", "b", "c", "d"].map((id) => recent(id, company(`Company ${id}`)));
    const done = deliver(simulator, linked!);
    const { id } = simulator.integration.addOrganization({ name: "Company a" });
    simulator.integration.editDeal(done.deal!, { org_id: id });
    deliver(simulator, bare!);
    deliver(simulator, unnoted!, { stopsBefore: "note" });
    deliver(simulator, unsold!, { stopsBefore: "deal" });
    give(linked!, bare!, unnoted!, unsold!);
    const ran = await adopt("--send-missing");
    expect(verdicts(ran)).toEqual(["matched", "matched", "half", "half"]);
    await world.run("sync");
    expect(live(simulator.records.organizations).map(({ name }) => name)).toEqual(["Company a", "Company d"]);
    expect(there()).toEqual([4, 2, 4, 4]);
    await expectClean();
  });

  test("that people deleted or archived are not made again", async () => {
    const { simulator } = world;
    const [deleted, archived] = [recent("a"), recent("b")];
    simulator.deleteDeal(deliver(simulator, deleted).deal!);
    simulator.archiveDeal(deliver(simulator, archived).deal!);
    give(deleted, archived);
    const ran = await adopt("--send-missing");
    expect(verdicts(ran)).toEqual(["matched", "matched"]);
    await world.run("sync");
    expect(live(simulator.records.deals)).toHaveLength(1);
    await expectClean({ "deal-deleted": 1 });
  });

  test("on a person that the script made twice are adopted where they are", async () => {
    const { simulator } = world;
    const one = recent("a");
    simulator.addPerson({ name: "Earlier", emails: [{ value: one.person.email }] });
    const second = simulator.integration.addPerson({ name: one.person.name, emails: [{ value: one.person.email }] });
    const deal = simulator.integration.addDeal({ ...one.deal, person_id: second.id });
    simulator.integration.addNote({ content: one.notes![0], deal_id: deal.id });
    give(one);
    const ran = await adopt();
    expect(ran.json.items[0]).toMatchObject({ verdict: "matched", action: "taken" });
    expect(ran.json.items[0].crm.map(({ id }: { id: string }) => id).slice(0, 2)).toEqual([
      `${second.id}`,
      `${deal.id}`,
    ]);
    await world.run("sync");
    expect(there()).toEqual([2, 0, 1, 1]);
  });

  test("among very many others are found by person, not by reading everything", async () => {
    const { simulator } = world;
    const one = recent("a");
    deliver(simulator, one);
    const { id } = simulator.addPerson({ name: "Somebody else" });
    for (let number = 0; number < 1_200; number += 1) {
      simulator.integration.addDeal({ title: `Import ${number}`, person_id: id });
      simulator.integration.addNote({ content: `Import ${number}`, person_id: id });
    }
    give(one);
    const ran = await adopt("--dry-run");
    expect(ran.json.counts).toMatchObject({ matched: 1 });
    expect(ran.json.requests.total).toBeLessThan(15);
  });
});

describe("the command", () => {
  test("audits without a ledger, makes none, and needs no stamp fields for it", async () => {
    await world.close();
    world = await createCliWorld({ withStampFields: false });
    world.config(WEBSITE);
    const one = recent("a");
    deliver(world.simulator, one);
    give(one);
    const audit = await adopt("--dry-run");
    expect(audit.json).toMatchObject({ counts: { matched: 1 } });
    expect(audit.code).toBe(0);
    expect(existsSync(world.path("crmledger.db"))).toBe(false);
    const ran = await adopt();
    expect(ran.code).toBe(78);
    expect(ran.json.error).toMatchObject({ code: "crmSetupMissing", hint: expect.stringContaining("doctor --fix") });
  });

  test("takes what was submitted in the time that is given", async () => {
    give(exported("a", ago(50)), exported("b", ago(30)), exported("c", ago(5)));
    const ran = await adopt("--dry-run", "--since", "2d", "--until", "1d");
    expect(ran.json.items.map(({ key }: { key: string }) => key)).toEqual(["b"]);
  });

  test("reads standard input, and says what could not be read", async () => {
    const stdin = `${JSON.stringify(recent("a"))}\n{"id": "nobody"}\n`;
    const ran = await world.runWith({ stdin }, "adopt", "--dry-run", "--json", "-");
    expect(ran.json.counts).toMatchObject({ missing: 1, rejected: 1 });
  });

  test("asks whose submissions they are; a dry run sends nothing whatever else is asked for", async () => {
    world.config("sources:\n  website: { spool: ./spool }\n  shop: { spool: ./shop }\n");
    give(recent("a"));
    expect((await adopt("--dry-run")).json.error.message).toContain("--source");
    const both = await adopt("--dry-run", "--send-missing", "--source", "shop");
    expect(both.json).toMatchObject({ dryRun: true, queued: 0, counts: { missing: 1 } });
    await world.run("sync");
    expect(there()).toEqual([0, 0, 0, 0]);
    expect((await adopt("--dry-run", "--source", "shop")).json.items[0]).toMatchObject({
      source: "shop",
      verdict: "missing",
    });
  });

  test("holds back a large old backlog of gaps until a person lets it go; what is stamped flows", async () => {
    world.config(WEBSITE, ", backfill: 2");
    const lost = ["a", "b", "c"].map((id) => exported(id, ago(24 * 30)));
    const done = recent("d");
    deliver(world.simulator, done);
    give(...lost, done);
    const ran = await adopt("--send-missing");
    expect(ran.code).toBe(3);
    expect(ran.json.warnings).toEqual([expect.stringMatching(/^3 submissions of website are older than a week/)]);
    await world.run("sync");
    expect(there()).toEqual([1, 0, 1, 1]);
    expect(await stateOf("website/d")).toBe("done");
    await world.run("sync", "--yes");
    expect(there()).toEqual([4, 0, 4, 4]);
  });

  test.each([
    ["a refused token", () => world.simulator.revokeToken(), () => world.simulator.restoreToken(), 77],
    ["a blocked account", () => fail("html403", 9), () => undefined, 75],
    ["no answers", () => fail("error503", 9), () => undefined, 75],
  ])("takes nothing over where %s stops the look, and goes on with the next run", async (_, stop, mend, code) => {
    const one = recent("a");
    deliver(world.simulator, one);
    give(one);
    await world.run("sync");
    stop();
    const ran = await adopt("--send-missing");
    expect(ran.code).toBe(code);
    expect(ran.json.takenOver ?? 0).toBe(0);
    expect((await world.run("show", "website/a")).code).toBe(65);
    mend();
    for (let run = 0; run < 10; run += 1) {
      const again = await adopt("--send-missing");
      if (again.code === 0) break;
    }
    expect((await world.run("show", "website/a", "--json")).json.submission.state).toBe("pending");
    expect(there()).toEqual([1, 0, 1, 1]);
  });
});

function fail(kind: "html403" | "error503", times: number): void {
  world.simulator.failNext({ kind, times, match: { method: "GET", path: /(deals|persons)/ } });
}
