import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CliWorld, createCliWorld, lead, WEBSITE } from "../support/cli-world.ts";

let world: CliWorld;
let sourceField: string;

beforeEach(async () => {
  world = await createCliWorld();
  sourceField = world.simulator.addField("deal", "Source", "enum", ["Trade fair"]).field_code;
  world.config(`${WEBSITE}    onBadValue: reject\n`);
});

afterEach(() => world.close());

const CAUSE = "BAD_VALUE:deal.source:webinar";
const webinar = (id: string) => lead(id, { deal: { title: `Deal ${id}`, fields: { Source: "Webinar" } } });

async function failures(count: number): Promise<void> {
  const records = Array.from({ length: count }, (_, index) => webinar(String(index + 1)));
  world.write("spool/a.json", JSON.stringify(records));
  expect((await world.run("sync", "--json", "--max-wait", "0s")).code).toBe(3);
}
const sync = async () => (await world.run("sync", "--json", "--max-wait", "0s")).json;
const retry = (...flags: string[]) => world.run("retry-failed", "--cause", CAUSE, "--json", ...flags);
const mend = () => world.simulator.addOption("deal", sourceField, "Webinar");
const queue = async () => (await world.run("status", "--json")).json.queue;

describe("a retry of a cause", () => {
  it("sends one first; the rest follows in the same run when it went through", async () => {
    await failures(4);
    mend();
    expect((await retry()).json).toEqual({
      requeued: 1,
      submissions: [{ source: "website", key: "1" }],
      sample: { id: "website/1", waiting: 3 },
    });
    expect(world.simulator.records.deals).toHaveLength(0);
    const ran = await sync();
    expect(ran.drained).toMatchObject({ done: 4, failed: 0 });
    expect(ran.warnings).toEqual([`${CAUSE}: the sample website/1 went through; the other 3 went back to the queue`]);
    expect(world.simulator.records.deals).toHaveLength(4);
    expect((await sync()).warnings).toEqual([]);
  });

  it("does not ask for a sync where it sends at once", async () => {
    await failures(2);
    mend();
    const asked = (await world.run("retry-failed", "--cause", CAUSE)).out;
    expect(asked).toContain("Send them with: crmledger sync");
    const sent = (await world.run("retry-failed", "--cause", CAUSE, "--drain")).out;
    expect(sent).not.toContain("Send them with");
    expect(await queue()).toMatchObject({ done: 2 });
  });

  it("leaves the rest unspent when the sample fails again", async () => {
    await failures(4);
    await retry();
    const before = world.simulator.log.length;
    const ran = await world.run("sync", "--json", "--max-wait", "0s");
    expect(ran.code).toBe(3);
    expect(ran.json.drained).toMatchObject({ failed: 1, done: 0 });
    expect(ran.json.warnings).toEqual([
      `${CAUSE}: the sample website/1 failed again; the other 3 stay failed, no try spent`,
    ]);
    expect(world.simulator.log.length).toBe(before);
    expect(await queue()).toMatchObject({ failed: 4 });
    expect((await world.run("show", "3", "--json")).json).toMatchObject({ sample: null });
    mend();
    expect((await retry("--drain")).json).toMatchObject({ sample: { outcome: "done" } });
    expect(await queue()).toMatchObject({ failed: 0, done: 4 });
  });

  it("with --drain sends the sample alone, then the rest; or stops and says so", async () => {
    await failures(3);
    const stopped = await retry("--drain");
    expect(stopped.code).toBe(3);
    expect(stopped.json).toMatchObject({
      requeued: 1,
      sample: { id: "website/1", waiting: 2, outcome: "failed", sync: { drained: { failed: 1, done: 0 } } },
      sync: { drained: { failed: 1 } },
    });
    expect(await queue()).toMatchObject({ failed: 3 });
    mend();
    const ran = await retry("--drain");
    expect(ran.code).toBe(0);
    expect(ran.json).toMatchObject({
      sample: { id: "website/2", waiting: 2, outcome: "done", sync: { drained: { done: 1 } } },
      sync: { drained: { done: 2 } },
    });
    expect(world.simulator.records.deals).toHaveLength(3);
  });

  it("sends nothing else of the queue while it waits for the sample's answer", async () => {
    await failures(3);
    world.write("spool/b.json", JSON.stringify([lead("fresh")]));
    await world.run("ingest", "--json");
    const { json } = await retry("--drain");
    expect(json.sample.outcome).toBe("failed");
    expect(await queue()).toMatchObject({ failed: 3, pending: 1 });
  });

  it("takes what today's map makes of the rest, when it is let go", async () => {
    world.config(`${WEBSITE}    onBadValue: reject
    map: { id: id, person.email: person.email, deal.title: deal.title, "deal.fields.Source": deal.fields.Source }\n`);
    await failures(3);
    world.config(`${WEBSITE}    onBadValue: reject
    map: { id: id, person.email: person.email, deal.title: "= 'Mended: ' & deal.title" }\n`);
    expect((await retry("--drain")).json).toMatchObject({ sample: { outcome: "done" } });
    expect(world.simulator.records.deals.map(({ title }) => title).sort()).toEqual([
      "Mended: Deal 1",
      "Mended: Deal 2",
      "Mended: Deal 3",
    ]);
  });

  it("asked for again waits for the one that is under way, and takes in what failed since", async () => {
    await failures(2);
    await retry();
    expect((await retry()).json).toEqual({ requeued: 0, submissions: [], sample: { id: "website/1", waiting: 1 } });
    const { json } = await world.run("retry-failed", "--cause", CAUSE, "--dry-run", "--json");
    expect(json).toMatchObject({ requeued: 0, dryRun: true, sample: { id: "website/1", waiting: 1 } });
    const { out } = await world.run("retry-failed", "--cause", CAUSE);
    expect(out).toContain(`website/1 is under way as the sample of ${CAUSE}`);
  });

  it("of a single one, by ID, by source or of all has no sample", async () => {
    await failures(3);
    expect((await world.run("retry-failed", "1", "--json")).json).toEqual({
      requeued: 1,
      submissions: [{ source: "website", key: "1" }],
    });
    expect((await retry("--limit", "1")).json).toEqual({
      requeued: 1,
      submissions: [{ source: "website", key: "2" }],
    });
    expect((await world.run("retry-failed", "--all", "--json")).json.requeued).toBe(1);
    expect(await queue()).toMatchObject({ pending: 3, failed: 0 });
  });

  it("changes nothing with --dry-run, and says what would go first", async () => {
    await failures(3);
    const { json } = await retry("--dry-run");
    expect(json).toMatchObject({ requeued: 0, dryRun: true, sample: { id: "website/1", waiting: 2 } });
    expect(json.submissions).toHaveLength(3);
    expect(await queue()).toMatchObject({ pending: 0, failed: 3 });
    const { out } = await world.run("retry-failed", "--cause", CAUSE, "--dry-run");
    expect(out).toContain(`website/1 goes first, as the sample of ${CAUSE}: the other 2 follow once it went through`);
  });
});

describe("what waits for a sample", () => {
  it("is told by failed, show and status, each with the sample's name", async () => {
    await failures(3);
    await retry();
    const sample = { id: "website/1", cause: CAUSE, state: "pending", waiting: 2 };
    const { causes } = (await world.run("failed", "--json")).json;
    expect(causes[0]).toMatchObject({ count: 2, waitingFor: [sample] });
    expect(causes[0].submissions[0]).toMatchObject({ key: "2", waitsFor: "website/1" });
    const line = `2 failed submissions wait for website/1 (pending), the sample of ${CAUSE}`;
    expect((await world.run("failed")).out).toContain(line);
    expect((await world.run("status", "--json")).json.samples).toEqual([sample]);
    expect((await world.run("status")).out).toContain(line);
    expect((await world.run("show", "2", "--json")).json.sample).toEqual(sample);
    expect((await world.run("show", "2")).out).toContain("sample: waits for the sample website/1 of its cause");
    expect((await world.run("show", "1", "--json")).json.sample).toEqual(sample);
    await sync();
    expect((await world.run("show", "2")).out).toContain("stays failed: the sample website/1 failed again");
    expect((await world.run("status", "--json")).json.samples).toEqual([]);
  });

  it("stays failed when the sample fails for another cause, which is named", async () => {
    await failures(3);
    mend();
    world.config(`${WEBSITE}    onBadValue: reject
    map: { id: id, person.email: person.email, deal.title: deal.title, deal.owner: "= 'nobody@example.com'" }\n`);
    const { code, json } = await retry("--drain");
    expect(code).toBe(3);
    expect(json.sample).toMatchObject({ outcome: "failed" });
    expect(json.sync.warnings).toEqual([
      `${CAUSE}: the sample website/1 failed for another cause (BAD_VALUE); the other 2 stay failed, no try spent`,
    ]);
    const { causes } = (await world.run("failed", "--json")).json;
    expect(causes.map(({ cause, count }: { cause: string; count: number }) => [cause, count])).toEqual([
      [CAUSE, 2],
      ["BAD_VALUE:deal.owner", 1],
    ]);
  });

  it("ends alone where the rest was put back by other means meanwhile", async () => {
    await failures(3);
    await retry();
    expect((await world.run("retry-failed", "--all", "--json")).json).toMatchObject({ requeued: 2 });
    const ran = await sync();
    expect(ran.drained).toMatchObject({ failed: 3 });
    expect(ran.warnings).toEqual([`${CAUSE}: the sample website/1 failed again; nothing waited for it any more`]);
  });

  it("is let go by the next run where the process died before it could", async () => {
    await failures(3);
    mend();
    await retry();
    // The sample's run ends with it: nothing of the rest is put back.
    await world.run("sync", "--limit", "1", "--json", "--max-wait", "0s");
    expect(await queue()).toMatchObject({ done: 1, failed: 2, pending: 0 });
    expect((await sync()).drained).toMatchObject({ done: 2 });
    expect(world.simulator.records.deals).toHaveLength(3);
  });

  it("is let go without a word to the CRM where the sample was set aside", async () => {
    await failures(3);
    await retry();
    await world.run("sync", "--limit", "1", "--json", "--max-wait", "0s");
    await world.run("failed", "drop", "1", "--why", "spam");
    const before = world.simulator.requests.total;
    expect((await sync()).warnings).toEqual([
      `${CAUSE}: the sample website/1 was set aside; the other 2 stay failed, no try spent`,
    ]);
    expect(world.simulator.requests.total).toBe(before);
    expect((await world.run("status", "--json")).json.samples).toEqual([]);
  });
});
