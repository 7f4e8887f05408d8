/** A check while a sync is at work: what is being written is no difference. */
import { afterEach, describe, expect, it } from "vitest";
import type { HttpRequest, Transport } from "../../src/domain/wire.ts";
import { drain } from "../../src/runner/drain.ts";
import { checkOn, named } from "../support/check-rig.ts";
import { chainLead } from "../support/damage.ts";
import { type Given, NO_LIMITS } from "../support/drain-rig.ts";
import { type FileRig, fileRig } from "../support/ledger-file.ts";
import { withPlan } from "../support/watched-rig.ts";

let rig: FileRig;
afterEach(() => rig.close());

/** A sync as another process would run it; the caller moves the clock. */
async function syncMeanwhile(): Promise<void> {
  const { clock, ledger } = rig;
  const now = { wallMs: clock.wallMs(), monoMs: clock.monoMs(), bootId: clock.bootId };
  const runId = await ledger.openRun({ kind: "sync", pid: 2, host: "test", lockName: "sync", now });
  const report = await drain(rig.deps(runId), NO_LIMITS, new AbortController().signal);
  await ledger.closeRun(runId, { stopped: report.stopped, exitCode: 0, summary: null, nowMs: clock.wallMs() });
}

/** Another profile and other notes for persons whom the first delivery made. */
const second = (number: number): Given => ({
  ...chainLead(number),
  key: `wf_again_${number}`,
  content: {
    ...chainLead(number).content,
    person: { name: `Renamed ${number}`, email: `lead.${number}@example.com`, phone: `+3725${1_000_000 + number}` },
  },
});

/** Persons that were delivered, and profiles of theirs in the queue. */
async function knownTo(transport: Transport): Promise<void> {
  armed = false;
  rig = await fileRig({
    settings: withPlan({ persons: { onMatch: "overwrite" } }),
    simulator: { limits: null },
    transport: (request) => (armed ? transport(request) : rig.simulator.handle(request)),
  });
  await rig.take([chainLead(1), chainLead(2)]);
  await rig.run();
  await rig.take([1, 2].map((number) => ({ ...second(number), submittedAtMs: rig.clock.wallMs() })));
  armed = true;
}
let armed = false;

/** Something to wait for, and what ends the waiting. */
function signal(): [Promise<void>, () => void] {
  let end = (): void => {};
  const waiting = new Promise<void>((resolve) => {
    end = resolve;
  });
  return [waiting, () => end()];
}

/** The first such request: from then on everything goes its way undisturbed. */
function once({ method, url }: HttpRequest, wanted: string, path: RegExp): boolean {
  if (method !== wanted || !path.test(url)) return false;
  armed = false;
  return true;
}

describe("a check beside a sync", () => {
  it.each([0, 120, 300, 480])("says nothing of what it writes (the check begins %i ms into it)", async (delay) => {
    rig = await fileRig({
      settings: withPlan({ persons: { onMatch: "overwrite" } }),
      simulator: { limits: null, roundTripMs: { leastMs: 3, mostMs: 40 } },
      seed: delay + 1,
    });
    await rig.take(Array.from({ length: 10 }, (_, index) => chainLead(index + 1)));
    await rig.run();
    await rig.clock.advance(3_600_000);
    await rig.take(
      [
        ...Array.from({ length: 10 }, (_, index) => second(index + 1)),
        ...Array.from({ length: 5 }, (_, index) => chainLead(100 + index)),
      ].map((each) => ({ ...each, submittedAtMs: rig.clock.wallMs() })),
    );
    const sync = syncMeanwhile();
    await rig.clock.run(rig.clock.sleep(delay));
    const { rows } = await checkOn(rig);
    await rig.clock.run(sync);
    expect(rows.map((row) => `${named(row)} ${row.message}`)).toEqual([]);
    expect((await checkOn(rig)).rows.map(named)).toEqual([]);
  });

  it("says nothing of what it wrote between a page and its comparison", async () => {
    await knownTo(async (request) => {
      const page = await rig.simulator.handle(request);
      if (once(request, "GET", /persons\?/)) await syncMeanwhile();
      return page;
    });
    const { rows } = await checkOn(rig);
    expect(rig.simulator.records.persons.map(({ name }) => name)).toContain("Renamed 1");
    expect(rows.map(named)).toEqual([]);
  });

  it("says nothing of what a page shows before the sync has heard of it", async () => {
    const [page, shown] = signal();
    const [patched, patch] = signal();
    await knownTo(async (request) => {
      const reply = await rig.simulator.handle(request);
      if (request.method !== "PATCH") return reply;
      patch();
      await page;
      return reply;
    });
    const sync = syncMeanwhile();
    await rig.clock.run(patched);
    // Whichever of them goes first.
    expect(rig.simulator.records.persons.filter(({ name }) => name.startsWith("Renamed"))).not.toEqual([]);
    const { rows } = await checkOn(rig);
    shown();
    await rig.clock.run(sync);
    expect(rows.map(named)).toEqual([]);
    expect((await checkOn(rig)).rows.map(named)).toEqual([]);
  });

  it("says nothing of writes whose answer was lost while they are looked for", async () => {
    rig = await fileRig({ settings: withPlan({ persons: { onMatch: "overwrite" } }), simulator: { limits: null } });
    await rig.take(Array.from({ length: 3 }, (_, index) => chainLead(index + 1)));
    await rig.run();
    rig.simulator.failNext({ kind: "resetAfter", match: { method: "PATCH", path: /persons/ } });
    rig.simulator.failNext({ kind: "resetAfter", match: { method: "POST", path: /deals$/ } });
    rig.simulator.failNext({ kind: "resetAfter", match: { method: "POST", path: /notes$/ } });
    const now = rig.clock.wallMs();
    const given = [second(1), second(2), chainLead(7), chainLead(8)];
    await rig.take(given.map((each) => ({ ...each, submittedAtMs: now })));
    await rig.run({ waitMaxMs: 0 });
    expect((await rig.ledger.queue()).uncertain).toBeGreaterThan(0);
    expect((await checkOn(rig)).rows.map((row) => `${named(row)} ${row.message}`)).toEqual([]);
    await rig.runOut();
    expect((await checkOn(rig)).rows.map(named)).toEqual([]);
  });
});
