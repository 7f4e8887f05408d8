/** What an expression costs: JSONata is loaded where one is used, and compiles each once. */
import { expect, it, vi } from "vitest";
import { compileMapping } from "../../src/intake/mapping.ts";
import { startChild } from "../support/children.ts";
import { sourceOf } from "../support/ingest-rig.ts";

it.each([
  ["left alone", { id: "id", "person.email": "mail" }],
  ["loaded", { id: "= id", "person.email": "mail" }],
])("JSONata is %s by %o", async (state, map) => {
  const child = startChild("map-child.ts", [JSON.stringify(map)]);
  expect((await child.ended).err).toBe("");
  expect(child.lines).toEqual(["mapped 1", `jsonata ${state}`]);
});

const compiled = vi.hoisted(() => [] as string[]);
vi.mock("jsonata", async (original) => {
  const { default: real } = await original<{ default: (text: string) => unknown }>();
  return {
    default: (text: string) => {
      compiled.push(text);
      return real(text);
    },
  };
});

it("an expression is compiled once, however many records come", async () => {
  const map = { id: "= id", "person.email": "= $lowercase(mail)" };
  const mapping = await compileMapping(sourceOf({ map, where: "id != 'x'" }), () => null);
  const before = compiled.length;
  for (let n = 0; n < 50; n += 1) await mapping.map({ id: `${n}`, mail: "A@example.com" }, false);
  expect(compiled.length).toBe(before);
  expect(compiled.filter((text) => text.trim() === "$lowercase(mail)")).toHaveLength(1);
});
