/** Each lease and each look is needed: without it, and only without it, something is there twice or overwritten. */
import { describe, expect, it } from "vitest";
import type { SubmissionId } from "../../src/domain/ids.ts";
import type { HttpResult } from "../../src/domain/wire.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { createRig, type Given, lead, PLAN, SETTINGS } from "../support/drain-rig.ts";
import { IMMORTAL, runToTheEnd } from "../support/mortal-run.ts";
import { judge } from "../support/oracle.ts";
import { altered, emptyLedger, NOTHING, runBoth, UNPACED } from "../support/safety-rig.ts";
import { watchedRig } from "../support/watched-rig.ts";

describe("the leases of identity keys", () => {
  const ada = { name: "Ada", email: "ada@example.com" };
  const given: Given[] = [lead(1, { person: ada }), lead(2, { person: ada })];

  it("keep two submissions of one person from making the person twice", async () => {
    const together = async (keyless: boolean) => {
      const ledger = await emptyLedger();
      const ingest: Ledger["ingest"] = (batch, now) =>
        ledger.ingest({ ...batch, submissions: batch.submissions.map((one) => ({ ...one, identityKeys: [] })) }, now);
      // Neither those that the claim takes, nor those that are taken before the look-up.
      const without: Partial<Ledger> = { ingest, leaseKeys: () => Promise.resolve(null) };
      const rig = await createRig({ settings: UNPACED, ledger: altered(ledger, keyless ? without : {}) });
      await runBoth(rig, given);
      await runToTheEnd(rig, IMMORTAL, new Map());
      return judge(rig.simulator, given);
    };
    expect(await together(false)).toEqual(NOTHING);
    expect((await together(true)).doubled).toEqual(["person ada@example.com x2"]);
  });

  it("keep two people's submissions from making one organization twice", async () => {
    const together = async (leaseless: boolean) => {
      const ledger = await emptyLedger();
      const rig = await createRig({
        settings: UNPACED,
        ledger: altered(ledger, leaseless ? { leaseKeys: () => Promise.resolve(null) } : {}),
      });
      const organization = { name: "Analytical Engines" };
      await runBoth(rig, [lead(1, { organization }), lead(2, { organization })]);
      await runToTheEnd(rig, IMMORTAL, new Map());
      return rig.simulator.records.organizations.length;
    };
    expect(await together(false)).toBe(1);
    expect(await together(true)).toBe(2);
  });

  it("last until the id is committed, however long the disk takes for it", async () => {
    const ledger = await emptyLedger();
    const slow: Ledger["turn"] = (turn) =>
      rig.clock.hold(
        (async () => {
          for (let waited = 0; waited < 40; waited += 1) await new Promise((resolve) => setImmediate(resolve));
          return await ledger.turn(turn);
        })(),
      );
    // What another process would find that leases the key the moment it is free.
    const found: (string | null | undefined)[] = [];
    const releaseKeys: Ledger["releaseKeys"] = async (claim, keys) => {
      const story = await ledger.story(1 as SubmissionId);
      found.push(story?.steps.find(({ name }) => name === "organization")?.crmId);
      await ledger.releaseKeys(claim, keys);
    };
    const rig = await createRig({ settings: UNPACED, ledger: altered(ledger, { turn: slow, releaseKeys }) });
    await rig.take([lead(1, { organization: { name: "Analytical Engines" } })]);
    await runToTheEnd(rig, IMMORTAL, new Map());
    const [organization] = rig.simulator.records.organizations;
    expect(found).toEqual([String(organization?.id)]);
  });

  it("keep two people's submissions from making one deal of a key twice", async () => {
    const settings = { ...UNPACED, plans: { default: { ...PLAN, deals: { match: "key" as const } } } };
    const together = async (leaseless: boolean) => {
      const ledger = await emptyLedger();
      const rig = await createRig({
        settings,
        ledger: altered(ledger, leaseless ? { leaseKeys: () => Promise.resolve(null) } : {}),
      });
      const deal = { title: "Difference Engine", key: "q-77" };
      await runBoth(rig, [lead(1, { deal }), lead(2, { deal })]);
      await runToTheEnd(rig, IMMORTAL, new Map());
      return rig.simulator.records.deals.filter(({ title }) => title === deal.title).length;
    };
    expect(await together(false)).toBe(1);
    expect(await together(true)).toBe(2);
  });

  it("keep two addresses of one person of the CRM from being written side by side", async () => {
    const addresses = ["ada@example.com", "countess@example.com"];
    const phones = ["+37255500001", "+37255500002"];
    const together = async (leaseless: boolean) => {
      const ledger = await emptyLedger();
      const rig = await createRig({
        settings: UNPACED,
        ledger: altered(ledger, leaseless ? { leaseKeys: () => Promise.resolve(null) } : {}),
      });
      const { id } = rig.simulator.addPerson({ name: "Ada", emails: addresses.map((value) => ({ value })) });
      await runBoth(
        rig,
        addresses.map((email, n) => lead(n + 1, { person: { name: "Ada", email, phone: phones[n] } })),
      );
      await runToTheEnd(rig, IMMORTAL, new Map());
      return rig.simulator.records.persons.find((person) => person.id === id)?.phones.map(({ value }) => value);
    };
    // A list of numbers is replaced as a whole: what the other one wrote meanwhile would be gone.
    expect((await together(false))?.sort()).toEqual(phones);
    expect(await together(true)).toHaveLength(1);
  });

  it("stay while its create is in doubt, so that a form of the same person does not make it again", async () => {
    const next = async (keyless: boolean) => {
      const ledger = await emptyLedger();
      const free: Ledger["turn"] = (turn) =>
        ledger.turn({ ...turn, submissions: turn.submissions.map((one) => ({ ...one, keepKeys: false })) });
      const rig = await createRig({ ledger: altered(ledger, keyless ? { turn: free } : {}) });
      await rig.take([given[0]!]);
      rig.simulator.failNext({ kind: "lateApply", match: { method: "POST", path: /\/persons$/ }, ms: 40_000 });
      await rig.run();
      // In the other lane: in its own it would wait for its turn anyway.
      await rig.take([{ ...given[1]!, lane: "background" }]);
      await rig.run();
      await rig.clock.advance(60_000);
      await runToTheEnd(rig, IMMORTAL, new Map());
      return judge(rig.simulator, given);
    };
    expect(await next(false)).toEqual(NOTHING);
    expect((await next(true)).doubled).toEqual(["person ada@example.com x2"]);
  });
});

describe("the record as it is now", () => {
  it("keeps what people wrote into an organization after the look-up", async () => {
    const rig = await watchedRig();
    const vat = rig.simulator.addField("organization", "VAT no.").field_code;
    const { id } = rig.simulator.addOrganization({ name: "Engines" });
    await rig.take([lead(1, { organization: { name: "Engines", fields: { "VAT no.": "EE1" } } })]);
    let looks = 0;
    rig.onReply = ({ method, path }) => {
      if (method !== "GET" || path !== `/api/v2/organizations/${id}`) return;
      looks += 1;
      // Behind the look-up, which reads what it found, and before the read that the update is planned from.
      if (looks === 1) rig.simulator.editOrganization(id, { custom_fields: { [vat]: "theirs" } });
    };
    await rig.run();
    expect(rig.simulator.records.organizations[0]?.custom_fields[vat]).toBe("theirs");
  });

  it("keeps what people wrote into a deal after the look-up", async () => {
    const rig = await watchedRig(withDeals("openDealOfPerson"));
    const { id: person } = rig.simulator.addPerson({ name: "Ada", emails: [{ value: "ada@example.com" }] });
    const { id } = rig.simulator.addDeal({ title: "Quote", person_id: person });
    await rig.take([
      lead(1, { person: { email: "ada@example.com" }, deal: { title: "Quote", value: 5, currency: "EUR" } }),
    ]);
    let looks = 0;
    rig.onReply = ({ method, path }) => {
      if (method !== "GET" || !path.startsWith("/api/v2/deals")) return;
      looks += 1;
      if (looks === 1) rig.simulator.editDeal(id, { value: 777 });
    };
    await rig.run();
    expect(rig.simulator.records.deals.find((deal) => deal.id === id)?.value).toBe(777);
  });
});

const withDeals = (match: "openDealOfPerson") => ({ settings: { plans: { default: { ...PLAN, deals: { match } } } } });

/** Nothing but our own count keeps us within the limit then. */
function withoutCounts(result: HttpResult): HttpResult {
  if (result.type !== "response") return result;
  const kept = Object.entries(result.headers).filter(([name]) => !name.startsWith("x-ratelimit"));
  return { ...result, headers: Object.fromEntries(kept) };
}

describe("a slot that comes back after the response", () => {
  it("keeps a slow network from making a 429", async () => {
    const slow = async (early: boolean) => {
      const ledger = await emptyLedger();
      // As if a slot could be taken again one window after it was sent.
      const soon: Ledger["turn"] = (turn) =>
        ledger.turn({
          ...turn,
          finished: turn.finished.map((one) => ({ ...one, endedMonoMs: one.endedMonoMs - one.latencyMs })),
        });
      const rig = await createRig({
        ledger: altered(ledger, early ? { turn: soon } : {}),
        settings: { limits: { ...SETTINGS.limits, share: 1 } },
        simulator: { roundTripMs: { leastMs: 20, mostMs: 1_500 } },
        transport: async (request) => withoutCounts(await rig.simulator.handle(request)),
      });
      await rig.take(Array.from({ length: 60 }, (_, n) => lead(n)));
      await rig.run();
      return rig.simulator.requests.limited.burst;
    };
    expect(await slow(false)).toBe(0);
    expect(await slow(true)).toBeGreaterThan(0);
  });
});
