/** What an update really sent is in the ledger, for whoever compares the CRM's record with it later. */
import { expect, it } from "vitest";
import { lead, PLAN } from "../support/drain-rig.ts";
import { watchedRig, withPlan } from "../support/watched-rig.ts";

const PHONE = "+37255512345";

it("of a shared person update every submission has all of it, and of a match nothing", async () => {
  const rig = await watchedRig();
  const known = rig.simulator.addPerson({ name: "Ada", emails: [{ value: "ada@example.com" }] });
  const person = { name: "Ada Lovelace", email: "ada@example.com" };
  await rig.take([
    lead(1, { person, organization: { name: "Engines" } }),
    lead(2, { person: { ...person, phone: PHONE } }),
  ]);
  await rig.run();
  await rig.take([lead(3, { person })]);
  await rig.run();
  const writes = (await rig.ledger.ownWrites("person", [String(known.id)])).get(String(known.id)) ?? [];
  const organizationId = String(rig.simulator.records.organizations[0]!.id);
  const sent = { values: { phones: [PHONE] }, organizationId };
  const byKey = writes.map(({ key, action, sent: each }) => [key, action, each] as const);
  expect(byKey.sort(([a], [b]) => a.localeCompare(b))).toEqual([
    ["wf_1", "update", sent],
    ["wf_2", "update", sent],
    ["wf_3", "match", null],
  ]);
});

it("stays known where the answer to the update was lost", async () => {
  const plan = withPlan({ persons: { ...PLAN.persons, onMatch: "overwrite" } });
  const rig = await watchedRig({ settings: plan });
  const known = rig.simulator.addPerson({ name: "Ada", emails: [{ value: "ada@example.com" }] });
  await rig.take([lead(1, { person: { name: "Ada Lovelace", email: "ada@example.com" } })]);
  rig.simulator.failNext({ kind: "resetAfter", match: { method: "PATCH" } });
  await rig.runOut(61_000);
  const [write] = (await rig.ledger.ownWrites("person", [String(known.id)])).get(String(known.id)) ?? [];
  expect(write).toMatchObject({ action: "update", sent: { values: { name: "Ada Lovelace" } } });
});
