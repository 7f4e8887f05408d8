import { describe, expect, it } from "vitest";
import { simulated } from "../support/simulator.ts";

describe("writing persons, organizations and deals", () => {
  it("stores a person as the real API does: name trimmed, e-mail as given, first one primary, label work", async () => {
    const { call } = simulated();
    const emails = [{ value: "Ada.Lovelace@Example.com" }, { value: "ada@example.com", label: "home" }];
    const { status, json } = await call("POST", "/api/v2/persons", { name: "  Ada Lovelace ", emails });
    expect(status).toBe(200);
    expect(json.data).toMatchObject({
      name: "Ada Lovelace",
      first_name: "Ada",
      last_name: "Lovelace",
      emails: [
        { value: "Ada.Lovelace@Example.com", primary: true, label: "work" },
        { value: "ada@example.com", primary: false, label: "home" },
      ],
      add_time: "2026-11-24T08:00:00Z",
      is_deleted: false,
    });
  });

  it.each([
    ["an unknown member", { name: "A", nickname: "B" }, "nickname"],
    ["a numeric text for a number", { name: "A", owner_id: "71" }, "owner_id"],
    ["e-mails as texts", { name: "A", emails: ["a@example.com"] }, "emails[0]"],
    [
      "two primary e-mails",
      {
        name: "A",
        emails: [
          { value: "a", primary: true },
          { value: "b", primary: true },
        ],
      },
      "emails",
    ],
    ["an unknown custom field", { name: "A", custom_fields: { ["f".repeat(40)]: "x" } }, "f".repeat(40)],
    ["a user who is not there", { name: "A", owner_id: 999 }, "owner_id"],
    ["an organization that is not there", { name: "A", org_id: 999 }, "org_id"],
    ["a label that is not there", { name: "A", label_ids: [999] }, "label_ids"],
    ["a visibility that is none", { name: "A", visible_to: 2 }, "visible_to"],
    ["no name", { emails: [] }, "name"],
    ["a blank name", { name: "  " }, "name"],
  ])("refuses %s, naming the field, and keeps nothing", async (_what, body, field) => {
    const { call, simulator } = simulated();
    const { status, json } = await call("POST", "/api/v2/persons", body);
    expect(status).toBe(400);
    expect(json).toMatchObject({ success: false, code: "ERR_SCHEMA_VALIDATION_FAILED", field_code: field, data: null });
    expect(simulator.log).toEqual([]);
  });

  it("takes JSON only", async () => {
    const { call } = simulated();
    const form = { headers: { "Content-Type": "application/x-www-form-urlencoded" }, raw: "name=Ada" };
    expect((await call("POST", "/api/v2/persons", undefined, form)).status).toBe(400);
    expect((await call("POST", "/api/v2/persons", undefined, { raw: "{nope" })).status).toBe(400);
    expect((await call("POST", "/api/v2/persons", [])).status).toBe(400);
  });

  it("refuses contact sync fields with 403, as an account without contact sync does", async () => {
    const { call } = simulated();
    expect((await call("POST", "/api/v2/persons", { name: "A", job_title: "Analyst" })).status).toBe(403);
  });

  it("patches what is sent, replaces arrays whole, keeps other custom fields", async () => {
    const { call, simulator } = simulated();
    const other = simulator.addField("person", "Job").field_code;
    const stamp = simulator.stampField("person")!;
    const emails = [{ value: "a@example.com" }, { value: "b@example.com" }];
    const made = await call("POST", "/api/v2/persons", { name: "A", emails, custom_fields: { [stamp]: "web/1" } });
    const { json } = await call("PATCH", `/api/v2/persons/${made.json.data.id}`, {
      emails: [{ value: "c@example.com" }],
      custom_fields: { [other]: " Analyst " },
    });
    expect(json.data.emails).toEqual([{ value: "c@example.com", primary: true, label: "work" }]);
    expect(json.data.custom_fields).toEqual({ [stamp]: "web/1", [other]: "Analyst" });
    const cleared = await call("PATCH", `/api/v2/persons/${made.json.data.id}`, { custom_fields: { [stamp]: null } });
    expect(cleared.json.data.custom_fields).toEqual({ [stamp]: null, [other]: "Analyst" });
  });

  it("gives every type of custom field what it takes, and refuses the rest", async () => {
    const { call, simulator } = simulated();
    const good: Record<string, [unknown, unknown[]]> = {
      varchar: ["x".repeat(255), ["x".repeat(256), 5, true]],
      text: ["x".repeat(5_000), [5]],
      phone: ["+441234567890", [44]],
      double: [1.5, ["1.5"]],
      monetary: [{ value: 5, currency: "EUR" }, [5, { value: "5", currency: "EUR" }, { value: 5, currency: "euro" }]],
      date: ["2026-02-28", ["2026-02-30", "28.02.2026", 20260228]],
      daterange: [{ value: "2026-01-01", until: "2026-01-02" }, ["2026-01-01"]],
      time: [{ value: "10:15:00", timezone_name: "Etc/UTC" }, ["10:15"]],
      timerange: [{ value: "10:00:00", until: "11:00:00", timezone_name: null }, [{ value: "10:00:00" }]],
      user: [71, [999, "71"]],
    };
    for (const [type, [value, bad]] of Object.entries(good)) {
      const code = simulator.addField("deal", `Field ${type}`, type).field_code;
      const make = (given: unknown) => call("POST", "/api/v2/deals", { title: "T", custom_fields: { [code]: given } });
      expect((await make(value)).json.data.custom_fields[code], type).toEqual(value);
      for (const wrong of bad) expect((await make(wrong)).status, `${type} ${JSON.stringify(wrong)}`).toBe(400);
    }
  });

  it("takes option ids for enum and set, never labels, and null rather than an empty set", async () => {
    const { call, simulator } = simulated();
    const one = simulator.addField("person", "Size", "enum", ["S", "L"]);
    const many = simulator.addField("person", "Likes", "set", ["Tea", "Coffee"]);
    const ids = many.options!.map((option) => option.id);
    const make = (fields: object) => call("POST", "/api/v2/persons", { name: "A", custom_fields: fields });
    const made = await make({ [one.field_code]: one.options![1]!.id, [many.field_code]: ids });
    expect(made.json.data.custom_fields).toMatchObject({ [many.field_code]: ids });
    for (const bad of [{ [one.field_code]: "L" }, { [many.field_code]: [] }, { [many.field_code]: [1] }])
      expect((await make(bad)).status).toBe(400);
    const shown = await call("GET", `/api/v2/persons/${made.json.data.id}?include_option_labels=true`);
    expect(shown.json.data.custom_fields[one.field_code]).toEqual({ id: one.options![1]!.id, label: "L" });
  });

  it("nulls the parts of an organization's address that were left out", async () => {
    const { call } = simulated();
    const body = { name: "Engines", address: { value: "1 Main St", locality: "Tallinn" } };
    const { json } = await call("POST", "/api/v2/organizations", body);
    expect(json.data.address).toMatchObject({ value: "1 Main St", locality: "Tallinn", country: null, route: null });
    const patched = await call("PATCH", `/api/v2/organizations/${json.data.id}`, { address: { value: "2 Main St" } });
    expect(patched.json.data.address).toMatchObject({ value: "2 Main St", locality: null });
  });
});

describe("deals", () => {
  it("start open in the first stage, in the company's currency", async () => {
    const { call } = simulated();
    const { json } = await call("POST", "/api/v2/deals", { title: " Website " });
    expect(json.data).toMatchObject({
      title: "Website",
      status: "open",
      pipeline_id: 1,
      stage_id: 11,
      currency: "EUR",
    });
  });

  it("follow a stage into its pipeline, and a pipeline to its first stage", async () => {
    const { call, simulator } = simulated();
    const [, partners] = simulator.pipelines();
    const second = partners!.stages[1]!.id;
    const byStage = await call("POST", "/api/v2/deals", { title: "T", stage_id: second });
    expect(byStage.json.data.pipeline_id).toBe(partners!.id);
    const byPipeline = await call("POST", "/api/v2/deals", { title: "T", pipeline_id: partners!.id });
    expect(byPipeline.json.data.stage_id).toBe(partners!.stages[0]!.id);
    expect((await call("POST", "/api/v2/deals", { title: "T", pipeline_id: 1, stage_id: second })).status).toBe(400);
    expect((await call("POST", "/api/v2/deals", { title: "T", stage_id: 999 })).status).toBe(400);
  });

  it.each([
    [{ lost_reason: "price" }],
    [{ status: "won", lost_time: "2026-01-01 00:00:00" }],
    [{ add_time: "2026-01-01 00:00:00" }],
    [{ origin_id: "me" }],
    [{ value: "12" }],
    [{ currency: "euro" }],
    [{ is_deleted: true }],
    [{ person_id: 12 }],
  ])("refuse %j", async (extra) => {
    const { call } = simulated();
    expect((await call("POST", "/api/v2/deals", { title: "T", ...extra })).status).toBe(400);
  });

  it("can't be edited through the API while archived", async () => {
    const { call, simulator } = simulated();
    const { id } = simulator.addDeal({ title: "T" });
    simulator.archiveDeal(id);
    expect((await call("PATCH", `/api/v2/deals/${id}`, { title: "U" })).status).toBe(400);
    expect(simulator.records.deals[0]!.title).toBe("T");
  });

  it("meet the plan's cap with 403 and its code, and fit again once one is closed", async () => {
    const { call } = simulated({ planCaps: { deals: 1 } });
    const first = await call("POST", "/api/v2/deals", { title: "T" });
    const second = await call("POST", "/api/v2/deals", { title: "T" });
    expect(second.status).toBe(403);
    expect(second.json.code).toBe("feature_capping_deals_limit");
    await call("PATCH", `/api/v2/deals/${first.json.data.id}`, { status: "won" });
    expect((await call("POST", "/api/v2/deals", { title: "T" })).status).toBe(200);
  });
});

describe("deleting", () => {
  it.each([[404], [410], [200]] as const)(
    "a deleted record answers %i where so configured, and leaves the lists",
    async (code) => {
      const { call } = simulated({ deletedGet: code });
      const { id } = (await call("POST", "/api/v2/persons", { name: "A" })).json.data;
      expect((await call("DELETE", `/api/v2/persons/${id}`)).json).toEqual({ success: true, data: { id } });
      const got = await call("GET", `/api/v2/persons/${id}`);
      expect(got.status).toBe(code);
      if (code === 200) expect(got.json.data.is_deleted).toBe(true);
      expect((await call("GET", `/api/v2/persons?ids=${id}`)).json.data).toEqual([]);
      expect((await call("PATCH", `/api/v2/persons/${id}`, { name: "B" })).status).toBe(404);
      expect((await call("POST", "/api/v2/deals", { title: "T", person_id: id })).status).toBe(400);
    },
  );

  it("shows deleted deals for 30 days, and then they are gone for good", async () => {
    const { call, clock, simulator } = simulated({ deletedGet: 200 });
    const { id } = simulator.addDeal({ title: "T" });
    simulator.deleteDeal(id);
    const deleted = async () => (await call("GET", "/api/v2/deals?status=deleted")).json.data;
    expect(await deleted()).toMatchObject([{ id, is_deleted: true, status: "deleted" }]);
    expect((await call("GET", "/api/v2/deals")).json.data).toEqual([]);
    await clock.advance(31 * 86_400_000);
    expect(await deleted()).toEqual([]);
    expect((await call("GET", `/api/v2/deals/${id}`)).status).toBe(404);
  });
});
