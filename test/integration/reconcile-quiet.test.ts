/** After a plain delivery a check says nothing, however the CRM writes down what it was given. */
import { afterEach, describe, expect, it } from "vitest";
import type { PlanSettings } from "../../src/domain/settings.ts";
import { FAULT_PRESETS } from "../../src/simulator/fault-plan.ts";
import { checkOn, named } from "../support/check-rig.ts";
import { chainLead } from "../support/damage.ts";
import { type Given, lead, type RigOptions, START_MS } from "../support/drain-rig.ts";
import { type FileRig, fileRig } from "../support/ledger-file.ts";
import { withPlan } from "../support/watched-rig.ts";

let rig: FileRig;
afterEach(() => rig.close());

/** Delivers the batches one after the other, and gives what a check says. */
async function delivered(batches: readonly (readonly Given[])[]): Promise<string[]> {
  let given = 0;
  for (const batch of batches) {
    await rig.take(batch);
    const report = await rig.run();
    expect(report.drained).toMatchObject({ failed: 0 });
    expect(report.remaining).toBe(0);
    given += batch.length;
    await rig.clock.advance(600_000);
  }
  const { report, rows } = await checkOn(rig);
  expect(report).toMatchObject({ checked: given, matched: given - new Set(rows.map(({ key }) => key)).size });
  return rows.map((row) => `${named(row)} ${JSON.stringify(row.expected)} ${JSON.stringify(row.actual)}`);
}

/** A check that a bad minute stopped goes on. */
async function retried<T>(task: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await task();
    } catch (error) {
      if (tries === 10) throw error;
      await rig.clock.advance(60_000);
    }
  }
}

const open = async (options: Partial<RigOptions> = {}): Promise<FileRig> => {
  rig = await fileRig(options);
  return rig;
};

describe("a check says nothing of", () => {
  it("a person who was made for several submissions at once, of which the last one's values went out", async () => {
    await open({ settings: withPlan({ persons: { onMatch: "overwrite" } }) });
    const named = (number: number, name: string) =>
      lead(number, { person: { name, email: "ada@example.com", fields: { "Postal address": name } } });
    rig.simulator.addField("person", "Postal address");
    expect(await delivered([[named(1, "Ada Byron"), named(2, "Ada King"), named(3, "Ada Lovelace")]])).toEqual([]);
    expect(rig.simulator.records.persons.map(({ name }) => name)).toEqual(["Ada Lovelace"]);
  });

  it("names with spaces, addresses in capitals, numbers written nationally", async () => {
    await open({ settings: withPlan({ persons: { country: "EE" } }) });
    const person = { name: "  Ada   Lovelace ", email: " ADA@Example.COM ", phone: "+372 5123 4567" };
    const others = [
      lead(2, { person: { name: "Bob\tB", email: "Bob@example.com" } }),
      lead(3, { person: { phone: "(+372) 5555-1234" } }),
    ];
    const given = [
      lead(1, { person, organization: { name: "  Analytical  Engines " }, deal: { title: "  A deal  " } }),
      ...others,
    ];
    expect(await delivered([given])).toEqual([]);
  });

  it("values of every type of field", async () => {
    await open();
    const types: Record<string, unknown> = {
      varchar: " Analyst ",
      varchar_auto: 17,
      text: "one\ntwo\r\nthree",
      double: "12.50",
      phone: "+44 1234",
      enum: "gold plan",
      set: ["Bronze", "Gold plan"],
      user: "sam@example.com",
      date: "2026-11-20T10:15:00Z",
      daterange: "2026-11-20/2026-11-27",
      time: "9:05",
      timerange: "09:00/17:30",
      address: "1 Main St, Tallinn",
      monetary: { value: "1200.50", currency: "usd" },
    };
    rig.simulator.addUser("Sam Seller", "sam@example.com");
    const fields: Record<string, unknown> = {};
    for (const [type, value] of Object.entries(types)) {
      const options = type === "enum" || type === "set" ? ["Gold plan", "Bronze"] : undefined;
      for (const entity of ["person", "organization", "deal"] as const)
        rig.simulator.addField(entity, `A ${type}`, type, options);
      fields[`A ${type}`] = value;
    }
    const given = lead(1, {
      person: { name: "Ada", email: "ada@example.com", owner: "sam@example.com", labels: ["Hot lead"], fields },
      organization: {
        name: "Engines",
        owner: "Sam Seller",
        labels: ["Customer"],
        fields: {
          ...fields,
          Address: "1 Main St",
          "Annual revenue": 5,
          "Number of employees": "12",
          Website: "example.com",
        },
      },
      deal: {
        title: "Deal",
        value: 0.1 + 0.2,
        currency: "usd",
        owner: "person",
        labels: ["Hot"],
        fields: { ...fields, Probability: 30, "Expected close date": "2026-12-24", Status: "Won" },
      },
    });
    expect(await delivered([[given], [lead(2)]])).toEqual([]);
    expect(rig.simulator.records.deals[0]!.custom_fields).not.toEqual({});
    expect(rig.simulator.records.notes.map(({ content }) => content).join()).not.toContain("A varchar");
  });

  it("values that a field could not take", async () => {
    await open();
    rig.simulator.addField("person", "Budget", "monetary");
    const person = { name: "Ada", email: "ada@example.com", fields: { Budget: "$ 2,500.00" } };
    expect(
      await delivered([
        [
          lead(1, { person, notes: [] }),
          lead(2, { badValues: [{ path: "deal.value", label: "Amount", value: "lots", reason: "is no number" }] }),
        ],
      ]),
    ).toEqual([]);
    expect(rig.simulator.records.notes).toHaveLength(2);
  });

  it.each<[string, Partial<PlanSettings["notes"]>, string[]]>([
    [
      "text with signs that HTML means something by",
      {},
      ["a < b && c > d \"quoted\" 'x' &amp; <script>alert(1)</script>\n\n  indented\ttabs\r\nline"],
    ],
    [
      "HTML that the CRM cleans",
      { format: "html" },
      [
        '<p onclick="x()">Hello <b>there</b></p><script>alert(1)</script><ul><li>one<li>two</ul><a href="https://example.com">link</a>',
      ],
    ],
    ["no reference", { reference: false }, ["One", "Two", "One", "   spaces   "]],
    [
      "HTML without reference",
      { reference: false, format: "html" },
      ["<h1>One</h1>\n<p>Two<br>three</p>", "plain & simple"],
    ],
    ["several parts", {}, ["x".repeat(250_000), `${"line of a long note\n".repeat(9_000)}`, "short"]],
    ["emoji and letters of all kinds", {}, ["Grüße aus Õismäe 👩‍💻 — Ελληνικά", "Zoe\u0308\u00a0and\u200bmore"]],
    ["nothing but spaces in between", {}, ["first", "  ", "\n\n", "last"]],
  ])("notes: %s", async (_name, notes, texts) => {
    await open({ settings: withPlan({ notes }) });
    expect(await delivered([[lead(1, { notes: texts }), lead(2, { deal: undefined, notes: texts })]])).toEqual([]);
  });

  it.each(["fillEmpty", "overwrite", "keep"] as const)(
    "profiles that several submissions wrote (%s)",
    async (onMatch) => {
      await open({ settings: withPlan({ persons: { onMatch } }) });
      rig.simulator.addField("person", "Job title");
      const at = (n: number, name: string, job: string | undefined, phone: string, submittedAtMs: number): Given => ({
        ...lead(n, {
          person: { name, email: "ada@example.com", phone, fields: job === undefined ? {} : { "Job title": job } },
          organization: { name: "Engines" },
        }),
        submittedAtMs,
      });
      const batches = [
        [at(1, "Ada", "Analyst", "+37251234561", START_MS - 5_000)],
        [
          at(2, "Ada King", "Countess", "+37251234562", START_MS - 9_000_000),
          at(3, "Ada Lovelace", undefined, "+37251234563", START_MS),
        ],
        [at(4, "A. L.", "Poet", "+37251234561", START_MS + 100)],
      ];
      expect(await delivered(batches)).toEqual([]);
    },
  );

  it("versions of one record that amended what the first wrote", async () => {
    await open();
    rig.simulator.addField("deal", "Budget", "double");
    const version = (value: number, notes: string[], more: object = {}): Given => ({
      ...lead(1, {
        person: { name: `Ada ${value}`, email: "ada@example.com" },
        deal: { title: `Deal ${value}`, value, currency: "EUR", fields: { Budget: value } },
        notes,
        ...more,
      }),
      revisions: "update",
    });
    const batches = [
      [version(1, ["One"])],
      [version(2, ["One", "Two"])],
      [version(2, ["One", "Two changed"], { organization: { name: "Engines" } })],
      [version(1, ["One"], { organization: { name: "Engines" } })],
    ];
    expect(await delivered(batches)).toEqual([]);
  });

  it.each([
    ["openDealOfPerson", undefined],
    ["key", "q-77"],
  ] as const)("deals that several submissions share (%s)", async (match, key) => {
    await open({ settings: withPlan({ deals: { match }, persons: { onMatch: "overwrite" } }) });
    const deal = (value: number) => ({ deal: { title: `Deal ${value}`, value, currency: "EUR", ...(key && { key }) } });
    const person = { person: { name: "Ada", email: "ada@example.com" } };
    const batches = [1, 2, 3].map((n) => [lead(n, { ...person, ...deal(n), organization: { name: `Engines ${n}` } })]);
    expect(await delivered(batches)).toEqual([]);
    expect(rig.simulator.records.deals).toHaveLength(1);
  });

  it.each([1, 2, 3, 4])("deliveries of a bad day (seed %i)", async (seed) => {
    await open({ seed, simulator: { faults: FAULT_PRESETS.noisy.faults, limits: null } });
    const given = Array.from({ length: 40 }, (_, index) => chainLead(index + 1));
    await rig.take(given);
    await rig.runOut();
    const checked = await retried(() => checkOn(rig));
    expect(checked.rows.map(named)).toEqual([]);
    expect(checked.report).toMatchObject({ checked: 40, matched: 40 });
  });

  it("persons, organizations and deals that were there before", async () => {
    await open();
    const organization = rig.simulator.addOrganization({ name: "engines" });
    const { id } = rig.simulator.addPerson({
      name: "Ada at work",
      emails: [{ value: "Ada@Example.com", primary: true }],
      org_id: organization.id,
    });
    rig.simulator.addPerson({ name: "Bob", emails: [{ value: "bob@example.com", primary: true }] });
    const batches = [
      [
        lead(1, {
          person: { name: "Ada", email: "ada@example.com", phone: "+37251234567" },
          organization: { name: "Engines" },
        }),
      ],
      [lead(2, { person: { name: "Bobby", email: "bob@example.com" }, organization: { name: "Other" } })],
    ];
    expect(await delivered(batches)).toEqual([]);
    expect(rig.simulator.records.deals[0]!.person_id).toBe(id);
  });
});
