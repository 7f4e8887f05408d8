/** A token that was put where no token belongs is shown by no command that says what is wrong there. */
import { afterEach, expect, it } from "vitest";
import { CANARY_TOKEN } from "../support/canary.ts";
import { type CliWorld, createCliWorld, WEBSITE } from "../support/cli-world.ts";

let world: CliWorld;
afterEach(() => world.close());

/** The world itself fails a test whose output holds the token. */
it.each([
  ["an expression that can't be read", `    map: { id: id, person.email: "= m & '${CANARY_TOKEN}" }`],
  ["a text in an expression", `    map: { id: id, person.email: "= '${CANARY_TOKEN}' ~> $nothing() &" }`],
  ["a path", `    map: { id: id, person.email: "a..${CANARY_TOKEN}" }`],
  ["a key of a map", `    map: { id: id, "person.${CANARY_TOKEN}": a }`],
  ["a condition", `    where: "(${CANARY_TOKEN}"`],
])("%s", async (_where, map) => {
  world = await createCliWorld();
  world.config(`${WEBSITE}${map}\n`);
  world.write("sample.json", '{"id":"1"}');
  for (const args of [
    ["sync"],
    ["sync", "--json"],
    ["doctor"],
    ["doctor", "--json"],
    ["check-source", "sample.json"],
  ]) {
    const { code, out, err } = await world.run(...args);
    expect({ args, code, said: `${out}${err}` }).toMatchObject({ code: 78, said: expect.stringContaining("sources.") });
  }
});
