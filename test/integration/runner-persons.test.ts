/** Which person a submission means, and what of a known one is changed. */
import { describe, expect, it } from "vitest";
import { lead } from "../support/drain-rig.ts";
import { type WatchedRig, watchedRig, withPlan } from "../support/watched-rig.ts";

const ADA = { name: "Ada Lovelace", email: "ada@example.com", phone: "+441234567890" };
const contact = (value: string) => ({ value, primary: true, label: "work" });
const values = (contacts: readonly { value: string }[]) => contacts.map((each) => each.value);

async function rigWith(...persons: Record<string, unknown>[]): Promise<{ rig: WatchedRig; ids: number[] }> {
  const rig = await watchedRig();
  const ids = persons.map((body) => rig.simulator.addPerson(body).id);
  return { rig, ids };
}

const person = (rig: WatchedRig, id: number) => rig.simulator.records.persons.find((each) => each.id === id)!;
const dealPersons = (rig: WatchedRig) => rig.simulator.records.deals.map((deal) => deal.person_id);

describe("a known person", () => {
  it("is found by e-mail, whatever its case and outer spaces", async () => {
    const { rig, ids } = await rigWith({ name: "Ada", emails: [contact("ADA@Example.com")] });
    await rig.take([lead(1, { person: { name: "A. L.", email: " ada@example.COM " } })]);
    await rig.run();
    expect(dealPersons(rig)).toEqual(ids);
    expect(rig.simulator.records.persons).toHaveLength(1);
    expect(rig.writes(/persons/)).toEqual([]);
  });

  it("is found by e-mail before phone", async () => {
    const { rig, ids } = await rigWith(
      { name: "By phone", phones: [contact(ADA.phone)] },
      { name: "By e-mail", emails: [contact(ADA.email)] },
    );
    await rig.take([lead(1, { person: ADA })]);
    await rig.run();
    expect(dealPersons(rig)).toEqual([ids[1]]);
  });

  it("is found by phone where the CRM's person has no e-mail, and gets ours", async () => {
    const { rig, ids } = await rigWith({ name: "Ada", phones: [contact("+44 1234 567890")] });
    await rig.take([lead(1, { person: ADA })]);
    await rig.run();
    expect(dealPersons(rig)).toEqual(ids);
    expect(values(person(rig, ids[0]!).emails)).toEqual([ADA.email]);
    expect(values(person(rig, ids[0]!).phones)).toEqual(["+44 1234 567890"]);
  });

  it("is found by phone where the submission has no e-mail", async () => {
    const { rig, ids } = await rigWith({
      name: "Ada",
      emails: [contact("x@example.com")],
      phones: [contact(ADA.phone)],
    });
    await rig.take([lead(1, { person: { phone: "+44 1234-567890" } })]);
    await rig.run();
    expect(dealPersons(rig)).toEqual(ids);
  });

  it("is not taken for another of the same phone and another e-mail; show says why", async () => {
    const { rig } = await rigWith({
      name: "Her husband",
      emails: [contact("bob@example.com")],
      phones: [contact(ADA.phone)],
    });
    await rig.take([lead(1, { person: ADA })]);
    await rig.run();
    expect(rig.simulator.records.persons).toHaveLength(2);
    const { steps } = await rig.story("wf_1");
    expect(steps.find((step) => step.name === "person")?.explanation).toMatch(/same phone number, but another e-mail/);
  });

  it("is the oldest of several, and show names the others", async () => {
    const { rig, ids } = await rigWith({ name: "First", emails: [contact(ADA.email)] });
    await rig.clock.advance(60_000);
    const second = rig.simulator.addPerson({ name: "Second", emails: [contact(ADA.email)] }).id;
    await rig.take([lead(1, { person: ADA })]);
    await rig.run();
    expect(dealPersons(rig)).toEqual(ids);
    const { steps } = await rig.story("wf_1");
    expect(steps.find((step) => step.name === "person")?.explanation).toContain(`others: ${second}`);
  });

  it("is of several made in one second the one with the lowest id", async () => {
    const { rig, ids } = await rigWith(
      { name: "A", emails: [contact(ADA.email)] },
      { name: "B", emails: [contact(ADA.email)] },
    );
    await rig.take([lead(1, { person: ADA })]);
    await rig.run();
    expect(dealPersons(rig)).toEqual([Math.min(...ids)]);
  });

  it("is found by the field that match names", async () => {
    const settings = withPlan({ persons: { match: ["person.fields.Customer no.", "email"] } });
    const rig = await watchedRig({ settings });
    const { field_code } = rig.simulator.addField("person", "Customer no.");
    const { id } = rig.simulator.addPerson({ name: "Ada", custom_fields: { [field_code]: "C-7" } });
    await rig.take([lead(1, { person: { name: "Ada L.", fields: { "Customer no.": "C-7" } } })]);
    await rig.run();
    expect(dealPersons(rig)).toEqual([id]);
    expect(rig.simulator.records.persons).toHaveLength(1);
  });

  it("is made with the e-mail address or phone as its name where the submission gives none", async () => {
    const rig = await watchedRig();
    await rig.take([
      lead(1, { person: { email: "nameless@example.com" } }),
      lead(2, { person: { phone: "+372 5123 4567" } }),
    ]);
    await rig.run();
    expect(rig.simulator.records.persons.map((each) => each.name).sort()).toEqual([
      "+37251234567",
      "nameless@example.com",
    ]);
  });
});

describe("an update of a known person", () => {
  const known = { name: "Ada", emails: [contact(ADA.email)], phones: [contact("+37250000001")] };

  it("fills what is empty and leaves what is there (fillEmpty)", async () => {
    const { rig, ids } = await rigWith(known);
    const job = rig.simulator.addField("person", "Job title").field_code;
    const city = rig.simulator.addField("person", "City").field_code;
    rig.simulator.editPerson(ids[0]!, { custom_fields: { [city]: "Tartu" } });
    await rig.take([lead(1, { person: { ...ADA, fields: { "Job title": "Analyst", City: "London" } } })]);
    await rig.run();
    const now = person(rig, ids[0]!);
    expect(now.name).toBe("Ada");
    expect(now.custom_fields).toMatchObject({ [job]: "Analyst", [city]: "Tartu" });
    expect(values(now.phones)).toEqual(["+37250000001", ADA.phone]);
  });

  it("replaces what differs (overwrite), and keeps other e-mails and phones", async () => {
    const rig = await watchedRig({ settings: withPlan({ persons: { onMatch: "overwrite" } }) });
    const city = rig.simulator.addField("person", "City").field_code;
    const emails = [contact("old@example.com"), { ...contact(ADA.email), primary: false }];
    const { id } = rig.simulator.addPerson({ ...known, emails, custom_fields: { [city]: "Tartu" } });
    await rig.take([lead(1, { person: { ...ADA, fields: { City: "London" } } })]);
    await rig.run();
    const now = person(rig, id);
    expect(now.name).toBe(ADA.name);
    expect(now.custom_fields).toMatchObject({ [city]: "London" });
    expect(values(now.emails)).toEqual(["old@example.com", ADA.email]);
    expect(now.emails[0]?.primary).toBe(true);
    expect(values(now.phones)).toEqual(["+37250000001", ADA.phone]);
  });

  it("changes nothing at all (keep)", async () => {
    const rig = await watchedRig({ settings: withPlan({ persons: { onMatch: "keep" } }) });
    const { id } = rig.simulator.addPerson(known);
    await rig.take([lead(1, { person: ADA, organization: { name: "Engines" } })]);
    await rig.run();
    expect(rig.writes(/persons/)).toEqual([]);
    expect(person(rig, id)).toMatchObject({ name: "Ada", org_id: null });
    expect(dealPersons(rig)).toEqual([id]);
  });

  it("is not sent where it would change nothing, and reads no second time for it", async () => {
    const { rig } = await rigWith({ name: ADA.name, emails: [contact(ADA.email)], phones: [contact(ADA.phone)] });
    await rig.take([lead(1, { person: ADA })]);
    const report = await rig.run();
    expect(report.drained.done).toBe(1);
    expect(rig.writes(/persons/)).toEqual([]);
    const { steps } = await rig.story("wf_1");
    expect(steps[0]).toMatchObject({ name: "person", action: "match" });
  });

  it("is computed from the record as it is now: what people added after the look-up stays", async () => {
    const { rig, ids } = await rigWith(known);
    rig.onReply = (call) => {
      // People act between the look-up, which reads whom it found, and the read that an update is planned from.
      if (call.method !== "GET" || call.path !== `/api/v2/persons/${ids[0]}`) return;
      rig.onReply = () => {};
      rig.simulator.editPerson(ids[0]!, {
        phones: [contact("+37250000001"), { value: "+37250000002", primary: false, label: "mobile" }],
        emails: [contact(ADA.email), { value: "second@example.com", primary: false, label: "home" }],
      });
    };
    await rig.take([lead(1, { person: ADA })]);
    await rig.run();
    const now = person(rig, ids[0]!);
    expect(values(now.phones)).toEqual(["+37250000001", "+37250000002", ADA.phone]);
    expect(now.phones[1]?.label).toBe("mobile");
    expect(values(now.emails)).toEqual([ADA.email, "second@example.com"]);
    expect(rig.writes(/persons/)).toHaveLength(1);
  });

  it("carries no stamp: that is part of a create only", async () => {
    const { rig, ids } = await rigWith(known);
    await rig.take([lead(1, { person: ADA })]);
    await rig.run();
    expect(rig.writes(/persons/)).toHaveLength(1);
    expect(rig.simulator.log.filter((entry) => entry.entity === "person" && entry.stamp !== null)).toEqual([]);
    expect(person(rig, ids[0]!).custom_fields).toEqual({});
  });

  it("is one for several submissions of the person, and no value of any is lost", async () => {
    const { rig, ids } = await rigWith({ name: "Ada", emails: [contact(ADA.email)] });
    await rig.take([1, 2, 3].map((n) => lead(n, { person: { email: ADA.email, phone: `+3725000001${n}` } })));
    const report = await rig.run();
    expect(report.drained.done).toBe(3);
    expect(rig.writes(/persons/)).toHaveLength(1);
    expect(values(person(rig, ids[0]!).phones).sort()).toEqual(["+37250000011", "+37250000012", "+37250000013"]);
  });
});

describe("the person's organization", () => {
  it("is made first, and the new person with it", async () => {
    const rig = await watchedRig();
    await rig.take([lead(1, { organization: { name: "Analytical  Engines" } })]);
    await rig.run();
    const posts = rig.writes().map((call) => call.path);
    expect(posts.map((path) => path.split("/").at(-1))).toEqual(["organizations", "persons", "deals", "notes"]);
    const [organization] = rig.simulator.records.organizations;
    expect(rig.simulator.records.persons[0]?.org_id).toBe(organization?.id);
    expect(rig.simulator.records.deals[0]?.org_id).toBe(organization?.id);
  });

  it("is found with case and spaces folded, the oldest of several", async () => {
    const rig = await watchedRig();
    const { id } = rig.simulator.addOrganization({ name: "ANALYTICAL engines" });
    await rig.clock.advance(5_000);
    rig.simulator.addOrganization({ name: "Analytical Engines" });
    await rig.take([lead(1, { organization: { name: " Analytical   Engines " } })]);
    await rig.run();
    expect(rig.simulator.records.organizations).toHaveLength(2);
    expect(rig.simulator.records.persons[0]?.org_id).toBe(id);
  });

  it("is given to a known person without one, never to one that has another", async () => {
    const rig = await watchedRig();
    const other = rig.simulator.addOrganization({ name: "Other" }).id;
    const free = rig.simulator.addPerson({ name: "Lead 1", emails: [contact("lead.1@example.com")] }).id;
    const bound = rig.simulator.addPerson({
      name: "Lead 2",
      org_id: other,
      emails: [contact("lead.2@example.com")],
    }).id;
    await rig.take([1, 2].map((n) => lead(n, { organization: { name: "Engines" } })));
    await rig.run();
    const engines = rig.simulator.records.organizations.find((each) => each.name === "Engines")?.id;
    expect(person(rig, free).org_id).toBe(engines);
    expect(person(rig, bound).org_id).toBe(other);
  });

  it("is given to the new person of several submissions, whichever of them names it", async () => {
    const { rig } = await rigWith();
    const nameless = lead(1, { person: ADA });
    await rig.take([nameless, lead(2, { person: ADA, organization: { name: "Engines" } }), lead(3, { person: ADA })]);
    await rig.run();
    const { persons, organizations, deals } = rig.simulator.records;
    expect(persons.map(({ org_id }) => org_id)).toEqual([organizations[0]!.id]);
    expect(rig.writes(/persons/).map(({ method }) => method)).toEqual(["POST"]);
    expect(deals.map(({ org_id }) => org_id)).toEqual([null, organizations[0]!.id, null]);
  });

  it("is made once, however many persons name it at the same time", async () => {
    const rig = await watchedRig();
    await rig.take(
      Array.from({ length: 20 }, (_, n) => lead(n, { organization: { name: n % 2 ? "Engines" : "ENGINES " } })),
    );
    const report = await rig.run();
    expect(report.drained.done).toBe(20);
    expect(rig.simulator.records.organizations).toHaveLength(1);
    expect(new Set(rig.simulator.records.persons.map((each) => each.org_id)).size).toBe(1);
  });

  it("of a known name gets empty fields filled", async () => {
    const rig = await watchedRig();
    const vat = rig.simulator.addField("organization", "VAT no.").field_code;
    rig.simulator.addOrganization({ name: "Engines" });
    await rig.take([lead(1, { organization: { name: "engines", fields: { "VAT no.": "EE1" } } })]);
    await rig.run();
    expect(rig.simulator.records.organizations).toMatchObject([{ name: "Engines", custom_fields: { [vat]: "EE1" } }]);
  });
});
