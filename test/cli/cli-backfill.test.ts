import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CliWorld, createCliWorld, lead } from "../support/cli-world.ts";

const SHOP = "sources:\n  website:\n    spool: ./spool\n  shop:\n    spool: ./shop\n";
const MONTH_AGO = new Date(Date.now() - 30 * 86_400_000).toISOString();
const old = (id: string, more = {}) => lead(id, { submittedAt: MONTH_AGO, ...more });

let world: CliWorld;

beforeEach(async () => {
  world = await createCliWorld();
  world.config(SHOP, ", backfill: 3");
  world.write("shop/.keep", "");
});

afterEach(() => world.close());

describe("limits.backfill", () => {
  it("lets a small backlog and any number of fresh submissions flow", async () => {
    world.write(
      "spool/a.json",
      JSON.stringify([old("1"), old("2"), old("3"), ...[4, 5, 6, 7].map((n) => lead(String(n)))]),
    );
    const ran = await world.run("sync", "--json", "--max-wait", "0s");
    expect(ran.code).toBe(0);
    expect(ran.json.drained.done).toBe(7);
  });

  it("keeps the old ones of a large backlog back, not the fresh ones, until sync --yes", async () => {
    const records = [
      old("1"),
      old("2"),
      old("3"),
      old("4"),
      lead("5"),
      lead("6", { person: { email: "lead-1@example.com" } }),
    ];
    world.write("spool/a.json", JSON.stringify(records));
    world.write("shop/b.json", JSON.stringify([old("s1"), old("s2")]));
    const ran = await world.run("sync", "--json", "--max-wait", "0s");
    expect(ran.code).toBe(3);
    expect(ran.json).toMatchObject({ ingested: { new: 8 }, drained: { done: 4, failed: 0 }, remaining: 4 });
    expect(ran.json.warnings).toEqual([expect.stringMatching(/^4 submissions of website are older than a week/)]);
    expect(world.simulator.records.deals.map((deal) => deal.title).sort()).toEqual([
      "Deal 5",
      "Deal 6",
      "Deal s1",
      "Deal s2",
    ]);

    const { holds } = (await world.run("status", "--json")).json;
    expect(holds).toMatchObject([
      { kind: "source", scope: "backfill:website", message: expect.stringContaining("sync --yes") },
    ]);
    const story = (await world.run("show", "website/1", "--json")).json;
    expect(story).toMatchObject({
      submission: { state: "waiting", dueAt: null },
      waits: [{ kind: "backfill", until: null }],
    });

    const still = await world.run("sync", "--json", "--max-wait", "0s");
    expect(still.code).toBe(3);
    expect(still.json.drained.done).toBe(0);

    const yes = await world.run("sync", "--yes", "--json", "--max-wait", "0s");
    expect(yes.code).toBe(0);
    expect(yes.json).toMatchObject({ drained: { done: 4 }, remaining: 0 });
    expect((await world.run("status", "--json")).json.holds).toEqual([]);
    // Held back or not, submissions of one person made one person.
    expect(
      world.simulator.records.persons.filter((person) => person.emails[0]?.value === "lead-1@example.com"),
    ).toHaveLength(1);
  });

  it("guards an import and a mere ingest too: no later sync sends them unasked", async () => {
    world.write("missed.json", JSON.stringify([1, 2, 3, 4].map((n) => old(String(n)))));
    const imported = await world.run("import", "missed.json", "--json");
    expect(imported.code).toBe(3);
    expect(imported.json.warnings).toEqual([expect.stringContaining("sync --yes")]);
    const ran = await world.run("sync", "--json", "--max-wait", "0s");
    expect(ran.code).toBe(3);
    expect(ran.json.drained.done).toBe(0);
    expect((await world.run("sync", "--yes", "--json", "--max-wait", "0s")).json.drained.done).toBe(4);
  });
});
