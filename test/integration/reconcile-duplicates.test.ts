/** Duplicates are shown with what hangs on each, so that a person can say which to keep. */
import { expect, it } from "vitest";
import { checkOn } from "../support/check-rig.ts";
import { chainLead } from "../support/damage.ts";
import { createRig } from "../support/drain-rig.ts";

it("a duplicate names what hangs on each of its records", async () => {
  const rig = await createRig({ simulator: { limits: null } });
  await rig.take([chainLead(1), chainLead(2)]);
  await rig.run();
  const { simulator } = rig;
  const [first] = simulator.records.persons;
  const twin = simulator.integration.addPerson({ name: "Twin", emails: [{ value: first!.emails[0]!.value }] });
  simulator.addDeal({ title: "By hand", person_id: twin.id });
  simulator.addDeal({ title: "By hand, too", person_id: twin.id });
  const [company] = simulator.records.organizations;
  const branch = simulator.integration.addOrganization({ name: company!.name });
  const { rows } = await checkOn(rig);
  const of = (kind: string) => rows.find((row) => row.kind === kind);
  expect(of("person-duplicate")).toMatchObject({
    actual: { ids: [`${first!.id}`, `${twin.id}`], hanging: { [first!.id]: "1 deal", [twin.id]: "2 deals" } },
    message: expect.stringContaining(`${twin.id} has 2 deals`),
  });
  expect(of("organization-duplicate")).toMatchObject({
    actual: { hanging: { [company!.id]: "1 deal", [branch.id]: "no deal" } },
  });
  // Asked once more, it is the same discrepancy.
  const again = await checkOn(rig);
  expect(again.rows.filter(({ kind }) => kind.endsWith("-duplicate")).map(({ state }) => state)).toEqual([
    "open",
    "open",
  ]);
  await rig.ledger.close();
});
