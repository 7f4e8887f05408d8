/** One answer that carries an absurd date must not hide from us what the CRM has. */
import { describe, expect, it } from "vitest";
import type { PlanSettings } from "../../src/domain/settings.ts";
import type { HttpRequest, HttpResult } from "../../src/domain/wire.ts";
import { createRig, type Given, lead, PLAN, type Rig } from "../support/drain-rig.ts";
import { judge } from "../support/oracle.ts";

const FAR_FUTURE = "Fri, 31 Dec 9999 23:59:59 GMT";

/** A rig at whose CRM the next answer that fits carries the far future. */
async function datedRig(): Promise<{ rig: Rig; spoil: (fits: (request: HttpRequest) => boolean) => void }> {
  let next: ((request: HttpRequest) => boolean) | null = null;
  const rig: Rig = await createRig({
    transport: async (request): Promise<HttpResult> => {
      const result = await rig.simulator.handle(request);
      if (result.type !== "response" || next?.(request) !== true) return result;
      next = null;
      return { ...result, headers: { ...result.headers, date: FAR_FUTURE } };
    },
  });
  return {
    rig,
    spoil: (fits) => {
      next = fits;
    },
  };
}

async function toTheEnd(rig: Rig, given: readonly Given[]): Promise<void> {
  for (let run = 0; run < 5; run += 1) {
    const { remaining } = await rig.run();
    if (remaining === 0) break;
    await rig.clock.advance(120_000);
  }
  expect(judge(rig.simulator, given)).toEqual({ lost: [], doubled: [] });
}

describe("an answer from the far future", () => {
  it("does not hide a write whose answer was lost", async () => {
    const { rig, spoil } = await datedRig();
    const given = [lead(1), lead(2)];
    await rig.take(given);
    rig.simulator.failNext({ kind: "resetAfter", match: { method: "POST", path: /\/persons$/ } });
    rig.simulator.failNext({ kind: "resetAfter", match: { method: "POST", path: /\/deals$/ } });
    await rig.run({ waitMaxMs: 0 });
    expect((await rig.ledger.queue()).uncertain).toBe(2);
    // Later than the last settle time: one look decides. Persons are looked for before deals.
    await rig.clock.advance(600_000);
    spoil(({ method, url }) => method === "GET" && /persons\?/.test(url));
    await toTheEnd(rig, given);
  });

  it("does not end the mirror's view of the CRM", async () => {
    const { rig, spoil } = await datedRig();
    rig.simulator.seedPersons(40, (n) => ({ name: `Known ${n}`, email: `known.${n}@example.com` }));
    spoil(({ method, url }) => method === "GET" && /persons/.test(url));
    const first = lead(1);
    await rig.take([first]);
    await rig.run();
    await rig.clock.advance(3_600_000);
    rig.simulator.addPerson({ name: "Ada", emails: [{ value: "ada@example.com", primary: true }] });
    const second = lead(2, { person: { name: "Ada", email: "ada@example.com" } });
    await rig.take([second]);
    await rig.run();
    expect(rig.simulator.records.persons.filter(({ name }) => name === "Ada")).toHaveLength(1);
  });
});

describe("a machine whose clock is half a day ahead of the CRM's", () => {
  const simulator = { clockSkewMs: -12 * 3_600_000 };

  it("finds a note without a reference again, though nothing told the CRM's time before the look", async () => {
    const plan: PlanSettings = { ...PLAN, notes: { reference: false, format: "text" } };
    const rig = await createRig({ simulator, settings: { plans: { default: plan } } });
    await rig.take([lead(1)]);
    rig.simulator.failNext({ kind: "resetAfter", match: { method: "POST", path: /\/notes$/ } });
    await rig.run({ waitMaxMs: 0 });
    expect((await rig.ledger.queue()).uncertain).toBe(1);
    await rig.clock.advance(600_000);
    expect(await rig.run()).toMatchObject({ drained: { done: 1 }, remaining: 0 });
    expect(rig.simulator.records.notes).toHaveLength(1);
  });

  it("does not take an old ledger for one in use", async () => {
    const settings = { plans: { default: PLAN, website: PLAN } };
    const copy = await createRig({ simulator, settings });
    await copy.take([lead(1)]);
    await copy.run();
    const other = await createRig({ clock: copy.clock, transport: copy.simulator.handle, settings });
    // Its persons were known before: only the deals tell.
    copy.simulator.addPerson({ name: "Lead 2", emails: [{ value: "lead.2@example.com", primary: true }] });
    await copy.clock.advance(2 * 3_600_000);
    await other.take([lead(2)]);
    await other.ledger.closeHolds({ kind: "staleLedger" }, other.clock.wallMs());
    await other.run();
    await other.ledger.closeHolds({ kind: "staleLedger" }, other.clock.wallMs());
    expect(await other.run()).toMatchObject({ drained: { done: 1 } });
    await copy.clock.advance(2 * 3_600_000);
    await copy.take([lead(3)]);
    expect(await copy.run()).toMatchObject({ stopped: "hold", hold: { kind: "staleLedger" } });
  });
});
