/** Holds our requests against the vendor's own OpenAPI documents, where they lie beside the project (they are not ours to ship). */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import { describe, expect, it } from "vitest";
import type { PackedRequest } from "../../src/crm/adapter.ts";
import { pipedriveAdapter } from "../../src/crm/pipedrive/adapter.ts";
import { BUILT_IN_WRITABLE } from "../../src/crm/pipedrive/names.ts";
import { OPERATIONS, SESSION } from "../support/pipedrive-samples.ts";

interface Operation {
  "x-token-cost"?: number;
  parameters?: { name: string; in: string; required?: boolean; schema: { enum?: string[] } }[];
  requestBody?: { content: Record<string, { schema: object }> };
}
type Spec = { paths: Record<string, Record<string, Operation>> };

const FOLDER = new URL("../../../shared/openapi/", import.meta.url);
const file = (version: string) => fileURLToPath(new URL(`pipedrive-${version}.json`, FOLDER));
const present = existsSync(file("v1")) && existsSync(file("v2"));
const title = present
  ? "Pipedrive's OpenAPI documents"
  : "Pipedrive's OpenAPI documents (SKIPPED: ../shared/openapi is not here)";

function operationOf(request: PackedRequest): { operation: Operation | undefined; path: string } {
  const version = request.route.includes("/v1/") ? "v1" : "v2";
  const path = request.route.replace(/^\/(api\/)?v[12]/, "").replace(":id", "{id}");
  const spec = JSON.parse(readFileSync(file(version), "utf8")) as Spec;
  return { operation: spec.paths[path]?.[request.http.method.toLowerCase()], path };
}

describe.skipIf(!present)(title, () => {
  const requests = pipedriveAdapter.pack(OPERATIONS, SESSION);
  const rows = requests.map((request) => ({ name: request.operations[0]!.key, request }));

  it.each(rows)("know the path and the query of $name, and its price", ({ request }) => {
    const { operation } = operationOf(request);
    expect(operation).toBeDefined();
    const query = new URL(request.http.url).searchParams;
    const known = (operation?.parameters ?? []).filter((parameter) => parameter.in === "query");
    expect(known.map((parameter) => parameter.name)).toEqual(expect.arrayContaining([...query.keys()]));
    for (const { name, required, schema } of known) {
      if (required) expect(query.has(name)).toBe(true);
      if (schema.enum && query.has(name)) expect(schema.enum).toContain(query.get(name));
    }
    expect(request.charges.find((charge) => charge.bucket === "day")?.amount).toBe(operation?.["x-token-cost"]);
  });

  it.each(rows.filter((row) => row.request.http.body))("take the body of $name", ({ request }) => {
    const schema = operationOf(request).operation?.requestBody?.content["application/json"]?.schema ?? {};
    const ajv = new Ajv({ strict: false, allErrors: true });
    addFormats.default(ajv);
    const body = JSON.parse(request.http.body ?? "{}");
    const validate = ajv.compile(closed(schema));
    expect([validate(body), validate.errors]).toEqual([true, null]);
  });

  it("list every built-in field that we write", () => {
    const spec = JSON.parse(readFileSync(file("v2"), "utf8")) as Spec;
    for (const [entity, codes] of Object.entries(BUILT_IN_WRITABLE)) {
      const schema = spec.paths[`/${entity}s`]?.post?.requestBody?.content["application/json"]?.schema;
      expect(Object.keys((schema as { properties: object }).properties)).toEqual(expect.arrayContaining([...codes]));
    }
  });
});

/** The documents leave objects open; a misspelt member of ours would pass unseen. */
function closed(schema: object): object {
  const { allOf, properties } = schema as { allOf?: object[]; properties?: object };
  if (properties) return { ...schema, additionalProperties: false };
  const parts = (allOf ?? []) as { properties?: object; required?: string[] }[];
  return {
    type: "object",
    properties: Object.assign({}, ...parts.map((part) => part.properties ?? {})),
    required: parts.flatMap((part) => part.required ?? []),
    additionalProperties: false,
  };
}
