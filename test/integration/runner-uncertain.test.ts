/** Writes whose answer was lost: looked for, adopted, and sent again only after the last miss. */
import { describe, expect, it } from "vitest";
import type { FaultKind, FaultMatch } from "../../src/simulator/fault-plan.ts";
import { lead } from "../support/drain-rig.ts";
import { judge } from "../support/oracle.ts";
import { type WatchedRig, watchedRig, withPlan } from "../support/watched-rig.ts";

const WRITES: Record<string, Required<FaultMatch>> = {
  organization: { method: "POST", path: /\/organizations$/ },
  person: { method: "POST", path: /\/persons$/ },
  deal: { method: "POST", path: /\/deals$/ },
  note: { method: "POST", path: /\/notes$/ },
  update: { method: "PATCH", path: /\/persons\/\d+$/ },
};
/** Done at the CRM, and we are not told. */
const DONE: FaultKind[] = [
  "resetAfter",
  "error500After",
  "garbage2xx",
  "html2xx",
  "truncated",
  "hangAfter",
  "hugeBody",
];
/** Not done, and we are not told. */
const NOT_DONE: FaultKind[] = ["resetBefore", "error500Before", "error503", "hang"];

const known = { name: "Lead 1", emails: [{ value: "lead.1@example.com", primary: true, label: "work" }] };
const PHONE = "+37255512345";

async function rigFor(write: string): Promise<WatchedRig> {
  const rig = await watchedRig();
  if (write === "update") rig.simulator.addPerson(known);
  await rig.take([
    lead(1, {
      organization: { name: "Engines" },
      person: { name: "Lead 1", email: "lead.1@example.com", phone: PHONE },
    }),
  ]);
  return rig;
}

const sent = (rig: WatchedRig, write: string) =>
  rig.calls.filter((call) => call.method === WRITES[write]?.method && WRITES[write].path.test(call.path));

function expectWhole(rig: WatchedRig): void {
  const { organizations, persons, deals, notes } = rig.simulator.records;
  expect([organizations.length, persons.length, deals.length, notes.length]).toEqual([1, 1, 1, 1]);
  expect(persons[0]).toMatchObject({ org_id: organizations[0]?.id, phones: [{ value: PHONE }] });
  expect(deals[0]).toMatchObject({ person_id: persons[0]?.id, org_id: organizations[0]?.id });
  expect(notes[0]).toMatchObject({ deal_id: deals[0]?.id, person_id: persons[0]?.id });
}

describe.each(Object.keys(WRITES))("a lost answer to a write: %s", (write) => {
  it.each(DONE)("done, %s: found at the first look, never sent twice", async (kind) => {
    const rig = await rigFor(write);
    rig.simulator.failNext({ kind, match: WRITES[write] });
    const first = await rig.run();
    expect(first).toMatchObject({ drained: { uncertain: 1, failed: 0 }, remaining: 1, stopped: "drained" });
    await rig.clock.advance(61_000);
    const second = await rig.run();
    expect(second).toMatchObject({ drained: { done: 1, failed: 0 }, remaining: 0 });
    expect(sent(rig, write)).toHaveLength(1);
    expectWhole(rig);
    const { submission, steps } = await rig.story("wf_1");
    expect(submission.attempts).toBe(0);
    const step = steps.find((each) => each.name.startsWith(write === "update" ? "person" : write));
    expect(step).toMatchObject({ state: "done", action: write === "update" ? "update" : "adopt" });
  });

  it.each(NOT_DONE)("not done, %s: sent again once, after both looks missed it", async (kind) => {
    const rig = await rigFor(write);
    rig.simulator.failNext({ kind, match: WRITES[write] });
    await rig.run();
    await rig.clock.advance(61_000);
    expect(await rig.run()).toMatchObject({ drained: { uncertain: 1 } });
    expect(sent(rig, write)).toHaveLength(1);
    await rig.clock.advance(241_000);
    expect(await rig.run()).toMatchObject({ drained: { done: 1, failed: 0 }, remaining: 0 });
    const [before, after] = sent(rig, write);
    expect(sent(rig, write)).toHaveLength(2);
    expect((after?.atMs ?? 0) - (before?.atMs ?? 0)).toBeGreaterThanOrEqual(300_000);
    expectWhole(rig);
  });

  it("applied late, within the settle times: adopted at the second look", async () => {
    const rig = await rigFor(write);
    rig.simulator.failNext({ kind: "lateApply", match: WRITES[write], ms: 200_000 });
    await rig.run();
    await rig.clock.advance(61_000);
    await rig.run();
    await rig.clock.advance(241_000);
    expect(await rig.run()).toMatchObject({ drained: { done: 1 }, remaining: 0 });
    expect(sent(rig, write)).toHaveLength(1);
    expectWhole(rig);
  });

  it("after a pause longer than the last age one look suffices", async () => {
    const rig = await rigFor(write);
    rig.simulator.failNext({ kind: "resetBefore", match: WRITES[write] });
    await rig.run();
    await rig.clock.advance(3_600_000);
    expect(await rig.run()).toMatchObject({ drained: { done: 1 }, remaining: 0 });
    expect(sent(rig, write)).toHaveLength(2);
    expectWhole(rig);
  });

  it("lost every time: failed after its tries, with its history", async () => {
    const rig = await rigFor(write);
    rig.simulator.failNext({ kind: "resetBefore", match: WRITES[write], times: 100 });
    await rig.runOut(301_000, 20);
    expect(sent(rig, write)).toHaveLength(rig.settings.retry.maxAttempts);
    const [failed] = await rig.ledger.failed({});
    expect(failed?.error.code).toBe("UNCERTAIN_EXHAUSTED");
    const { steps } = await rig.story("wf_1");
    expect(steps.flatMap((step) => step.history).filter((each) => each.outcome === "uncertain")).toHaveLength(5);
  });
});

describe("an uncertain update that would only add a link", () => {
  it("is sent again where the link is not there", async () => {
    const rig = await watchedRig();
    rig.simulator.addPerson(known);
    await rig.take([lead(1, { organization: { name: "Engines" } })]);
    rig.simulator.failNext({ kind: "error500Before", match: WRITES.update });
    await rig.runOut(301_000);
    const { persons, organizations } = rig.simulator.records;
    expect(persons[0]?.org_id).toBe(organizations[0]?.id);
    expect(rig.simulator.records.deals).toHaveLength(1);
  });
});

describe.each(["lateApply", "resetAfter", "resetBefore"] as const)("an uncertain update of a person: %s", (kind) => {
  it.each([
    ["of another lane", "lead.1@example.com", "background"],
    ["by another address", "home.1@example.com", "operational"],
  ] as const)("takes nothing away that others %s add meanwhile", async (_, email, lane) => {
    const rig = await watchedRig();
    const home = { value: "home.1@example.com", primary: false, label: "home" };
    rig.simulator.addPerson({ ...known, emails: [...known.emails, home] });
    await rig.take([{ ...lead(1, { person: { email: "lead.1@example.com", phone: PHONE } }), lane }]);
    rig.simulator.failNext({ kind, match: WRITES.update, ms: 50_000 });
    await rig.run();
    await rig.take([lead(2, { person: { email, phone: "+37255567890" } })]);
    await rig.runOut(61_000);
    const [person, ...more] = rig.simulator.records.persons;
    expect(more).toEqual([]);
    expect(person?.phones.map(({ value }) => value).sort()).toEqual([PHONE, "+37255567890"]);
  });
});

describe("an uncertain update of an organization", () => {
  it.each(["resetAfter", "resetBefore"] as const)("%s: settled by reading it", async (kind) => {
    const rig = await watchedRig();
    const vat = rig.simulator.addField("organization", "VAT no.").field_code;
    rig.simulator.addOrganization({ name: "Engines" });
    await rig.take([lead(1, { organization: { name: "Engines", fields: { "VAT no.": "EE1" } } })]);
    rig.simulator.failNext({ kind, match: { method: "PATCH", path: /organizations/ } });
    await rig.runOut(301_000);
    expect(rig.writes(/organizations/)).toHaveLength(kind === "resetAfter" ? 1 : 2);
    expect(rig.simulator.records.organizations).toMatchObject([{ custom_fields: { [vat]: "EE1" } }]);
    expect(rig.simulator.records.deals).toHaveLength(1);
  });
});

describe("others of the same person", () => {
  it("wait while its create is in doubt, and then use the adopted one", async () => {
    const rig = await rigFor("person");
    rig.simulator.failNext({ kind: "resetAfter", match: WRITES.person });
    await rig.run();
    await rig.take([lead(2, { person: { name: "Lead 1", email: "LEAD.1@example.com" } })]);
    expect(await rig.run()).toMatchObject({ drained: { done: 0 } });
    await rig.clock.advance(61_000);
    expect(await rig.run()).toMatchObject({ remaining: 0 });
    expect(rig.simulator.records.persons).toHaveLength(1);
    expect(rig.simulator.records.deals).toHaveLength(2);
  });

  it.each(["resetAfter", "resetBefore"] as const)(
    "wait for what it was made together with as well (%s)",
    async (kind) => {
      const rig = await watchedRig();
      const email = "ada@example.com";
      await rig.take([
        lead(1, { person: { phone: PHONE } }),
        lead(2, { person: { email, phone: PHONE } }),
        { ...lead(3, { person: { email } }), lane: "background" },
      ]);
      rig.simulator.failNext({ kind, match: WRITES.person });
      await rig.runOut(61_000);
      expect(rig.simulator.records.persons).toHaveLength(1);
      expect(rig.simulator.records.deals).toHaveLength(3);
    },
  );

  it("an organization in doubt is made once, whoever else names it meanwhile", async () => {
    const rig = await watchedRig();
    rig.simulator.failNext({ kind: "resetAfter", match: WRITES.organization });
    await rig.take(Array.from({ length: 10 }, (_, n) => lead(n, { organization: { name: "Engines" } })));
    await rig.runOut(61_000);
    expect(rig.simulator.records.organizations).toHaveLength(1);
    expect(rig.simulator.records.deals).toHaveLength(10);
  });

  it("a deal of a key in doubt is made once", async () => {
    const rig = await watchedRig({ settings: withPlan({ deals: { match: "key" } }) });
    rig.simulator.failNext({ kind: "resetAfter", match: WRITES.deal });
    await rig.take(Array.from({ length: 5 }, (_, n) => lead(n, { deal: { title: "Quote", key: "q-1" } })));
    await rig.runOut(61_000);
    expect(rig.simulator.records.deals).toHaveLength(1);
    expect(rig.simulator.records.notes).toHaveLength(5);
  });
});

describe("what people did while a deal was in doubt", () => {
  it.each(["delete", "archive"] as const)("%s: it is not made again", async (act) => {
    const rig = await watchedRig();
    await rig.take([lead(1)]);
    rig.simulator.failNext({ kind: "resetAfter", match: WRITES.deal });
    await rig.run();
    const id = rig.simulator.records.deals[0]?.id ?? 0;
    if (act === "delete") rig.simulator.deleteDeal(id);
    else rig.simulator.archiveDeal(id);
    for (let runs = 0; runs < 5; runs += 1) {
      await rig.clock.advance(301_000);
      await rig.run();
    }
    expect(sent(rig, "deal")).toHaveLength(1);
    expect((await rig.story("wf_1")).steps.find((step) => step.name === "deal")).toMatchObject({
      action: "adopt",
      crmId: String(id),
    });
  });

  it("an edit of the note that is in doubt does not bring it back a second time", async () => {
    const rig = await watchedRig();
    await rig.take([lead(1, { notes: ["One", "Two"] })]);
    rig.simulator.failNext({ kind: "resetAfter", match: WRITES.note, times: 1 });
    await rig.runOut(61_000);
    expect(judge(rig.simulator, [lead(1, { notes: ["One", "Two"] })])).toEqual({ lost: [], doubled: [] });
  });
});

describe("the look", () => {
  it("is one list page for all uncertain creates of a kind", async () => {
    const rig = await watchedRig({ settings: { breaker: { failureRate: 1.1, window: 20, cooldownMs: 30_000 } } });
    const given = Array.from({ length: 12 }, (_, n) => lead(n));
    await rig.take(given);
    rig.simulator.failNext({ kind: "resetAfter", match: WRITES.deal, times: 12 });
    expect((await rig.run()).drained.uncertain).toBe(12);
    await rig.clock.advance(90_000);
    const before = rig.calls.length;
    expect((await rig.run()).drained.done).toBe(12);
    const looks = rig.calls.slice(before).filter((call) => call.method === "GET" && call.path.endsWith("/deals"));
    expect(looks.length).toBeLessThanOrEqual(2);
    expect(judge(rig.simulator, given)).toEqual({ lost: [], doubled: [] });
  });

  it.each(["deal", "note"])("finds a %s that was sent while our own clock was wrong by hours", async (write) => {
    const aheadMs = 2 * 3_600_000;
    const rig = await watchedRig({ simulator: { clockSkewMs: -aheadMs } });
    await rig.take([lead(1)]);
    rig.simulator.failNext({ kind: "resetAfter", match: WRITES[write] });
    await rig.run();
    rig.clock.jumpWall(-aheadMs);
    await rig.runOut(301_000);
    expect(sent(rig, write)).toHaveLength(1);
    expect(judge(rig.simulator, [lead(1)])).toEqual({ lost: [], doubled: [] });
  });

  it.each(["deal", "note"])(
    "finds a %s that was sent before a reboot that put our clock right by hours",
    async (write) => {
      const aheadMs = 2 * 3_600_000;
      const rig = await watchedRig({ simulator: { clockSkewMs: -aheadMs } });
      await rig.take([lead(1)]);
      rig.simulator.failNext({ kind: "resetAfter", match: WRITES[write] });
      await rig.run();
      // No monotonic clock tells any more when it was sent.
      rig.clock.jumpWall(-aheadMs);
      rig.clock.reboot();
      await rig.runOut(301_000);
      expect(sent(rig, write)).toHaveLength(1);
      expect(judge(rig.simulator, [lead(1)])).toEqual({ lost: [], doubled: [] });
    },
  );

  it("that fails proves nothing: the write is not sent again for it, and no submission fails", async () => {
    const rig = await watchedRig();
    await rig.take([lead(1)]);
    rig.simulator.failNext({ kind: "resetAfter", match: WRITES.deal });
    await rig.run();
    rig.simulator.failNext({ kind: "error503", match: { method: "GET", path: /\/deals$/ }, times: 6 });
    for (let runs = 0; runs < 8; runs += 1) {
      await rig.clock.advance(301_000);
      await rig.run();
    }
    expect(sent(rig, "deal")).toHaveLength(1);
    expect(await rig.ledger.failed({})).toEqual([]);
    expect((await rig.story("wf_1")).submission.state).toBe("done");
  });
});

describe("a look that the CRM refuses", () => {
  it.each([400, 403, 404])("proves nothing either (%i)", async (status) => {
    let refusals = 0;
    const rig = await watchedRig({
      transport: (request) => {
        const isLook = request.method === "GET" && /\/deals\?/.test(request.url);
        if (!isLook || refusals >= 4) return rig.simulator.handle(request);
        refusals += 1;
        const body = JSON.stringify({ success: false, error: "not now", code: "ERR_NOT_NOW" });
        return Promise.resolve({ type: "response", status, headers: {}, body });
      },
    });
    await rig.take([lead(1)]);
    rig.simulator.failNext({ kind: "resetAfter", match: WRITES.deal });
    await rig.runOut(301_000);
    expect(refusals).toBe(4);
    expect(sent(rig, "deal")).toHaveLength(1);
    expect((await rig.story("wf_1")).submission.state).toBe("done");
  });
});

describe("a 429 to a write", () => {
  it.each(["organization", "person", "deal", "note", "update"])(
    "is no doubt: %s goes again, without a look",
    async (write) => {
      const rig = await rigFor(write);
      rig.simulator.failNext({ kind: "rateLimit429", match: WRITES[write] });
      const report = await rig.run();
      expect(report).toMatchObject({ drained: { done: 1, uncertain: 0 }, remaining: 0 });
      expect(sent(rig, write)).toHaveLength(2);
      expectWhole(rig);
    },
  );
});

describe("a note without a reference line", () => {
  it("is not taken for another submission's that looks just like it", async () => {
    const rig = await watchedRig({ settings: withPlan({ notes: { reference: false, format: "text" } }) });
    const person = { name: "A", email: "a@example.com" };
    await rig.take(["k1", "k2"].map((key) => ({ key, content: { person, notes: ["Please call me"] } })));
    let armed = false;
    const failpoint = (name: string) => {
      if (name !== "turn.before" || armed || rig.simulator.records.notes.length !== 1) return;
      armed = true;
      rig.simulator.failNext({ kind: "resetBefore", match: WRITES.note });
    };
    await rig.run({}, { failpoint });
    expect(armed).toBe(true);
    await rig.clock.advance(301_000);
    await rig.run();
    expect(rig.simulator.records.notes).toHaveLength(2);
  });

  it("is found on its deal although people merged its person meanwhile", async () => {
    const rig = await watchedRig({ settings: withPlan({ notes: { reference: false, format: "text" } }) });
    await rig.take([lead(1)]);
    rig.simulator.failNext({ kind: "resetAfter", match: WRITES.note });
    await rig.run();
    const [person] = rig.simulator.records.persons;
    rig.simulator.mergePersons(person!.id, rig.simulator.addPerson({ name: "Survivor" }).id);
    await rig.runOut();
    expect(rig.simulator.records.notes).toHaveLength(1);
  });

  it.each([false, true])("is found although the clock was set back by hours (with a reboot: %s)", async (reboots) => {
    const rig = await watchedRig({ settings: withPlan({ notes: { reference: false, format: "text" } }) });
    await rig.take([lead(1)]);
    rig.simulator.failNext({ kind: "resetAfter", match: WRITES.note });
    await rig.run();
    // The look for this one comes first, and its reply tells how far our clock is off.
    await rig.take([lead(2)]);
    rig.simulator.failNext({ kind: "resetAfter", match: WRITES.person });
    await rig.run();
    if (reboots) rig.clock.reboot();
    rig.clock.jumpWall(-5 * 3_600_000);
    await rig.runOut(1_800_000);
    expect(rig.simulator.records.notes).toHaveLength(2);
  });
});
