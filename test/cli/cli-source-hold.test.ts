import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CliWorld, createCliWorld, lead } from "../support/cli-world.ts";

let world: CliWorld;

const withMap = (map: string) => world.config(`sources:\n  website:\n    spool: ./spool\n    map: ${map}\n`);
const WRONG = "{ id: id, person.email: person.email, person.fields.Nonsense: deal.title }";
const RIGHT = "{ id: id, person.email: person.email, deal.title: deal.title }";

beforeEach(async () => {
  world = await createCliWorld();
  withMap(WRONG);
  world.write("spool/a.json", JSON.stringify([lead("1"), lead("2")]));
  const ran = await world.run("sync", "--json", "--max-wait", "0s");
  expect(ran.code).toBe(3);
  expect(ran.json).toMatchObject({ drained: { done: 0, failed: 0 }, remaining: 2 });
});

afterEach(() => world.close());

describe("a source whose map names a field that the CRM does not have", () => {
  it("goes on by itself once the map is mended: what waited is mapped anew", async () => {
    withMap(RIGHT);
    const ran = await world.run("sync", "--json");
    expect(ran.code).toBe(0);
    expect(ran.json).toMatchObject({ drained: { done: 2 }, remaining: 0 });
    expect(world.simulator.records.deals.map((deal) => deal.title).sort()).toEqual(["Deal 1", "Deal 2"]);
  });

  it("shows in a dry run what the mended map would send, and changes nothing by that", async () => {
    const before = (await world.run("sync", "--dry-run", "--json")).json.plan;
    expect(before.why.join()).toContain("Nonsense");
    withMap(RIGHT);
    const { why, writes } = (await world.run("sync", "--dry-run", "--json")).json.plan;
    expect(why.join()).not.toContain("Nonsense");
    expect(writes.map(({ fields }: { fields: object }) => fields)).toContainEqual({ title: "Deal 1" });
    expect((await world.run("status", "--json")).json.holds).toMatchObject([{ scope: "source:website" }]);
    withMap(WRONG);
    expect((await world.run("sync", "--dry-run", "--json")).json.plan.writes).toEqual(before.writes);
  });

  it("is resumed with the mended map too, and stays on hold where nothing was mended", async () => {
    expect((await world.run("sync", "--json", "--max-wait", "0s")).code).toBe(3);
    withMap(RIGHT);
    expect((await world.run("resume", "--source", "website", "--json")).json).toEqual({ resumed: 1 });
    expect((await world.run("sync", "--json")).json).toMatchObject({ drained: { done: 2 }, remaining: 0 });
  });

  it("tells in each one's story what it waits for", async () => {
    const { json, out } = await world.run("show", "website/1", "--json");
    expect(json.holds).toMatchObject([{ kind: "source", scope: "source:website" }]);
    expect(out).toContain("Nonsense");
    expect((await world.run("show", "website/1")).out).toMatch(/^on hold .*Nonsense/m);
  });
});
