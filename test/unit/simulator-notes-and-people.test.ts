import { describe, expect, it } from "vitest";
import { simulated } from "../support/simulator.ts";

describe("notes", () => {
  const sanitised: [string, string][] = [
    ["a<!-- mark -->b", "ab"],
    ['<p class="x" onclick="evil()">Hi</p>', "<p>Hi</p>"],
    ["<script>alert(1)</script>safe<style>p{}</style>", "safe"],
    ["<custom>text</custom>", "text"],
    ["line<br/>line<BR>line", "line<br>line<br>line"],
    ["Tom &amp; &quot;Jerry&quot; &#39;s &lt;b&gt;", 'Tom &amp; "Jerry" \'s &lt;b&gt;'],
    ["1 < 2 & 3 > 2", "1 &lt; 2 &amp; 3 &gt; 2"],
    [
      '<a href="javascript:x()">x</a><a target="_blank" href="https://example.com/?a=1&amp;b=2">y</a>',
      '<a>x</a><a href="https://example.com/?a=1&amp;b=2">y</a>',
    ],
  ];
  it.each(sanitised)("stores %j as %j", async (sent, stored) => {
    const { call, simulator } = simulated();
    const deal_id = simulator.addDeal({ title: "T" }).id;
    const { json } = await call("POST", "/api/v1/notes", { content: sent, deal_id });
    expect(json.data.content).toBe(stored);
  });

  it("change nothing when what is stored is sent again", async () => {
    const { call, simulator } = simulated();
    const deal_id = simulator.addDeal({ title: "T" }).id;
    for (const [, stored] of sanitised) {
      const { json } = await call("POST", "/v1/notes", { content: stored, deal_id });
      expect(json.data.content).toBe(stored);
    }
  });

  it.each([
    [{ content: "no parent" }],
    [{ content: "x", deal_id: 1 }],
    [{ content: "x", lead_id: "adf21080-0e10-11eb-879b-05d71fb426ec" }],
    [{ content: "", person_id: 1_001 }],
    [{ person_id: 1_001 }],
    [{ content: "x".repeat(100_001), person_id: 1_001 }],
    [{ content: "x", person_id: 1_001, pinned_to_deal_flag: 1 }],
    [{ content: "x", person_id: 1_001, pinned_to_person_flag: true }],
    [{ content: "x", person_id: 1_001, add_time: "2026-01-01T00:00:00Z" }],
  ])("refuse body %#", async (body) => {
    const { call, simulator } = simulated();
    simulator.addPerson({ name: "A" });
    expect((await call("POST", "/v1/notes", body)).status).toBe(400);
    expect(simulator.records.notes).toEqual([]);
  });

  it("hang on deal and person, list by parent and by time, page by offset", async () => {
    const { call, simulator, clock } = simulated();
    const person_id = simulator.addPerson({ name: "Ada" }).id;
    const deal_id = simulator.addDeal({ title: "T" }).id;
    for (const content of ["a", "b", "c"]) {
      await call("POST", "/v1/notes", { content, deal_id, person_id });
      await clock.advance(1_000);
    }
    const first = await call("GET", `/v1/notes?deal_id=${deal_id}&limit=2&sort=add_time%20DESC`);
    expect(first.json.data.map((note: { content: string }) => note.content)).toEqual(["c", "b"]);
    expect(first.json.additional_data.pagination).toEqual({
      start: 0,
      limit: 2,
      more_items_in_collection: true,
      next_start: 2,
    });
    const rest = await call("GET", `/v1/notes?deal_id=${deal_id}&limit=2&start=2&sort=add_time%20DESC`);
    expect(rest.json.data).toMatchObject([{ content: "a", person: { name: "Ada" }, deal: { title: "T" } }]);
    expect(rest.json.additional_data.pagination.more_items_in_collection).toBe(false);
    const since = await call("GET", "/v1/notes?updated_since=2026-11-24T08:00:01Z");
    expect(since.json.data).toHaveLength(2);
  });

  it("say whose reference they carry in the log", async () => {
    const { call, simulator } = simulated();
    const deal_id = simulator.addDeal({ title: "T" }).id;
    await call("POST", "/v1/notes", { content: "Hello<br>Ref. website/wf_8812 (1/2)", deal_id });
    await call("POST", "/v1/notes", { content: "<p>Hello</p><p>Ref. website/wf_8812</p>", deal_id });
    await call("POST", "/v1/notes", { content: "no reference", deal_id });
    const stamps = simulator.log.filter((entry) => entry.entity === "note").map((entry) => entry.stamp);
    expect(stamps).toEqual(["website/wf_8812", "website/wf_8812", null]);
  });
});

describe("merges", () => {
  it("remove the path's person; the other survives, wins, and takes over deals, notes and what it lacked", async () => {
    const { call, simulator } = simulated();
    const stamp = simulator.stampField("person")!;
    const loser = simulator.addPerson({
      name: "Ada L",
      emails: [{ value: "b@example.com" }],
      custom_fields: { [stamp]: "web/1" },
    });
    const survivor = simulator.addPerson({ name: "Ada", emails: [{ value: "a@example.com" }] });
    const deal = simulator.addDeal({ title: "T", person_id: loser.id });
    const note = simulator.addNote({ content: "x", person_id: loser.id });
    const { json } = await call("PUT", `/v1/persons/${loser.id}/merge`, { merge_with_id: survivor.id });
    expect(json.data).toMatchObject({ id: survivor.id, merge_what_id: loser.id });
    expect((await call("GET", `/api/v2/persons/${loser.id}`)).status).toBe(404);
    const kept = (await call("GET", `/api/v2/persons/${survivor.id}`)).json.data;
    expect(kept.name).toBe("Ada");
    expect(kept.emails.map((email: { value: string }) => email.value)).toEqual(["a@example.com", "b@example.com"]);
    expect(kept.emails.filter((email: { primary: boolean }) => email.primary)).toHaveLength(1);
    expect(kept.custom_fields[stamp]).toBe("web/1");
    expect(simulator.records.deals.find((one) => one.id === deal.id)!.person_id).toBe(survivor.id);
    expect(simulator.records.notes.find((one) => one.id === note.id)!.person_id).toBe(survivor.id);
    expect(simulator.log).toContainEqual(
      expect.objectContaining({ action: "merge", id: loser.id, body: { merge_with_id: survivor.id } }),
    );
    expect((await call("PUT", `/v1/persons/${loser.id}/merge`, { merge_with_id: survivor.id })).status).toBe(404);
  });

  it("of organizations move persons and deals along, of deals their notes", () => {
    const { simulator } = simulated();
    const [a, b] = [simulator.addOrganization({ name: "A" }).id, simulator.addOrganization({ name: "B" }).id];
    const person = simulator.addPerson({ name: "P", org_id: a }).id;
    const [one, two] = [simulator.addDeal({ title: "1", org_id: a }).id, simulator.addDeal({ title: "2" }).id];
    simulator.addNote({ content: "x", deal_id: one });
    simulator.mergeOrganizations(a, b);
    simulator.mergeDeals(one, two);
    expect(simulator.records.persons.find((row) => row.id === person)!.org_id).toBe(b);
    expect(simulator.records.deals.map((row) => row.org_id)).toEqual([b, b]);
    expect(simulator.records.notes[0]!.deal_id).toBe(two);
  });
});

describe("people", () => {
  it("are told apart from us and from other integrations in the log", async () => {
    const { call, simulator } = simulated();
    await call("POST", "/api/v2/persons", { name: "Ours" });
    simulator.addPerson({ name: "By hand" });
    simulator.integration.addPerson({ name: "By another tool" });
    expect(simulator.log.map(({ via, requestNo }) => [via, requestNo])).toEqual([
      ["api", 1],
      ["person", null],
      ["other", null],
    ]);
  });

  it("copy a deal with its stamp", () => {
    const { simulator } = simulated();
    const field = simulator.stampField("deal")!;
    const { id } = simulator.addDeal({ title: "T", custom_fields: { [field]: "web/1" } });
    const copy = simulator.copyDeal(id);
    expect(copy.id).not.toBe(id);
    expect(copy.origin).toBe("ManuallyCreated");
    expect(simulator.log.at(-1)).toMatchObject({ action: "create", stamp: "web/1", via: "person" });
  });

  it("edit by themselves as time goes by, the same for the same seed", async () => {
    const story = async (seed: number) => {
      const { simulator, clock } = simulated({ seed, edits: { perMinute: 6 } });
      simulator.seedPersons(50);
      for (let i = 0; i < 20; i++) simulator.addDeal({ title: `Deal ${i}`, person_id: 1_001 + i });
      await clock.advance(3_600_000);
      return simulator.log.slice(20).map(({ at, entity, id, action }) => `${at} ${entity} ${id} ${action}`);
    };
    const told = await story(7);
    expect(told.length).toBeGreaterThan(200);
    expect(told.some((line) => line.endsWith("merge"))).toBe(true);
    expect(told.some((line) => line.endsWith("delete"))).toBe(true);
    expect(await story(7)).toEqual(told);
    expect(await story(8)).not.toEqual(told);
  });
});

describe("the account", () => {
  it("names its company, its users and its fields, and makes new fields up to the plan's cap", async () => {
    const { call, simulator } = simulated({
      withStampFields: false,
      planCaps: { customFields: 2 },
      company: { name: "Acme OÜ" },
    });
    expect((await call("GET", "/v1/users/me")).json.data).toMatchObject({
      id: 71,
      company_name: "Acme OÜ",
      company_domain: "acme",
    });
    expect((await call("GET", "/v1/users")).json.data).toHaveLength(3);
    const body = { field_name: "crmledger", field_type: "varchar" };
    const made = await call("POST", "/api/v2/personFields", body);
    expect(made.json.data).toMatchObject({ ...body, is_custom_field: true });
    expect(made.json.data.field_code).toMatch(/^[0-9a-f]{40}$/);
    expect(simulator.stampField("person")).toBe(made.json.data.field_code);
    expect((await call("GET", `/api/v2/personFields/${made.json.data.field_code}`)).status).toBe(200);
    await call("POST", "/api/v2/dealFields", body);
    const refused = await call("POST", "/api/v2/organizationFields", body);
    expect([refused.status, refused.json.code]).toEqual([403, "feature_capping_custom_fields_limit"]);
    expect((await call("POST", "/api/v2/dealFields", { field_name: "x", field_type: "colour" })).status).toBe(400);
    expect((await call("POST", "/api/v2/dealFields", { field_name: "x", field_type: "enum" })).status).toBe(400);
  });

  it("shows labels as options of label_ids, pipelines and stages under cursors", async () => {
    const { call, simulator } = simulated();
    const hot = simulator.addLabel("deal", "Website");
    const fields = (await call("GET", "/api/v2/dealFields?limit=500")).json.data;
    const labels = fields.find((field: { field_code: string }) => field.field_code === "label_ids");
    expect(labels.options).toContainEqual({ id: hot, label: "Website" });
    expect((await call("POST", "/api/v2/deals", { title: "T", label_ids: [hot] })).json.data.label_ids).toEqual([hot]);
    const first = await call("GET", "/api/v2/stages?limit=4");
    expect(first.json.data).toHaveLength(4);
    const rest = await call("GET", `/api/v2/stages?limit=4&cursor=${first.json.additional_data.next_cursor}`);
    expect(rest.json.data.map((stage: { name: string }) => stage.name)).toEqual(["Inbound", "Signed"]);
    expect((await call("GET", "/api/v2/stages?pipeline_id=2")).json.data).toHaveLength(2);
    expect((await call("GET", "/api/v2/pipelines")).json.data.map((one: { name: string }) => one.name)).toEqual([
      "Sales",
      "Partners",
    ]);
  });

  it("knows notes under v1 only, persons under v2 only", async () => {
    const { call } = simulated();
    for (const path of ["/api/v2/notes", "/v1/persons", "/api/v1/persons", "/v2/persons", "/"])
      expect((await call("GET", path)).status).toBe(404);
    for (const path of ["/v1/notes", "/api/v1/notes", "/api/v2/persons"])
      expect((await call("GET", path)).status).toBe(200);
  });
});
