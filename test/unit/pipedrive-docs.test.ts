import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { pipedriveAdapter as adapter } from "../../src/crm/pipedrive/adapter.ts";
import { FIELD_TYPES } from "../../src/crm/pipedrive/fields/table.ts";
import { OPERATIONS, SESSION } from "../support/pipedrive-samples.ts";

const page = readFileSync(new URL("../../docs/adapters/pipedrive.md", import.meta.url), "utf8");
const listed = new Map(
  [...page.matchAll(/^\| `([A-Z]+ \/\S+)` \| (\d+) \|/gm)].map(([, call, tokens]) => [call, Number(tokens)]),
);

describe("docs/adapters/pipedrive.md", () => {
  it("lists every call with its price, and no other", () => {
    const made = new Map(
      adapter
        .pack(OPERATIONS, SESSION)
        .map(({ http, route, charges }) => [
          `${http.method} ${route}`,
          charges.find((charge) => charge.bucket === "day")?.amount,
        ]),
    );
    expect(Object.fromEntries(listed)).toEqual(Object.fromEntries(made));
  });

  it("names every field type that people can make", () => {
    const own = Object.keys(FIELD_TYPES).filter(
      (type) => !["boolean", "varchar_options", "visible_to", "status"].includes(type),
    );
    for (const type of own) expect(page).toMatch(new RegExp(`^\\|.*\\b${type}\\b.*\\|`, "m"));
  });
});
