/** `revisions: update` as a user meets it: two versions of one record, and what the commands say of them. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CliWorld, createCliWorld, lead, WEBSITE } from "../support/cli-world.ts";

let world: CliWorld;

beforeEach(async () => {
  world = await createCliWorld();
  world.config(`${WEBSITE}    revisions: update\n`);
});

afterEach(() => world.close());

let files = 0;
function put(value: number): void {
  files += 1;
  world.write(`spool/${files}.json`, JSON.stringify(lead("7", { deal: { title: "Deal 7", value } })));
}

describe("a source that amends", () => {
  beforeEach(async () => {
    put(100);
    expect((await world.run("sync", "--json")).json).toMatchObject({ ingested: { new: 1 }, drained: { done: 1 } });
    put(250);
  });

  it("updates the deal in the next sync, says so, and is done", async () => {
    const ran = await world.run("sync", "--json");
    expect(ran.code).toBe(0);
    expect(ran.json).toMatchObject({ ingested: { new: 1, conflict: 0 }, drained: { done: 1 } });
    expect(ran.json.warnings).toEqual([expect.stringContaining("1 revisions of known submissions")]);
    expect(world.simulator.records.deals).toMatchObject([{ value: 250 }]);
  });

  it("is told by show from both sides", async () => {
    await world.run("sync");
    const of = async (key: string) => (await world.run("show", key, "--json")).json.submission;
    expect(await of("website/7")).toMatchObject({ revises: null, revisedBy: ["website/7~r2"] });
    expect(await of("7~r2")).toMatchObject({ revises: "website/7", revisedBy: [] });
    expect((await world.run("show", "7")).out).toMatch(/revised by +website\/7~r2/);
    expect((await world.run("show", "7~r2")).out).toMatch(/revises +website\/7\n/);
  });

  it("plans only what it changes, whether it is in the ledger or still in the spool", async () => {
    const spooled = await world.run("sync", "--dry-run", "--json");
    expect(spooled.json.plan).toMatchObject({ submissions: 0, writes: [] });
    expect(spooled.json.warnings.join()).toContain("1 revisions of known submissions");
    await world.run("ingest");
    const { plan } = (await world.run("sync", "--dry-run", "--json")).json;
    expect(plan.writes).toMatchObject([{ key: "7~r2", step: "deal", action: "update", fields: { value: 250 } }]);
    expect(plan).toMatchObject({ submissions: 1, byStep: { deal: { update: 1, create: 0 } } });
  });
});

it("is no key that doctor calls unused", async () => {
  const { json } = await world.run("doctor", "--json");
  expect(JSON.stringify(json.checks)).not.toContain("revisions");
});
