/**
 * Commands that die at every named instant. `npm run failpoints` kills a process at each of their occurrences; here run after
 * run of one command dies at one instant after the other, most of them in this process.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ALL_FAILPOINTS } from "../../src/cli/failpoints.ts";
import { processIo } from "../../src/cli/io.ts";
import { SCENARIOS } from "../support/failpoint-scenarios.ts";
import { countInstants, dieAndRecover, dieInTurn } from "../support/failpoint-walk.ts";
import { dieHere, kill } from "../support/mortal-world.ts";

const TIMEOUT_MS = 180_000;
const scenario = (name: string) => SCENARIOS.find((one) => one.name === name)!;
/** Those of later schemas meet nothing else than that of the first. */
const walked = SCENARIOS.filter(({ name }) => !name.startsWith("migration") || name === "migration from 1");
const met = new Set<string>();

describe("run after run dies, each at another instant", () => {
  it.each(walked.map(({ name }) => name))(
    "of %s; then all comes right",
    async (name) => {
      const instants = [...(await countInstants(scenario(name))).keys()];
      for (const instant of instants) met.add(instant);
      const died = await dieInTurn(scenario(name), dieHere, instants);
      // Some do not come again: what they belong to was done by a run that died later.
      expect(died.length).toBeGreaterThan(instants.length / 2);
    },
    TIMEOUT_MS,
  );

  it("leaves out none that has a name", () => {
    expect(ALL_FAILPOINTS.filter((instant) => !met.has(instant))).toEqual([]);
  });
});

it.each([
  ["ingest.commit.before", 1],
  ["ingest.commit.before", 2],
  ["ingest.commit.before", 3],
  ["ingest.acknowledge.aside", 1],
])(
  "a spool's files are archived or deleted once, and nothing else is left of them: %s no. %i",
  async (instant, nth) => {
    expect(await dieAndRecover(scenario("ingest"), dieHere, instant, nth)).toEqual({ died: true, wrong: null });
  },
  TIMEOUT_MS,
);

describe("a real process is killed", () => {
  it(
    "in the middle of sync, again and again",
    async () => {
      const instants = ["ingest.acknowledge.unlinked", "turn.after", "send.after"];
      const died = await dieInTurn(scenario("sync"), kill("src"), instants);
      expect(died).toEqual(instants);
    },
    TIMEOUT_MS,
  );

  it.each([
    ["migration from 1", "ledger.migrate.within", 17],
    ["reconcile --repair", "repair.queue.before", 1],
    ["backup", "ledger.copy.linked", 1],
    ["backup --move", "backup.copied", 1],
    ["forget", "forget.ledger", 1],
  ])(
    "in %s at %s no. %i",
    async (name, instant, nth) => {
      expect(await dieAndRecover(scenario(name), kill("src"), instant, nth)).toEqual({ died: true, wrong: null });
    },
    TIMEOUT_MS,
  );
});

describe("named instants", () => {
  const sources = readdirSync("src", { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith("failpoints.ts"))
    .map((name) => ({ name, text: readFileSync(join("src", name), "utf8") }));
  const used = sources.flatMap(({ text }) => [...text.matchAll(/failpoint\("([^"]+)"\)/g)].map(([, name]) => name!));

  it("are those of the lists, and each is called somewhere", () => {
    expect([...new Set(used)].sort()).toEqual([...ALL_FAILPOINTS].sort());
  });

  it("do nothing in the program: only a test hands in who listens", () => {
    expect(processIo()).not.toHaveProperty("failpoint");
    const asked = sources.filter(({ text }) => /\bio\.failpoint\b/.test(text)).map(({ name }) => name);
    // The second asks only whether somebody listens: then all is done in one thread, whose instants have names.
    expect(asked.sort()).toEqual([join("cli", "compose.ts"), join("cli", "drain-run.ts")]);
  });
});
