/** Profiles that change: known by a customer number or a phone alone, e-mail addresses that changed, numbers that are shared. */
import { describe, expect, it } from "vitest";
import { lead, SETTINGS } from "../support/drain-rig.ts";
import { type WatchedRig, watchedRig, withPlan } from "../support/watched-rig.ts";

const contact = (value: string) => ({ value, primary: true, label: "work" });
const values = (contacts: readonly { value: string }[]) => contacts.map((each) => each.value);
const persons = (rig: WatchedRig) => rig.simulator.records.persons;
const PHONE = "+37251234567";

describe("a customer number", () => {
  const rigWith = async (match: string[]) => {
    const rig = await watchedRig({ settings: withPlan({ persons: { match } }) });
    return { rig, code: rig.simulator.addField("person", "Customer no.").field_code };
  };
  const customer = (n: number, email: string) =>
    lead(n, { person: { name: "Ada", email, fields: { "Customer no.": "C-7" } } });

  it.each([[["person.fields.Customer no.", "email"]], [["email", "person.fields.Customer no."]]])(
    "finds the person whose e-mail changed; the new one is added (match: %j)",
    async (match) => {
      const { rig, code } = await rigWith(match);
      const known = { name: "Ada", emails: [contact("old@example.com")], custom_fields: { [code]: "C-7" } };
      const { id } = rig.simulator.addPerson(known);
      await rig.take([customer(1, "new@example.com")]);
      await rig.run();
      expect(persons(rig).map((person) => person.id)).toEqual([id]);
      expect(values(persons(rig)[0]!.emails)).toEqual(["old@example.com", "new@example.com"]);
      expect(persons(rig)[0]!.emails[0]?.primary).toBe(true);
    },
  );

  it("before the e-mail decides against it", async () => {
    const { rig, code } = await rigWith(["person.fields.Customer no.", "email"]);
    rig.simulator.addPerson({ name: "By e-mail", emails: [contact("new@example.com")] });
    const { id } = rig.simulator.addPerson({ name: "By number", custom_fields: { [code]: "C-7" } });
    await rig.take([customer(1, "new@example.com")]);
    await rig.run();
    expect(rig.simulator.records.deals[0]?.person_id).toBe(id);
  });
});

describe("a phone number", () => {
  const caller = (n: number, email?: string) => lead(n, { person: { phone: PHONE, ...(email && { email }) } });

  it("alone is enough to be known again, and the e-mail that comes later is added", async () => {
    const rig = await watchedRig();
    for (const one of [caller(1), caller(2), caller(3, "ada@example.com")]) {
      await rig.take([one]);
      await rig.run();
    }
    expect(persons(rig)).toHaveLength(1);
    expect(persons(rig)[0]).toMatchObject({ emails: [{ value: "ada@example.com" }], phones: [{ value: PHONE }] });
    expect(rig.simulator.records.deals).toHaveLength(3);
  });

  it.each(["together", "one after the other"])("that two e-mail addresses share is two persons (%s)", async (how) => {
    const rig = await watchedRig();
    const both = [caller(1, "ada@example.com"), caller(2, "bob@example.com")];
    for (const given of how === "together" ? [both] : both.map((one) => [one])) {
      await rig.take(given);
      await rig.run();
    }
    expect(
      persons(rig)
        .map((person) => values(person.emails))
        .sort(),
    ).toEqual([["ada@example.com"], ["bob@example.com"]]);
    expect(new Set(rig.simulator.records.deals.map((deal) => deal.person_id)).size).toBe(2);
  });

  it.each([1, 2])("that is shared makes nobody twice when the answer to create %i is lost", async (which) => {
    const rig = await watchedRig();
    let creates = 0;
    rig.onSend = ({ method, path }) => {
      if (method !== "POST" || !path.endsWith("/persons") || ++creates !== which) return;
      rig.simulator.failNext({ kind: "resetAfter" });
    };
    await rig.take([caller(1, "ada@example.com"), caller(2, "bob@example.com"), caller(3, "ada@example.com")]);
    await rig.runOut();
    expect(
      persons(rig)
        .map((person) => values(person.emails))
        .sort(),
    ).toEqual([["ada@example.com"], ["bob@example.com"]]);
    expect(rig.simulator.records.deals).toHaveLength(3);
  });

  it.each([[["bob@example.com"]], [["ada@example.com", "bob@example.com"]]])(
    "that is shared hides nobody whom the CRM knows: each of the two is looked up by all that is theirs (known: %j)",
    async (known) => {
      const rig = await watchedRig();
      for (const email of known) rig.simulator.addPerson({ name: email, emails: [contact(email)] });
      await rig.take([caller(1, "ada@example.com"), caller(2, "bob@example.com")]);
      await rig.run();
      expect(
        persons(rig)
          .map((person) => [values(person.emails), values(person.phones)])
          .sort(),
      ).toEqual([
        [["ada@example.com"], [PHONE]],
        [["bob@example.com"], [PHONE]],
      ]);
    },
  );

  it("of a caller without an e-mail is the oldest who has it, also among those taken together", async () => {
    const rig = await watchedRig();
    await rig.take([caller(1, "ada@example.com"), caller(2), caller(3, "bob@example.com")]);
    await rig.run();
    expect(
      persons(rig)
        .map((person) => values(person.emails))
        .sort(),
    ).toEqual([["ada@example.com"], ["bob@example.com"]]);
    expect(rig.simulator.records.deals).toHaveLength(3);
  });
});

describe("a source's own settings", () => {
  it("decide what it may replace: the profile's update does, the website's form does not", async () => {
    const overwrite = withPlan({ persons: { onMatch: "overwrite" } }).plans.default!;
    const rig = await watchedRig({ settings: { plans: { ...SETTINGS.plans, profile: overwrite } } });
    const { field_code: city } = rig.simulator.addField("person", "City");
    rig.simulator.addPerson({ name: "Ada", emails: [contact("ada@example.com")], custom_fields: { [city]: "Tartu" } });
    const moved = (n: number, City: string) => lead(n, { person: { email: "ada@example.com", fields: { City } } });
    for (const [n, source, now] of [
      [1, "website", "Tartu"],
      [2, "profile", "London"],
    ] as const) {
      await rig.clock.advance(60_000);
      await rig.take([{ ...moved(n, "London"), source }]);
      await rig.run();
      expect([source, persons(rig)[0]?.custom_fields[city]]).toEqual([source, now]);
    }
  });
});
