/** What `retention` says is old goes by itself, and nothing that anybody counts on goes with it. */
import { existsSync, mkdirSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type CliWorld, createCliWorld, lead, WEBSITE } from "../support/cli-world.ts";

let world: CliWorld;

beforeEach(async () => {
  world = await createCliWorld();
});

afterEach(() => world.close());

it("thins what was delivered and empties old archives; duplicates, report and reconcile stay as they were", async () => {
  world.config(`retention: { archive: 30d, payloads: 1ms, rejects: 1ms }\n${WEBSITE}`);
  mkdirSync(world.path("spool/.archive/2020-01-01"), { recursive: true });
  mkdirSync(world.path("spool/.archive/keep-me"), { recursive: true });
  world.write("spool/.archive/2020-01-01/old.json", "{}");
  world.write("spool/.archive/keep-me/mine.json", "{}");
  const record = lead("1", { submittedAt: new Date().toISOString() });
  world.write("spool/a.json", JSON.stringify([record, { id: "no-identity" }]));
  expect((await world.run("sync")).code).toBe(3);
  const { rejects } = (await world.run("rejects", "--json")).json;
  await world.run("rejects", "drop", rejects[0].id, "--why", "spam");
  const second = await world.run("sync");
  expect(second).toMatchObject({ code: 0, err: expect.stringMatching(/retention: .*1 closed reject/) });
  expect(existsSync(world.path("spool/.archive/2020-01-01"))).toBe(false);
  expect(existsSync(world.path("spool/.archive/keep-me/mine.json"))).toBe(true);
  expect((await world.run("show", "website/1")).out).not.toContain("lead-1@example.com");
  world.write("spool/b.json", JSON.stringify(record));
  expect((await world.run("sync", "--json")).json).toMatchObject({ ingested: { new: 0, duplicate: 1, conflict: 0 } });
  expect(world.simulator.records.deals).toHaveLength(1);
  expect(await world.run("reconcile", "--json")).toMatchObject({ code: 0, json: { counts: {} } });
  const report = (await world.run("report", "--since", "1d", "--json")).json;
  expect(report).toMatchObject({ accountedFor: true, delivered: { asSent: 1 }, dropped: 1 });
});

it("does not make a deleted record again of which only the accounting is left", async () => {
  world.config(`retention: { payloads: 1ms }\n${WEBSITE}`);
  world.write("spool/a.json", JSON.stringify(lead("1")));
  await world.run("sync");
  await world.run("sync");
  const [deal] = world.simulator.records.deals;
  const url = `${world.url}/api/v2/deals/${deal!.id}`;
  await fetch(url, { method: "DELETE", headers: { "x-api-token": world.simulator.tokens[0]! } });
  await world.run("reconcile", "--repair=recreate", "--yes");
  const { json } = await world.run("sync", "--json");
  expect(json).toMatchObject({ remaining: 0, drained: { done: 0, failed: 0 } });
});

it("leaves alone what is called .archive and is none", async () => {
  world.config(`retention: { archive: 30d }\n${WEBSITE}`);
  world.write("spool/.archive", "a file where a folder should be");
  expect(await world.run("sync")).toMatchObject({ code: 0 });
  expect(existsSync(world.path("spool/.archive"))).toBe(true);
});
