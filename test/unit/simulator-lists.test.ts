import { describe, expect, it } from "vitest";
import { type Caller, simulated } from "../support/simulator.ts";

async function walk(call: Caller, path: string): Promise<number[]> {
  const ids: number[] = [];
  let cursor: string | null = null;
  do {
    const page = await call("GET", path + (cursor === null ? "" : `&cursor=${cursor}`));
    expect(page.status).toBe(200);
    ids.push(...page.json.data.map((row: { id: number }) => row.id));
    cursor = page.json.additional_data.next_cursor;
  } while (cursor !== null);
  return ids;
}

describe("list pages", () => {
  it("walk through everything once, in the order of ids, however the pages are cut", async () => {
    const { call, simulator } = simulated();
    simulator.seedPersons(1_203);
    for (const limit of [100, 401, 500]) {
      const ids = await walk(call, `/api/v2/persons?sort_by=id&limit=${limit}`);
      expect(ids).toEqual(Array.from({ length: 1_203 }, (_, i) => 1_001 + i));
    }
    expect((await call("GET", "/api/v2/persons")).json.data).toHaveLength(100);
  });

  it("walk by update time, newest first too", async () => {
    const { call, simulator, clock } = simulated();
    simulator.seedPersons(5);
    for (const id of [1_003, 1_001, 1_005]) {
      await clock.advance(1_000);
      simulator.editPerson(id, { name: "Edited" });
    }
    const order = [1_002, 1_004, 1_003, 1_001, 1_005];
    expect(await walk(call, "/api/v2/persons?sort_by=update_time&limit=2")).toEqual(order);
    expect(await walk(call, "/api/v2/persons?sort_by=update_time&sort_direction=desc&limit=2")).toEqual(
      [...order.slice(2)].reverse().concat([1_004, 1_002]),
    );
  });

  it("take updated_since inclusively and updated_until exclusively, in whole seconds", async () => {
    const { call, simulator, clock } = simulated();
    await clock.advance(400);
    const first = simulator.addPerson({ name: "A" }).id;
    await clock.advance(1_000);
    const second = simulator.addPerson({ name: "B" }).id;
    simulator.seedPersons(3);
    expect(await walk(call, "/api/v2/persons?updated_since=2026-11-24T08:00:00Z")).toEqual([first, second]);
    expect(await walk(call, "/api/v2/persons?updated_since=2026-11-24T08:00:01Z")).toEqual([second]);
    expect(
      await walk(call, "/api/v2/persons?updated_since=2026-11-24T08:00:00Z&updated_until=2026-11-24T08:00:01Z"),
    ).toEqual([first]);
  });

  it.each([
    ["/api/v2/persons?updated_since=2026-11-24T08:00:00.000Z"],
    ["/api/v2/persons?updated_since=yesterday"],
    ["/api/v2/persons?limit=501"],
    ["/api/v2/persons?limit=0"],
    ["/api/v2/persons?cursor=nonsense"],
    ["/api/v2/persons?sort_by=name"],
    ["/api/v2/persons?update_since=2026-11-24T08:00:00Z"],
    [`/api/v2/persons?ids=${Array.from({ length: 101 }, (_, i) => i).join(",")}`],
    [`/api/v2/persons?custom_fields=${Array.from({ length: 16 }, (_, i) => `k${i}`).join(",")}`],
    ["/api/v2/deals?status=closed"],
  ])("refuse %s", async (path) => {
    const { call } = simulated();
    expect((await call("GET", path)).json).toMatchObject({ success: false, code: "ERR_SCHEMA_VALIDATION_FAILED" });
  });

  it("leave out of ids= what is unknown, deleted or merged", async () => {
    const { call, simulator } = simulated();
    simulator.seedPersons(4);
    simulator.deletePerson(1_002);
    simulator.mergePersons(1_003, 1_001);
    expect(await walk(call, "/api/v2/persons?ids=1004,1003,1002,1001,77777&limit=100")).toEqual([1_001, 1_004]);
  });

  it("filter deals by person, organization, stage, status; hide archived ones, which have their own list", async () => {
    const { call, simulator } = simulated();
    const person_id = simulator.addPerson({ name: "A" }).id;
    const org_id = simulator.addOrganization({ name: "O" }).id;
    const one = simulator.addDeal({ title: "1", person_id }).id;
    const two = simulator.addDeal({ title: "2", org_id, stage_id: 12 }).id;
    const three = simulator.addDeal({ title: "3", person_id, status: "won" }).id;
    const four = simulator.addDeal({ title: "4", person_id }).id;
    simulator.archiveDeal(four);
    expect(await walk(call, `/api/v2/deals?person_id=${person_id}`)).toEqual([one, three]);
    expect(await walk(call, `/api/v2/deals?person_id=${person_id}&status=open`)).toEqual([one]);
    expect(await walk(call, "/api/v2/deals?status=open,won")).toEqual([one, two, three]);
    expect(await walk(call, `/api/v2/deals?org_id=${org_id}&stage_id=12`)).toEqual([two]);
    expect(await walk(call, `/api/v2/deals/archived?person_id=${person_id}`)).toEqual([four]);
  });

  it("bring only the custom fields that were asked for, all of them with null otherwise", async () => {
    const { call, simulator } = simulated();
    const job = simulator.addField("person", "Job").field_code;
    const stamp = simulator.stampField("person")!;
    simulator.addPerson({ name: "A", custom_fields: { [stamp]: "web/1" } });
    const all = await call("GET", "/api/v2/persons?limit=1");
    expect(all.json.data[0].custom_fields).toEqual({ [stamp]: "web/1", [job]: null });
    const some = await call("GET", `/api/v2/persons?limit=1&custom_fields=${stamp}`);
    expect(some.json.data[0].custom_fields).toEqual({ [stamp]: "web/1" });
  });

  it("count a deal's notes on request", async () => {
    const { call, simulator } = simulated();
    const deal_id = simulator.addDeal({ title: "T" }).id;
    simulator.addNote({ content: "a", deal_id });
    const gone = simulator.addNote({ content: "b", deal_id }).id;
    simulator.deleteNote(gone);
    const { json } = await call("GET", `/api/v2/deals/${deal_id}?include_fields=notes_count`);
    expect(json.data.notes_count).toBe(1);
  });
});

describe("search", () => {
  it("does not see a write until its index has caught up", async () => {
    const { call, clock } = simulated({ searchLagMs: 3_000 });
    await call("POST", "/api/v2/persons", { name: "Ada", emails: [{ value: "Ada@Example.com" }] });
    const look = async () =>
      (await call("GET", "/api/v2/persons/search?term=ada%40example.com&fields=email&exact_match=true")).json.data
        .items;
    expect(await look()).toEqual([]);
    await clock.advance(2_999);
    expect(await look()).toEqual([]);
    await clock.advance(1);
    expect(await look()).toMatchObject([{ item: { type: "person", name: "Ada", emails: ["Ada@Example.com"] } }]);
  });

  it("still shows a deleted person, and an old address, until it has caught up", async () => {
    const { call, clock, simulator } = simulated({ searchLagMs: 3_000 });
    const { id } = simulator.addPerson({ name: "Ada", emails: [{ value: "old@example.com" }] });
    await clock.advance(3_000);
    simulator.editPerson(id, { emails: [{ value: "new@example.com" }] });
    const hits = async (term: string) =>
      (await call("GET", `/api/v2/persons/search?term=${term}&exact_match=true&fields=email`)).json.data.items.length;
    expect([await hits("old@example.com"), await hits("new@example.com")]).toEqual([1, 0]);
    await clock.advance(3_000);
    expect([await hits("old@example.com"), await hits("new@example.com")]).toEqual([0, 1]);
    simulator.deletePerson(id);
    expect(await hits("new@example.com")).toBe(1);
    await clock.advance(3_000);
    expect(await hits("new@example.com")).toBe(0);
  });

  it("looks into the fields that were asked for, whole or in part, custom texts and notes included", async () => {
    const { call, clock, simulator } = simulated();
    const stamp = simulator.stampField("person")!;
    const { id } = simulator.addPerson({ name: "Ada Lovelace", custom_fields: { [stamp]: "web/17" } });
    simulator.addNote({ content: "likes engines", person_id: id });
    await clock.advance(10_000);
    const hits = async (query: string) => (await call("GET", `/api/v2/persons/search?${query}`)).json.data.items.length;
    expect(await hits("term=lovelace&fields=name")).toBe(1);
    expect(await hits("term=lovelace&fields=name&exact_match=true")).toBe(0);
    expect(await hits("term=web/17&fields=custom_fields&exact_match=true")).toBe(1);
    expect(await hits("term=web/17&fields=name,email")).toBe(0);
    expect(await hits("term=engines&fields=notes")).toBe(1);
    expect((await call("GET", "/api/v2/persons/search?term=a")).status).toBe(400);
  });

  it("finds a stamp by its field, minding case", async () => {
    const { call, clock, simulator } = simulated();
    const field = simulator.stampField("deal")!;
    const { id } = simulator.addDeal({ title: "T", custom_fields: { [field]: "Web/17" } });
    await clock.advance(10_000);
    const look = (term: string) =>
      call("GET", `/api/v2/itemSearch/field?term=${term}&entity_type=deal&match=exact&field=${field}`);
    expect((await look("Web/17")).json.data).toMatchObject([{ id }]);
    expect((await look("web/17")).json.data).toEqual([]);
  });
});
