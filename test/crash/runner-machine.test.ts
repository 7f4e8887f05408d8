/** What the machine or a bug does to a run ends it with an error; it never hangs, and nothing is sent after it. */
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import type { CrmAdapter, PackedRequest } from "../../src/crm/adapter.ts";
import { pipedriveAdapter } from "../../src/crm/pipedrive/adapter.ts";
import { CrmledgerError } from "../../src/domain/errors.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { lead as cliLead, createCliWorld, WEBSITE } from "../support/cli-world.ts";
import { createRig, lead } from "../support/drain-rig.ts";
import { IMMORTAL, runToTheEnd } from "../support/mortal-run.ts";
import { judge } from "../support/oracle.ts";

const GIVEN = [lead(1), lead(2), lead(3, { organization: { name: "Analytical Engines" } })];

describe("a run", () => {
  it("whose disk is full at any turn ends with that error, and a later run brings everything home", async () => {
    for (let nth = 1; ; nth += 1) {
      const rig = await createRig();
      await rig.take(GIVEN);
      let turns = 0;
      const full = () => Promise.reject(new CrmledgerError("diskFull", "no space left"));
      const ledger: Ledger = Object.assign(Object.create(rig.ledger) as Ledger, {
        turn: (turn: Parameters<Ledger["turn"]>[0]) => {
          turns += 1;
          return turns >= nth ? full() : rig.ledger.turn(turn);
        },
      });
      const run = rig.run({}, { ledger }).then(
        () => null,
        (error: unknown) => (error as CrmledgerError).code,
      );
      const code = await run;
      if (turns < nth) break;
      expect(code, `turn ${nth}`).toBe("diskFull");
      await runToTheEnd(rig, IMMORTAL, new Map());
      expect(judge(rig.simulator, GIVEN), `turn ${nth}`).toEqual({ lost: [], doubled: [] });
    }
  });

  it("whose disk is full when it writes down a hold ends with that error, not as an error that nobody caught", async () => {
    const rig = await createRig();
    await rig.take(GIVEN);
    rig.simulator.failNext({ kind: "paymentRequired", match: { method: "POST" } });
    const ledger: Ledger = Object.assign(Object.create(rig.ledger) as Ledger, {
      openHold: () => Promise.reject(new CrmledgerError("diskFull", "no space left")),
    });
    await expect(rig.run({}, { ledger })).rejects.toMatchObject({ code: "diskFull" });
  });

  const throwsOver = (is: (request: PackedRequest) => boolean): CrmAdapter => ({
    ...pipedriveAdapter,
    classify(request, result, session) {
      if (is(request)) throw new Error("a bug in the adapter");
      return pipedriveAdapter.classify(request, result, session);
    },
  });

  it("ends where an adapter throws over a page, instead of waiting for an answer that nobody gives", async () => {
    const rig = await createRig({ adapter: throwsOver(({ operations }) => operations[0]?.type === "list") });
    await rig.take(GIVEN);
    await expect(rig.run()).rejects.toThrow("a bug in the adapter");
  });

  it("ends where an adapter throws over replies to writes: they are in doubt, as lost ones are", async () => {
    const rig = await createRig({ adapter: throwsOver(({ write }) => write) });
    await rig.take(GIVEN);
    const { drained } = await rig.run();
    expect(drained).toMatchObject({ done: 0, failed: 0 });
    expect(drained.uncertain).toBeGreaterThan(0);
  });
});

describe("a sync that the ledger broke off", () => {
  it("leaves nothing in hand: the very next one looks for what was in flight and finishes", async () => {
    const world = await createCliWorld({ roundTripMs: 10 });
    try {
      world.config(`retry: { settle: [200ms, 400ms], baseDelay: 100ms }\n${WEBSITE}`);
      world.write("spool/a.json", JSON.stringify(Array.from({ length: 6 }, (_, n) => cliLead(String(n)))));
      expect((await world.run("ingest")).code).toBe(0);
      const ledger = new Database(world.path("crmledger.db"));
      ledger.exec(`CREATE TRIGGER trouble BEFORE UPDATE ON steps WHEN NEW.name = 'deal' AND NEW.state = 'done'
        BEGIN SELECT raise(ABORT, 'trouble'); END`);
      const broken = await world.run("sync", "--json");
      expect([broken.code, broken.json.remaining]).toEqual([1, 6]);
      ledger.exec("DROP TRIGGER trouble");
      ledger.close();
      const next = await world.run("sync", "--json");
      expect([next.code, next.json.remaining]).toEqual([0, 0]);
      const { queue } = (await world.run("status", "--json")).json;
      expect(queue).toMatchObject({ done: 6, inProgress: 0, uncertain: 0, failed: 0 });
      expect(world.simulator.records.deals).toHaveLength(6);
      expect(world.simulator.records.persons).toHaveLength(6);
    } finally {
      await world.close();
    }
  });
});
