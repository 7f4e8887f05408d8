/** What is to come: tokens, part of the day's budget, and when it is done. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { type CliWorld, createCliWorld, lead, WEBSITE } from "../support/cli-world.ts";

let world: CliWorld;

beforeEach(async () => {
  world = await createCliWorld();
  world.config(WEBSITE, ", dailyTokens: 1000");
});

afterEach(() => world.close());

it("sync --dry-run and status tell what part of today's budget it takes, and when it is done", async () => {
  world.write("spool/a.json", JSON.stringify([lead("1"), lead("2")]));
  const dry = await world.run("sync", "--dry-run", "--json");
  const { plan, forecast } = dry.json;
  expect(plan.byLane).toEqual({ operational: 2, background: 0 });
  expect(forecast).toMatchObject({
    ...{ submissions: 2, tokensMin: plan.tokensMin, tokensMax: plan.tokensMax, plannedFrom: 2, today: 2 },
    ...{ leftToday: 1000, partOfLeft: plan.tokensMax / 1000, held: false },
  });
  expect((await world.run("sync", "--dry-run")).out).toMatch(
    /\n2 submissions, \d+ to \d+ tokens, at most \d+ % of what is left today, done at .*\d\d:\d\d\n/,
  );
  await world.run("ingest");
  const status = await world.run("status", "--json");
  expect(status.json.forecast).toMatchObject({ submissions: 2, today: 2, leftToday: 1000 });
  expect(status.json.lookups).toBeNull();
  expect((await world.run("status")).out).toMatch(/\nforecast +2 submissions, .* done at /);
});

it("tells what does not fit into today, what a hold keeps back, and what look-ups saved", async () => {
  const many = Array.from({ length: 120 }, (_, index) => lead(String(index)));
  world.write("spool/a.json", JSON.stringify(many));
  await world.run("ingest");
  const { forecast } = (await world.run("status", "--json")).json;
  expect(forecast).toMatchObject({ submissions: 120, plannedFrom: 100 });
  expect(forecast.today).toBeLessThan(120);
  expect(forecast.days.length).toBeGreaterThan(1);
  expect((await world.run("status")).out).toMatch(/ go today \(1,000 tokens are left for us\), the rest from /);
  await world.run("pause", "--why", "clean-up");
  expect((await world.run("status")).out).toMatch(/they go once the hold is over/);
  await world.run("resume");
  await world.run("sync", "--limit", "20", "--max-wait", "0s");
  const after = (await world.run("status", "--json")).json;
  expect(after.lookups).toMatchObject({ mirror: 20, search: 0 });
  expect(after.lookups.tokensSaved).toBeGreaterThan(200);
  expect(after.forecast.submissions).toBe(100);
  expect(after.forecast.leftToday).toBeLessThan(800);
});

it("says nothing where nothing waits, and status answers without a token", async () => {
  world.write("spool/a.json", JSON.stringify([lead("1")]));
  await world.run("ingest");
  world.write("token", "");
  const without = await world.run("status", "--json");
  expect(without).toMatchObject({ code: 0, json: { forecast: null, lookupChoice: [] } });
  world.config(WEBSITE);
  await world.run("sync");
  expect((await world.run("status", "--json")).json.forecast).toBeNull();
  expect((await world.run("sync", "--dry-run", "--json")).json.forecast).toBeNull();
});
