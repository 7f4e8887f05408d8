/** Commands by which somebody mends what went wrong, and what must come right when they die. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { damaged } from "./failpoint-checks.ts";
import { changesNothing, eachOnce, LEDGER, ledgerIsSound, rowsOf, runs } from "./failpoint-proofs.ts";
import type { Scenario } from "./failpoint-walk.ts";
import type { MortalWorld } from "./mortal-world.ts";
import { judge } from "./oracle.ts";

const RETRY: Scenario = {
  name: "retry-failed --drain",
  line: ["retry-failed", "--all", "--drain", "--json"],
  async prepare(world) {
    const { given } = await damaged(world, ["half done and failed", "deal archived"]);
    return async () => {
      await runs(world, [0], ...RETRY.line);
      await runs(world, [0], "sync", "--json");
      // Its note vanished, and is there again.
      const { lost, doubled } = judge(world.simulator, given.slice(0, 2));
      assert.deepEqual({ lost, doubled }, { lost: [], doubled: ["website/wf_1 note.1 x2"] }, "at the CRM");
      await ledgerIsSound(world, { done: 2, failed: 0, pending: 0 });
      await changesNothing(world, ...RETRY.line);
    };
  },
};

const REJECTS: Scenario = {
  name: "rejects --retry",
  line: ["rejects", "--retry", "--json"],
  async prepare(world) {
    const config = (map: string): void =>
      world.config(
        `sources:\n  website: { spool: ./spool, lane: operational, map: { ${map}, deal.title: title, id: id } }\n`,
      );
    config("person.email: nowhere");
    const given = ["1", "2"].map((key) => ({
      key,
      content: { person: { email: `lead-${key}@example.com` }, deal: { title: `Deal ${key}` } },
    }));
    const records = given.map(({ key, content }) => ({
      id: key,
      mail: content.person.email,
      title: content.deal.title,
    }));
    world.write("spool/a.json", JSON.stringify(records));
    await runs(world, [3], "ingest", "--json");
    config("person.email: mail");
    return async () => {
      await runs(world, [0], ...REJECTS.line);
      await ledgerIsSound(world, { pending: 2, rejected: 0, conflict: 0 });
      await changesNothing(world, ...REJECTS.line);
      await runs(world, [0], "sync", "--json");
      eachOnce(world, given as Parameters<typeof eachOnce>[1]);
      await ledgerIsSound(world, { pending: 0, done: 2, rejected: 0 });
    };
  },
};

const DOCTOR: Scenario = {
  name: "doctor --fix",
  line: ["doctor", "--fix", "--json"],
  bare: true,
  async prepare(world) {
    world.config("sources:\n  website: { spool: ./spool, lane: operational }\n");
    mkdirSync(world.path("spool"));
    return async () => {
      await world.run(...DOCTOR.line);
      for (const entity of ["person", "organization", "deal"] as const) {
        const fields = world.simulator.fields(entity).filter(({ field_name }) => field_name === "crmledger");
        assert.equal(fields.length, 1, `stamp fields of ${entity}`);
      }
      await runs(world, [0], "sync", "--json");
      await ledgerIsSound(world, { done: 0 });
    };
  },
};

const CAUSE = "BAD_VALUE:deal.source:webinar";
const OF_CAUSE = ["retry-failed", "--cause", CAUSE, "--drain", "--json"] as const;

/** Three that failed for one missing option. */
async function missingOption(world: MortalWorld) {
  world.config("sources:\n  website: { spool: ./spool, lane: operational, onBadValue: reject }\n");
  const { field_code } = world.simulator.addField("deal", "Source", "enum", ["Trade fair"]);
  const given = ["1", "2", "3"].map((key) => {
    const deal = { title: `Deal ${key}`, fields: { Source: "Webinar" } };
    return { key, content: { person: { email: `lead-${key}@example.com` }, deal } };
  });
  world.write("spool/a.json", JSON.stringify(given.map(({ key, content }) => ({ id: key, ...content }))));
  await runs(world, [3], "sync", "--json");
  return { given, field: field_code };
}

function nothingWaits(world: MortalWorld): void {
  const waiting = rowsOf(world, LEDGER, {
    samples: "SELECT id FROM retry_samples",
    rest: "SELECT id FROM submissions WHERE sample_of IS NOT NULL",
  });
  assert.deepEqual(waiting, { samples: [], rest: [] }, "waits for a sample");
}

const SAMPLE: Scenario = {
  name: "retry-failed --cause, mended",
  line: OF_CAUSE,
  async prepare(world) {
    const { given, field } = await missingOption(world);
    world.simulator.addOption("deal", field, "Webinar");
    return async () => {
      await runs(world, [0], "sync", "--json");
      await runs(world, [0], ...OF_CAUSE);
      eachOnce(world, given as Parameters<typeof eachOnce>[1]);
      await ledgerIsSound(world, { pending: 0, done: 3, failed: 0 });
      nothingWaits(world);
      await changesNothing(world, ...OF_CAUSE);
    };
  },
};

const SAMPLE_FAILS: Scenario = {
  name: "retry-failed --cause, not mended",
  line: OF_CAUSE,
  async prepare(world) {
    await missingOption(world);
    return async () => {
      await runs(world, [0, 3], "sync", "--json");
      await ledgerIsSound(world, { pending: 0, done: 0, failed: 3 });
      assert.equal(world.simulator.log.length, 0, "nothing was written");
      nothingWaits(world);
    };
  },
};

export const MENDING: readonly Scenario[] = [RETRY, REJECTS, DOCTOR, SAMPLE, SAMPLE_FAILS];
