/** Commands that hold ledger and CRM against each other, and what must come right when they die. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { type Chain, chainLead, chainsOf, DAMAGES } from "./damage.ts";
import type { Given, Rig } from "./drain-rig.ts";
import { changesNothing, LEDGER, ledgerIsSound, runs } from "./failpoint-proofs.ts";
import type { Scenario } from "./failpoint-walk.ts";
import type { MortalWorld } from "./mortal-world.ts";
import { deliver, exported } from "./old-script.ts";
import { judge } from "./oracle.ts";

const SOURCES = "sources:\n  website: { spool: ./spool, lane: operational }\n";

/** As many delivered chains as there are damages, each with one; and a file in the archive that the ledger does not know. */
export async function damaged(
  world: MortalWorld,
  damages: readonly string[],
): Promise<{ expected: string[]; given: Given[] }> {
  world.config(SOURCES);
  const submittedAtMs = Date.now() - 60_000;
  const record = ({ key, content }: Given) => ({
    id: key,
    submittedAt: new Date(submittedAtMs).toISOString(),
    ...content,
  });
  const given = damages.map((_, index) => chainLead(index + 1));
  world.write("spool/a.json", JSON.stringify(given.map(record)));
  await runs(world, [0], "sync");
  const chains = chainsOf(world.path(LEDGER));
  const expected = damages.flatMap((name, index) => {
    const chain = chains.find(({ key }) => key === `wf_${index + 1}`) as Chain;
    return DAMAGES[name]!({ simulator: world.simulator } as Rig, chain, world.path(LEDGER));
  });
  const unknown = chainLead(damages.length + 1);
  world.write(`spool/.archive/${new Date().toISOString().slice(0, 10)}/x.json`, JSON.stringify([record(unknown)]));
  return { expected: [...expected, `not-ingested website/${unknown.key}`], given: [...given, unknown] };
}

interface Shown {
  kind: string;
  source: string | null;
  key: string | null;
  crm: { type: string; id: string } | null;
  class: string;
  state: string;
  repair: string | null;
  safe: boolean;
}

const nameOf = ({ kind, source, key, crm }: Shown): string =>
  `${kind} ${crm === null ? `${source}/${key}` : `${crm.type}:${crm.id}`}`;

/** Breaks and edits that are open now. */
async function check(world: MortalWorld, ...more: string[]): Promise<Shown[]> {
  const { json } = await runs(world, [0, 2], "reconcile", "--json", "--edits", ...more);
  return json.discrepancies;
}

const SEEN = ["deal vanished", "deal deleted", "person renamed", "deal copied by hand", "ledger row lost"];

const RECONCILE: Scenario = {
  name: "reconcile",
  line: ["reconcile", "--json"],
  async prepare(world) {
    const { expected } = await damaged(world, SEEN);
    const written = world.simulator.log.length;
    return async () => {
      const found = (await check(world)).map(nameOf).sort();
      for (const name of expected) assert.ok(found.includes(name), `${name} is not among ${found.join(", ")}`);
      assert.equal(new Set(found).size, found.length, "what is found twice");
      assert.deepEqual((await check(world)).map(nameOf).sort(), found, "what a second check finds");
      assert.equal(world.simulator.log.length, written, "writes to the CRM");
      await changesNothing(world, "reconcile", "--json");
    };
  },
};

const MENDED = [
  "half done and failed",
  "ledger row lost",
  "person renamed",
  "person merged into a stranger",
  "note vanished",
];

const REPAIR: Scenario = {
  name: "reconcile --repair",
  line: ["reconcile", "--repair", "--yes", "--json"],
  async prepare(world) {
    const { given } = await damaged(world, MENDED);
    return async () => {
      await runs(world, [0, 2], ...REPAIR.line);
      await runs(world, [0], "sync", "--json");
      const left = (await check(world)).filter((one) => one.class === "break" && one.state !== "accepted" && one.safe);
      assert.deepEqual(left.map(nameOf), [], "safe repairs that are left");
      // The note of the half-done chain vanished behind the ledger's back, and is there again.
      assert.deepEqual(judge(world.simulator, given), { lost: [], doubled: ["website/wf_1 note.1 x2"] }, "at the CRM");
      const { json } = await runs(world, [0], "sync", "--json");
      assert.deepEqual([json.remaining, json.drained.done], [0, 0], "left for a second sync");
      await ledgerIsSound(world, { done: given.length, failed: 0, pending: 0 });
    };
  },
};

const ADOPT: Scenario = {
  name: "adopt",
  line: ["adopt", "export.jsonl", "--source", "website", "--send-missing", "--json"],
  async prepare(world) {
    world.config(SOURCES);
    mkdirSync(world.path("spool"));
    const fromMs = Date.now() - 3_600_000;
    const all = ["there", "half", "lost"].map((id, index) => exported(id, fromMs + index * 60_000));
    deliver(world.simulator, all[0]!);
    deliver(world.simulator, all[1]!, { stopsBefore: "deal" });
    world.write("export.jsonl", all.map((one) => `${JSON.stringify(one)}\n`).join(""));
    await runs(world, [0], "sync");
    return async () => {
      await runs(world, [0, 3], ...ADOPT.line);
      await runs(world, [0], "sync", "--json");
      const { persons, deals, notes } = world.simulator.records;
      for (const { person, deal, notes: texts } of all) {
        const found = [
          persons.filter(({ emails }) => emails.some(({ value }) => value === person.email)),
          deals.filter(({ title }) => title === deal!.title),
          notes.filter(({ content }) => content?.includes(texts![0]!)),
        ];
        assert.deepEqual(
          found.map(({ length }) => length),
          [1, 1, 1],
          `person, deal and note of ${person.email}`,
        );
      }
      await ledgerIsSound(world, { done: all.length, pending: 0, history: 0 } as never);
      assert.deepEqual(await check(world), [], "differences");
      await changesNothing(world, ...ADOPT.line);
    };
  },
};

export const CHECKS: readonly Scenario[] = [RECONCILE, REPAIR, ADOPT];
