/** One person, one hand, also where what it is known by was not known when it came in. */
import { expect, it } from "vitest";
import { lead } from "../support/drain-rig.ts";
import { watchedRig, withPlan } from "../support/watched-rig.ts";

/** The same customer under another e-mail address; the ledger knows the address only. */
const customer = (number: number) =>
  lead(number, { person: { email: `ada.${number}@example.com`, fields: { "Customer no.": "C-7" } } });

it("is made once where `persons.match` names a field only since its submissions came in", async () => {
  const rig = await watchedRig({ settings: withPlan({ persons: { match: ["person.fields.Customer no.", "email"] } }) });
  rig.simulator.addField("person", "Customer no.");
  await rig.take([customer(1), customer(2), customer(3)]);
  await rig.run();
  expect(rig.simulator.records.persons).toHaveLength(1);
  expect(rig.simulator.records.deals).toHaveLength(3);
});

it("is made once where the CRM writes the match field's values in one way only", async () => {
  const rig = await watchedRig({ settings: withPlan({ persons: { match: ["person.fields.Number", "email"] } }) });
  rig.simulator.addField("person", "Number", "double");
  const given = (number: number, text: string) =>
    lead(number, { person: { email: `ada.${number}@example.com`, fields: { Number: text } } });
  await rig.take([given(1, "7"), given(2, "007"), given(3, "7.0")]);
  await rig.run();
  expect(rig.simulator.records.persons).toHaveLength(1);
  expect(rig.simulator.records.deals).toHaveLength(3);
});

it("waits for the first one's create where its answer was lost, though the ledger knew another key of the second", async () => {
  const rig = await watchedRig({ settings: withPlan({ persons: { match: ["person.fields.Customer no.", "email"] } }) });
  rig.simulator.addField("person", "Customer no.");
  await rig.take([customer(1)]);
  rig.simulator.failNext({ kind: "resetAfter", match: { method: "POST", path: /\/persons$/ } });
  await rig.run();
  await rig.take([customer(2)]);
  await rig.run({ waitMaxMs: 0 });
  expect(rig.simulator.records.persons).toHaveLength(1);
  await rig.runOut();
  expect(rig.simulator.records.persons).toHaveLength(1);
  expect(rig.simulator.records.deals).toHaveLength(2);
});
