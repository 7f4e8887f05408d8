/** A source that is renamed or taken out of the config while something of it waits. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { type CliWorld, createCliWorld, lead, WEBSITE } from "../support/cli-world.ts";

let world: CliWorld;
beforeEach(async () => {
  world = await createCliWorld();
});
afterEach(() => world.close());

const RENAMED = WEBSITE.replace("website", "forms");
const doctorSays = async (): Promise<{ status: string; message: string }[]> =>
  (await world.run("doctor", "--json")).json.checks.filter(({ name }: { name: string }) => name === "sources");

it("what waits of it goes out, and sync and doctor say by which settings", async () => {
  world.config();
  world.write("spool/a.json", JSON.stringify(lead("a")));
  await world.run("ingest");
  expect(await doctorSays()).toEqual([]);
  world.config(RENAMED);
  expect(await doctorSays()).toMatchObject([
    { status: "warn", message: expect.stringContaining("source website is not") },
  ]);
  const { code, json, err } = await world.run("sync", "--json");
  expect(code).toBe(0);
  expect(json).toMatchObject({ drained: { done: 1 }, warnings: [expect.stringContaining("by the general settings")] });
  expect(err.match(/source website/g)).toHaveLength(1);
  expect((await world.run("sync", "--json")).json.warnings).toEqual([]);
});

it("what is on hold for its old map is named until somebody names the source again, and goes on then", async () => {
  const map = (pipeline: string) =>
    `    map: { id: id, person.email: person.email, deal.title: deal.title, deal.pipeline: "= '${pipeline}'" }\n`;
  world.config(WEBSITE + map("Nope"));
  world.write("spool/a.json", JSON.stringify(lead("a")));
  await world.run("sync", "--max-wait", "0s");
  world.config(RENAMED + map("Sales"));
  const held = await world.run("sync", "--json", "--max-wait", "0s");
  expect(held.json).toMatchObject({ remaining: 1, warnings: [expect.stringContaining("Name sources.website again")] });
  world.config(`${RENAMED}${map("Sales")}  website:\n${map("Sales")}`);
  const { json } = await world.run("sync", "--json", "--max-wait", "0s");
  expect(json).toMatchObject({ drained: { done: 1 }, remaining: 0, warnings: [] });
});
