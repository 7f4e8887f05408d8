import { afterEach, beforeEach, expect, it } from "vitest";
import { type CliWorld, createCliWorld, lead } from "../support/cli-world.ts";

let world: CliWorld;

beforeEach(async () => {
  world = await createCliWorld();
  world.config();
});

afterEach(() => world.close());

const contact = (value: string) => ({ value, primary: true, label: "work" });
const PHONE = "+37251234567";

it("show says why a person of the same phone was not taken, and which of several was", async () => {
  const { simulator } = world;
  simulator.addPerson({ name: "Bob", emails: [contact("bob@example.com")], phones: [contact(PHONE)] });
  const twins = [1, 2].map(() => simulator.addPerson({ name: "Twin", emails: [contact("twin@example.com")] }).id);
  const records = [
    lead("1", { person: { email: "ada@example.com", phone: PHONE } }),
    lead("2", { person: { email: "twin@example.com" } }),
  ];
  world.write("spool/a.json", JSON.stringify(records));
  expect((await world.run("sync", "--max-wait", "0s")).code).toBe(0);
  expect((await world.run("show", "website/1")).out).toMatch(/same phone number, but another e-mail address/);
  expect((await world.run("show", "website/2")).out).toMatch(
    new RegExp(`Person ${twins[0]} .* 2 persons do, the oldest is used \\(others: ${twins[1]}\\)`),
  );
  const { json } = await world.run("show", "website/2", "--json");
  expect(JSON.stringify(json.steps)).toContain("the oldest is used");
});
