/** What seven form tools emit goes in through maps: byte for byte as they emit it. */
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { SourceSettings } from "../../src/domain/settings.ts";
import { type IngestRig, openIngestRig, total } from "../support/ingest-rig.ts";

let rig: IngestRig;
beforeEach(async () => {
  rig = await openIngestRig();
});
afterEach(() => rig.close());

const take = async (name: string, changes: Partial<SourceSettings>) => {
  const report = await rig.import(join(import.meta.dirname, "../../fixtures/payloads", name), changes);
  const byKey = new Map((await rig.queued()).map((row) => [row.key, row]));
  return {
    counts: total(report),
    warnings: report.warnings.join("\n"),
    byKey,
    rejects: (await rig.ledger.rejects(9)).rows,
  };
};
const utc = (text: string): number => Date.parse(text);

it("Typeform: answers by reference, a redelivery is a duplicate", async () => {
  const answer = (ref: string, rest: string): string => `= form_response.answers[field.ref = '${ref}'].${rest}`;
  const { counts, byKey } = await take("typeform-webhook.jsonl", {
    map: {
      id: "event_id",
      submittedAt: "form_response.submitted_at",
      "person.name": answer("full_name", "text"),
      "person.email": answer("email", "email"),
      "person.phone": "= form_response.answers[type = 'phone_number'].phone_number",
      "deal.title": answer("product", "(choice.label ? choice.label : choice.other)"),
      "deal.fields.Seats": answer("seats", "number"),
      notes: [
        answer("message", "text"),
        "= 'Topics: ' & $join(form_response.answers[field.ref = 'topics'].choices.labels, ', ')",
      ],
    },
  });
  expect(counts).toEqual({ rows: 4, new: 3, duplicate: 1 });
  expect(byKey.get("01KAGX7T5M3VQ2Z8B4N6C9D0EF")).toMatchObject({
    submittedAtMs: utc("2026-11-20T10:15:02Z"),
    content: {
      person: { name: "Ada Lovelace", email: "ada@example.com", phone: "+441632960123" },
      deal: { title: "Difference Engine", fields: { Seats: 25 } },
      notes: ["Please call me on Monday.\nAfter 10:00 – thanks!", "Topics: Price, Delivery, installation"],
    },
  });
  expect(byKey.get("01KAGXB2QK7M9S0T1V3W5X7Y9Z")?.content?.deal?.title).toBe("A loom");
});

it("Webflow: labels with dots and slashes, a phone that is a number, a record without address", async () => {
  const { counts, byKey, rejects } = await take("webflow-form-submission.json", {
    country: "US",
    map: {
      id: "payload.id",
      submittedAt: "payload.submittedAt",
      "person.name": "= payload.data.(`First Name` & ' ' & `Last Name`)",
      "person.email": "payload.data.email",
      "person.phone": "payload.data.Phone Number",
      "organization.name": "payload.data.`Company (incl. Ltd./GmbH)`",
      notes: ["payload.data.Message"],
    },
    restToNote: "payload.data",
  });
  expect(counts).toEqual({ rows: 3, new: 2, rejected: 1 });
  expect(byKey.get("691ee9a4d3f2b80012ab34c1")?.content).toEqual({
    person: { name: "Zaphod Beeblebrox", email: "zaphod@example.com", phone: "+15550100134" },
    organization: { name: "Heart of Gold Ltd." },
    notes: ["Share and enjoy.\r\nNo towel needed.\n\nTopic: Sales\nNewsletter: true"],
  });
  expect(byKey.get("691eea11d3f2b80012ab34d7")?.identityKeys).toEqual([
    "email:zaneta@example.com",
    "phone:+48221234567",
  ]);
  expect(rejects).toMatchObject([{ origin: { line: 3 }, reason: "no usable e-mail or phone" }]);
});

it("Gravity Forms: BOM, quotes, line ends in cells, local time, money that is no number", async () => {
  const { counts, byKey, warnings } = await take("gravity-forms-export.csv", {
    timezone: "America/New_York",
    country: "US",
    map: {
      id: "Entry Id",
      submittedAt: "Entry Date",
      "person.name": "= $trim(`Name (First)` & ' ' & `Name (Last)`)",
      "person.email": "Email",
      "person.phone": "Phone",
      "organization.name": "Company",
      "deal.value": "Budget",
      notes: "Message",
    },
  });
  expect(counts).toEqual({ rows: 3, new: 3 });
  expect(byKey.get("1043")).toMatchObject({
    submittedAtMs: utc("2026-11-20T05:15:02-05:00"),
    content: {
      person: { name: "Élodie Lefèvre", email: "elodie.lefevre@example.com", phone: "+15550100177" },
      notes: ['Bonjour,\nnous cherchons un devis pour 3 "lots".\n\nMerci; à bientôt'],
      badValues: [{ path: "deal.value", label: "Budget", value: "$ 2,500.00" }],
    },
  });
  // Daylight saving ended an hour later.
  expect(byKey.get("1041")?.submittedAtMs).toBe(utc("2026-11-01T00:59:30-04:00"));
  expect(byKey.get("1042")?.content?.notes).toEqual([`'=HYPERLINK("http://example.com")`]);
  expect(warnings).toContain("deal.value: 2 values could not be taken");
});

it("Google Forms: no id, times with a picture, column names with trailing blanks", async () => {
  const changes = {
    map: {
      submittedAt: "= $time(Timestamp, '[Y]/[M01]/[D01] [h]:[m01]:[s01] [P] [z0]')",
      "person.name": "Full name",
      "person.email": "Username",
      "person.phone": "Phone number",
      "organization.name": "Company",
      "person.labels": "= $split(`What are you interested in?`, ';')",
      notes: "Anything else we should know?",
    },
    country: "DE",
  };
  const { counts, byKey } = await take("google-forms-responses.csv", changes);
  expect(counts).toEqual({ rows: 4, new: 4 });
  const ada = [...byKey.values()].find(({ content }) => content?.person?.email === "ada.byron@example.com");
  expect(ada?.key).toMatch(/^[\da-f]{64}$/);
  expect(ada).toMatchObject({
    submittedAtMs: utc("2026-11-20T10:15:02Z"),
    content: { person: { phone: "+441632960123", labels: ["Pricing", "Training", "Something, with a comma"] } },
  });
  const again = await take("google-forms-responses.csv", changes);
  expect(again.counts).toEqual({ rows: 4, duplicate: 4 });
});

it("Shopify: ids beyond 2^53 keep their digits, persons without e-mail come by phone", async () => {
  const { counts, byKey } = await take("shopify-customers-create.jsonl", {
    map: {
      id: "id",
      submittedAt: "created_at",
      "person.name": "= $trim(first_name & ' ' & last_name)",
      "person.email": "email",
      "person.phone": ["phone", "default_address.phone"],
      "organization.name": "default_address.company",
      "person.fields.Shopify": "= 'customer ' & id",
      notes: "note",
    },
  });
  expect(counts).toEqual({ rows: 3, new: 3 });
  expect([...byKey.keys()]).toEqual(["706405506930370084", "7624983018345", "7624983051113"]);
  expect(byKey.get("706405506930370084")?.content?.person).toEqual({
    name: "Bob Biller",
    email: "bob@example.com",
    phone: "555-555-5555",
    fields: { Shopify: "customer 706405506930370084" },
  });
  expect(byKey.get("7624983051113")?.identityKeys).toEqual(["phone:+15550100188"]);
});

it("Facebook: tab-separated UTF-16 that is called CSV, prefixes, test leads", async () => {
  const { counts, byKey } = await take("facebook-lead-ads-export.csv", {
    map: {
      id: "id",
      submittedAt: "created_time",
      "person.name": "full_name",
      "person.email": "email",
      "person.phone": "phone_number",
      "organization.name": "company_name",
      "deal.fields.Team": "how_big_is_your_team?",
    },
    where: "$not($contains(full_name, '<test lead'))",
  });
  expect(counts).toEqual({ rows: 4, new: 3, skipped: 1 });
  expect(byKey.get("l:1557894928956183")?.content).toEqual({
    person: { name: "Ayşe Demir 🌷", email: "ayse.demir@example.com", phone: "+4915112345678" },
    organization: { name: '"Demir" Textil' },
    deal: { fields: { Team: "1-10" } },
  });
});

it("Vapi: what a model heard is no address; a call without a number is rejected, and kept", async () => {
  const { counts, byKey, rejects } = await take("vapi-end-of-call-report.jsonl", {
    map: {
      id: "message.call.id",
      submittedAt: "message.timestamp",
      "person.name": ["message.analysis.structuredData.fullName", "message.customer.name"],
      "person.email": "message.analysis.structuredData.email",
      "person.phone": "message.customer.number",
      "deal.value": "message.analysis.structuredData.budget",
      notes: ["message.analysis.summary"],
    },
    where: "message.type = 'end-of-call-report'",
  });
  expect(counts).toEqual({ rows: 3, new: 2, rejected: 1 });
  expect(byKey.get("7420f27a-30fd-4f49-a995-5549ae7cc00d")).toMatchObject({
    submittedAtMs: 1795169827310,
    content: { person: { name: "Maria Silva", phone: "+15550100123" }, deal: { value: 120 } },
  });
  expect(byKey.get("a1d7c9be-2d7e-4a41-8c3a-1d0f0e3b6f44")?.content?.person?.name).toBe("Jürgen Groß");
  expect(rejects).toMatchObject([{ reason: "no usable e-mail or phone (person.email is no address)" }]);
});
