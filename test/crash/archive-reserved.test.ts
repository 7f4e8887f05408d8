/** A run that dies between the name that it reserved in the archive and the rename: the empty file is no archived file. */
import { mkdirSync, statSync, utimesSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createMortalWorld, dieHere, kill, type MortalWorld } from "../support/mortal-world.ts";

const TIMEOUT_MS = 180_000;
const SOURCES = "sources:\n  website: { spool: ./spool, lane: operational }\n";
const RESERVED = "ingest.acknowledge.reserved";

let world: MortalWorld;
beforeEach(async () => {
  world = await createMortalWorld();
  world.config(SOURCES);
  mkdirSync(world.path("spool"));
});
afterEach(() => world.close());

const NEXT = new Date().toISOString();
const CONTENTS: Record<string, string> = {
  "a.json": JSON.stringify({ id: "1", submittedAt: NEXT, person: { name: "Ada", email: "ada@example.com" } }),
  "a.jsonl": `${JSON.stringify({ id: "1", submittedAt: NEXT, person: { email: "ada@example.com" } })}\n`,
  "a.csv": `id,submittedAt,person.email\n1,${NEXT},ada@example.com\n`,
  "a.form": "id=1&person[email]=ada%40example.com",
};

/** In the spool, complete since days. */
function spooled(name: string): void {
  const old = new Date(Date.now() - 2 * 86_400_000);
  utimesSync(world.write(`spool/${name}`, CONTENTS[name]!), old, old);
}

const sizes = () => world.files("spool").map((file) => [file, statSync(world.path(file)).size]);

it.each([
  ["a.json", dieHere],
  ["a.jsonl", dieHere],
  ["a.csv", dieHere],
  ["a.form", dieHere],
  ["a.jsonl", kill("src")],
])(
  "%s goes into the archive once, and nobody takes what was reserved for a file of the source",
  async (name, death) => {
    spooled(name);
    expect(await death(world, ["sync"], RESERVED, 1)).toBe(true);
    const [reserved] = sizes()[0]!;
    // The day on which it ran, which may have ended meanwhile.
    expect(reserved).toMatch(new RegExp(`^spool/\\.archive/\\d{4}-\\d\\d-\\d\\d/${name}$`));
    expect(sizes()).toEqual([
      [reserved, 0],
      [`spool/${name}`, CONTENTS[name]!.length],
    ]);
    // Held against the ledger before the next sync came, and after it.
    for (const commands of [["reconcile"], ["sync"], ["reconcile"], ["report", "--since", "30d"]]) {
      const { code, out } = await world.run(...commands, "--json");
      expect([commands, code, out]).toEqual([commands, 0, expect.not.stringContaining(".archive")]);
    }
    const whole = sizes().filter(([, size]) => size !== 0);
    expect(whole).toEqual([[expect.stringContaining("spool/.archive/"), CONTENTS[name]!.length]]);
    const { json } = await world.run("forget", "ada@example.com", "--yes", "--json");
    expect(JSON.stringify(json.left)).not.toContain(world.folder);
    expect(sizes().filter(([file]) => file === `spool/${name}`)).toEqual([]);
    expect(world.simulator.records.persons).toHaveLength(1);
  },
  TIMEOUT_MS,
);

it("is removed with its day, and not counted as a file that was", async () => {
  world.config(`retention: { archive: 30d }\n${SOURCES}`);
  for (const [name, text] of [
    ["a.json", ""],
    ["a~2.json", CONTENTS["a.json"]!],
  ] as const)
    world.write(`spool/.archive/2020-01-01/${name}`, text);
  const { err } = await world.run("sync");
  expect(world.files("spool")).toEqual([]);
  expect(err).toContain("and 1 archived file erased");
});
