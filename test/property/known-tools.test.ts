import fc from "fast-check";
import { expect, test } from "vitest";
import { draftText } from "../../src/cli/draft-text.ts";
import { vendors } from "../../src/cli/read-config.ts";
import { parseConfig } from "../../src/config/parse-config.ts";
import { draftOf } from "../../src/intake/known-tools/recognise.ts";
import { compileMapping } from "../../src/intake/mapping.ts";
import { loadPhoneNormalizer } from "../../src/intake/phone.ts";

const name = fc.oneof(
  fc.constantFrom(
    "email",
    "Your.Name",
    "first name",
    "in",
    "id",
    "submitted_at",
    "phone",
    "`",
    "a\nb",
    "$",
    "[x]",
    "= 1",
  ),
  fc.string({ unit: "binary", maxLength: 12 }),
);
const text = fc.oneof(
  fc.constantFrom("ada@example.com", "2026-11-20 10:15", "+441632960123", "20.11.2026 09:00", "'\\\"`${"),
  fc.string({ unit: "binary", maxLength: 20 }),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    text,
    fc.constantFrom(null, 7, true),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(name, tie("value"), { maxKeys: 4 }),
  ),
}));
const column = fc.dictionary(name, text, { minKeys: 1, maxKeys: 5 });
const typeform = fc.record({
  event_type: fc.constant("form_response"),
  form_response: fc.record({
    form_id: fc.constant("f"),
    definition: fc.record({
      fields: fc.array(fc.record({ ref: name, title: text, type: fc.constantFrom("short_text", "multiple_choice") })),
    }),
  }),
});
const webflow = fc.record({
  triggerType: fc.constant("form_submission"),
  payload: fc.record({
    data: fc.dictionary(name, text, { maxKeys: 5 }),
    schema: fc.array(fc.record({ fieldType: fc.constant("FormSelect"), fieldName: name }), { maxLength: 2 }),
  }),
});
const meta = { created_time: "2026-11-20", form_id: "f:1", is_organic: "true" };
const entry = { "Entry Id": "1", "Entry Date": "2026-11-20 10:00:00", "Source Url": "" };

test("whatever the records are, a draft is a config that parses, with a map that compiles", async () => {
  const phone = await loadPhoneNormalizer();
  const samples = fc.oneof(
    fc.record({
      format: fc.constant("json" as const),
      records: fc.array(fc.oneof(value, typeform, webflow), { maxLength: 3 }),
    }),
    fc.record({ format: fc.constant("json" as const), records: fc.array(typeform, { minLength: 1, maxLength: 2 }) }),
    fc.record({ format: fc.constant("json" as const), records: fc.array(webflow, { minLength: 1, maxLength: 2 }) }),
    fc.record({
      format: fc.constant("csv" as const),
      records: fc.oneof(
        fc.array(column, { maxLength: 3 }),
        column.map((row) => [{ ...row, ...meta }]),
        column.map((row) => [{ ...row, ...entry }]),
        column.map((row) => [{ Timestamp: "2026/11/20 11:15:02 AM GMT+1", ...row }]),
      ),
    }),
  );
  await fc.assert(
    fc.asyncProperty(samples, async ({ format, records }) => {
      const draft = draftOf(format, records);
      const yaml = draftText(draft, draft.name, "Drafted.", format !== "csv");
      const origin = { file: "/srv/crmledger.yaml", env: {}, ownerOnly: true, vendors: vendors() };
      const source = parseConfig(`crm: { type: pipedrive }\n${yaml}`, origin).sources[draft.name]!;
      expect(source.map ?? {}).toEqual(draft.map);
      await compileMapping(source, phone);
    }),
    { numRuns: 300 },
  );
});
