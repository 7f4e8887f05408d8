/**
 * The simulator's answers against the vendor's own OpenAPI documents. Those are not ours to carry: they are read from
 * the shared folder beside the project, and without it this suite is skipped.
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Ajv, type ValidateFunction } from "ajv";
import addFormats from "ajv-formats";
import { describe, expect, it } from "vitest";
import { ROUTE_COSTS } from "../../src/simulator/routes.ts";
import { type Said, simulated } from "../support/simulator.ts";

type Schema = Record<string, unknown>;
interface Operation {
  "x-token-cost"?: number;
  responses: Record<string, { content?: { "application/json"?: { schema: Schema } } }>;
}
type Spec = { paths: Record<string, Record<string, Operation>> };

const folder = new URL("../../../shared/openapi/", import.meta.url);
const file = (version: string) => fileURLToPath(new URL(`pipedrive-${version}.json`, folder));
const present = existsSync(file("v1")) && existsSync(file("v2"));
const read = (version: string): Spec => JSON.parse(readFileSync(file(version), "utf8"));

/** What real records have and the document leaves out. Each is in the SDK's types or in the vendor's guides. */
const UNDOCUMENTED: readonly string[] = ["creator_user_id", "archive_time"];

/** Joins `allOf`, allows null anywhere (real records have it where the document promises a value), and nothing that is not named. */
function strict(schema: Schema): Schema {
  const { allOf, ...own } = schema;
  const merged = ((allOf as Schema[] | undefined) ?? []).map(strict).reduce<Schema>(join, own);
  const { properties, items, ...rest } = merged as { properties?: Record<string, Schema>; items?: Schema };
  const out: Schema = { ...rest };
  delete out.nullable;
  delete out.example;
  if (items) out.items = strict(items);
  if (properties && Object.keys(properties).length > 0) {
    out.properties = Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, strict(value)]));
    for (const key of UNDOCUMENTED) (out.properties as Record<string, Schema>)[key] ??= {};
    out.additionalProperties ??= false;
  }
  if (typeof out.type === "string") out.type = [out.type, "null"];
  return out;
}

function join(a: Schema, b: Schema): Schema {
  const properties = { ...(a.properties as object), ...(b.properties as object) };
  const required = [...((a.required as string[]) ?? []), ...((b.required as string[]) ?? [])];
  return { ...a, ...b, properties, ...(required.length > 0 ? { required } : {}) };
}

const word = present ? "" : " (SKIPPED: ../shared/openapi is not here)";
describe.skipIf(!present)(`the vendor's OpenAPI documents${word}`, () => {
  const specs = present ? { v1: read("v1"), v2: read("v2") } : { v1: { paths: {} }, v2: { paths: {} } };
  const ajv = new Ajv({ strict: false, allErrors: true });
  addFormats.default(ajv);

  const operation = (route: string): Operation | undefined => {
    const [method, path] = route.split(" ") as [string, string];
    const version = path.startsWith("/v1/") ? "v1" : "v2";
    const plain = path
      .replace(/^\/(api\/)?v[12]/, "")
      .replace(":id", "{id}")
      .replace(":code", "{field_code}");
    return specs[version].paths[plain]?.[method.toLowerCase()];
  };
  const validator = (route: string): ValidateFunction =>
    ajv.compile(strict(operation(route)!.responses["200"]!.content!["application/json"]!.schema));
  const expectValid = (route: string, { status, json }: Said) => {
    expect(status, JSON.stringify(json)).toBe(200);
    const validate = validator(route);
    expect(validate(json) ? [] : validate.errors, route).toEqual([]);
  };

  it("name the same price for every route that is answered", () => {
    for (const [route, cost] of Object.entries(ROUTE_COSTS))
      expect([route, operation(route)?.["x-token-cost"]]).toEqual([route, cost]);
  });

  it("would see a misspelt member, a wrong type and a text for a number", () => {
    const validate = validator("GET /api/v2/persons/:id");
    expect(validate({ success: true, data: { id: 1, name: "A", emails: [], custom_fields: { x: 1 } } })).toBe(true);
    for (const data of [{ id: 1, nmae: "A" }, { id: "1" }, { id: 1, emails: [{ address: "a" }] }])
      expect(validate({ success: true, data })).toBe(false);
  });

  it("take every answer of a whole chain", async () => {
    const { call, simulator, clock } = simulated();
    const size = simulator.addField("person", "Size", "enum", ["S", "L"]);
    const stamp = simulator.stampField("person")!;
    const custom_fields = { [stamp]: "web/1", [size.field_code]: size.options![0]!.id };
    const contacts = { emails: [{ value: "a@example.com" }], phones: [{ value: "+441234567890" }] };
    const organization = { name: "O", address: { value: "1 Main St" }, label_ids: [5] };
    expectValid("POST /api/v2/organizations", await call("POST", "/api/v2/organizations", organization));
    const org_id = simulator.records.organizations[0]!.id;
    const person = { name: "Ada Lovelace", org_id, label_ids: [1], custom_fields, ...contacts };
    expectValid("POST /api/v2/persons", await call("POST", "/api/v2/persons", person));
    const person_id = simulator.records.persons[0]!.id;
    const deal = { title: "T", person_id, org_id, value: 12, expected_close_date: "2026-12-24" };
    expectValid("POST /api/v2/deals", await call("POST", "/api/v2/deals", deal));
    const deal_id = simulator.records.deals[0]!.id;
    const note = { content: "x", deal_id, person_id, org_id, pinned_to_deal_flag: 1 };
    expectValid("POST /v1/notes", await call("POST", "/v1/notes", note));
    const note_id = simulator.records.notes[0]!.id;
    await clock.advance(10_000);

    const patches: [string, number, object][] = [
      ["persons", person_id, { name: "Ada" }],
      ["organizations", org_id, { website: "https://example.com", employee_count: 3 }],
      ["deals", deal_id, { status: "won", probability: 50 }],
    ];
    for (const [plural, id, body] of patches) {
      expectValid(`PATCH /api/v2/${plural}/:id`, await call("PATCH", `/api/v2/${plural}/${id}`, body));
      expectValid(`GET /api/v2/${plural}/:id`, await call("GET", `/api/v2/${plural}/${id}`));
      expectValid(`GET /api/v2/${plural}`, await call("GET", `/api/v2/${plural}?limit=500&sort_by=id`));
      const search = await call(
        "GET",
        `/api/v2/${plural}/search?term=${plural === "deals" ? "web" : "o"}&exact_match=true`,
      );
      expectValid(`GET /api/v2/${plural}/search`, search);
    }
    expectValid("PUT /v1/notes/:id", await call("PUT", `/v1/notes/${note_id}`, { content: "y" }));
    expectValid("GET /v1/notes/:id", await call("GET", `/v1/notes/${note_id}`));
    expectValid("GET /v1/notes", await call("GET", `/v1/notes?deal_id=${deal_id}`));
    expectValid("GET /api/v2/itemSearch", await call("GET", "/api/v2/itemSearch?term=ada"));
    expectValid("GET /api/v2/persons/search", await call("GET", "/api/v2/persons/search?term=ada"));
    expectValid("DELETE /v1/notes/:id", await call("DELETE", `/v1/notes/${note_id}`));
    simulator.archiveDeal(deal_id);
    expectValid("GET /api/v2/deals/archived", await call("GET", "/api/v2/deals/archived"));
    expectValid("DELETE /api/v2/deals/:id", await call("DELETE", `/api/v2/deals/${deal_id}`));
    expectValid("GET /api/v2/deals", await call("GET", "/api/v2/deals?status=deleted"));
  });

  it("take every answer about the set-up, and of merges", async () => {
    const { call, simulator } = simulated();
    for (const entity of ["person", "organization", "deal"] as const) {
      const body = { field_name: "Likes", field_type: "set", options: [{ label: "Tea" }] };
      const made = await call("POST", `/api/v2/${entity}Fields`, body);
      expectValid(`POST /api/v2/${entity}Fields`, made);
      expectValid(`GET /api/v2/${entity}Fields`, await call("GET", `/api/v2/${entity}Fields?limit=500`));
      const one = await call("GET", `/api/v2/${entity}Fields/${made.json.data.field_code}`);
      expectValid(`GET /api/v2/${entity}Fields/:code`, one);
    }
    for (const path of ["/api/v2/pipelines", "/api/v2/stages", "/v1/users", "/v1/users/me"])
      expectValid(`GET ${path}`, await call("GET", path));
    expectValid("GET /api/v2/pipelines/:id", await call("GET", "/api/v2/pipelines/1"));
    expectValid("GET /api/v2/stages/:id", await call("GET", "/api/v2/stages/11"));
    simulator.seedPersons(2);
    expectValid("PUT /v1/persons/:id/merge", await call("PUT", "/v1/persons/1002/merge", { merge_with_id: 1_001 }));
    const [one, two] = [simulator.addDeal({ title: "1" }).id, simulator.addDeal({ title: "2" }).id];
    expectValid("PUT /v1/deals/:id/merge", await call("PUT", `/v1/deals/${one}/merge`, { merge_with_id: two }));
    const [a, b] = [simulator.addOrganization({ name: "A" }).id, simulator.addOrganization({ name: "B" }).id];
    expectValid(
      "PUT /v1/organizations/:id/merge",
      await call("PUT", `/v1/organizations/${a}/merge`, { merge_with_id: b }),
    );
    expectValid("DELETE /api/v2/persons/:id", await call("DELETE", "/api/v2/persons/1001"));
  });
});
