/** Real processes, a real ledger file, real sockets: killed without warning, and the ordinary sync after them. */
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { type Child, startChild } from "../support/children.ts";
import { type CliWorld, createCliWorld, lead } from "../support/cli-world.ts";
import type { Given } from "../support/drain-rig.ts";
import { judge } from "../support/oracle.ts";

const SOON =
  "retry: { settle: [300ms, 600ms], baseDelay: 100ms }\nsources:\n  website:\n    spool: ./spool\n    lane: operational\n";
const PEOPLE = 8;
let world: CliWorld;
let children: Child[] = [];

afterEach(async () => {
  for (const { process: child } of children) child.kill("SIGKILL");
  await Promise.all(children.map(({ ended }) => ended));
  children = [];
  await world.close();
});

function start(...args: string[]): Child {
  const child = startChild("sync-child.ts", [world.folder, ...args]);
  children.push(child);
  return child;
}

const LEADS = Array.from({ length: 12 }, (_, n) =>
  lead(String(n), {
    person: { name: `Person ${n % PEOPLE}`, email: `person.${n % PEOPLE}@example.com` },
    ...(n % 4 === 0 && { organization: { name: `Engines ${n}` } }),
  }),
);

async function begin(): Promise<void> {
  world = await createCliWorld({ roundTripMs: 10 });
  world.config(SOON);
  const config = readFileSync(world.path("crmledger.yaml"), "utf8");
  world.write("crmledger.yaml", config.replace("crm:\n", "crm:\n  timeout: 1s\n"));
  world.write("spool/a.json", JSON.stringify(LEADS.slice(0, 6)));
  world.write("spool/b.json", JSON.stringify(LEADS.slice(6)));
}

/** The ordinary sync brings home what is left, and each record is there once. */
async function bringHome(): Promise<void> {
  const next = await world.run("sync", "--json");
  expect([next.code, next.err]).toEqual([0, expect.any(String)]);
  expect(next.json).toMatchObject({ remaining: 0, drained: { failed: 0, uncertain: 0 } });
  const given = LEADS.map(({ id, ...content }) => ({ key: String(id), content }) as Given);
  expect(judge(world.simulator, given)).toEqual({ lost: [], doubled: [] });
  const { persons, organizations, deals, notes } = world.simulator.records;
  expect([persons.length, organizations.length, deals.length, notes.length]).toEqual([PEOPLE, 3, 12, 12]);
  const { queue } = (await world.run("status", "--json")).json;
  expect(queue).toMatchObject({ done: 12, pending: 0, waiting: 0, uncertain: 0, inProgress: 0, failed: 0 });
}

describe("a real sync killed", () => {
  it.each([
    ["ingest.commit.before", 1],
    ["ingest.commit.after", 1],
    ["ingest.acknowledge.after", 1],
    ["claim.after", 1],
    ["turn.before", 9],
    ["turn.after", 12],
    ["send.before", 14],
    ["send.after", 17],
    ["drain.end", 1],
  ])("at %s no. %i loses nothing and sends nothing twice", async (instant, nth) => {
    await begin();
    const child = start("kill", instant, String(nth));
    expect((await child.ended).signal).toBe("SIGKILL");
    await bringHome();
  });

  it("at probe.after, while it looks for a write that never arrived, sends that write once", async () => {
    await begin();
    world.simulator.failNext({ kind: "resetBefore", match: { method: "POST", path: /deals$/ } });
    const child = start("kill", "probe.after", "1");
    expect((await child.ended).signal).toBe("SIGKILL");
    await bringHome();
  });
});
