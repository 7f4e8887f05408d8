/** Drafts of `check-source --draft`: of each tool's own payload, through the config's schema, to submissions. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { draftText } from "../../src/cli/draft-text.ts";
import { vendors } from "../../src/cli/read-config.ts";
import { parseConfig } from "../../src/config/parse-config.ts";
import type { SourceSettings } from "../../src/domain/settings.ts";
import { firstRecords } from "../../src/ingest/first-records.ts";
import type { SourceDraft } from "../../src/intake/known-tools/draft.ts";
import { draftOf } from "../../src/intake/known-tools/recognise.ts";
import { loadPhoneNormalizer } from "../../src/intake/phone.ts";
import { type IngestRig, openIngestRig, sourceOf, total } from "../support/ingest-rig.ts";

const fixtures = join(import.meta.dirname, "../../fixtures");

const TOOLS = [
  ["typeform", "typeform-webhook.jsonl", { rows: 4, new: 3, duplicate: 1 }],
  // The last one has neither e-mail nor phone.
  ["webflow", "webflow-form-submission.json", { rows: 3, new: 2, rejected: 1 }],
  ["gravity-forms", "gravity-forms-export.csv", { rows: 3, new: 3 }],
  // One person's answers came twice within a minute.
  ["google-forms", "google-forms-responses.csv", { rows: 4, new: 3, duplicate: 1 }],
  ["shopify", "shopify-customers-create.jsonl", { rows: 3, new: 2, skipped: 1 }],
  ["facebook-lead-ads", "facebook-lead-ads-export.csv", { rows: 4, new: 3, skipped: 1 }],
  ["vapi", "vapi-end-of-call-report.jsonl", { rows: 3, new: 3 }],
] as const;

let rig: IngestRig;
beforeEach(async () => {
  rig = await openIngestRig();
});
afterEach(() => rig.close());

async function drafted(file: string): Promise<SourceDraft> {
  const options = { file, format: null };
  const { format, records } = await firstRecords(await loadPhoneNormalizer(), sourceOf(), options, 200);
  return draftOf(format, records);
}

function settingsOf(draft: SourceDraft): SourceSettings {
  const text = `crm: { type: pipedrive }\n${draftText(draft, draft.name, "Drafted.", true)}`;
  const origin = { file: "/srv/crmledger/crmledger.yaml", env: {}, ownerOnly: true, vendors: vendors() };
  return { ...parseConfig(text, origin).sources[draft.name]!, spool: null };
}

describe.each(TOOLS)("the draft of %s", (tool, file, counts) => {
  const payload = join(fixtures, "payloads", file);

  test("takes every record that can be taken", async () => {
    const draft = await drafted(payload);
    expect(draft.name).toBe(tool);
    const report = await rig.import(payload, settingsOf(draft));
    expect(total(report)).toEqual(counts);
  });

  test("is the recipe, but for what only the site's owner knows", async () => {
    const { map, settings } = await drafted(payload);
    const recipes = parse(readFileSync(join(fixtures, "maps", `${tool}.yaml`), "utf8")) as Recipes;
    const { map: shipped, timezone: _, country: __, spool: ___, ...rest } = recipes.sources[tool]!;
    const { timezone: ____, ...own } = settings;
    expect(plain(map)).toEqual(plain(shipped));
    expect(own).toEqual(rest);
  });

  test("finds the same where records were stored with their headers", async () => {
    const { format, records } = await firstRecords(
      await loadPhoneNormalizer(),
      sourceOf(),
      { file: payload, format: null },
      200,
    );
    if (format === "csv") return;
    const lines = records.map((body) => `{"headers":{"x-test":"1"},"body":${textOf(body)}}\n`);
    const wrapped = rig.put(`${tool}.jsonl`, lines.join(""));
    const draft = await drafted(wrapped);
    expect(draft.name).toBe(tool);
    expect(total(await rig.import(wrapped, settingsOf(draft)))).toEqual(counts);
    const found = await rig.queued();
    const bare = await openIngestRig();
    await bare.import(payload, settingsOf(await drafted(payload)));
    const contents = (rows: typeof found) =>
      rows.map(({ key, submittedAtMs, content }) => ({ key, submittedAtMs, content }));
    expect(contents(found)).toEqual(contents(await bare.queued()));
    await bare.close();
  });
});

interface Recipes {
  sources: Record<string, Record<string, unknown> & { map: Record<string, unknown> }>;
}

/** Expressions are laid out as their writer likes, and YAML may have made line ends of `\n` already. */
const plain = (map: Record<string, unknown>) =>
  Object.fromEntries(
    Object.entries(map).map(([target, value]) => [
      target,
      typeof value === "string"
        ? value.replaceAll("\\n", "\n").replace(/\s+/g, " ").replaceAll("( ", "(").replaceAll(" )", ")")
        : value,
    ]),
  );

/** JSON with the digits of bigints. */
const textOf = (value: unknown): string =>
  JSON.stringify(value, (_, member: unknown) => (typeof member === "bigint" ? `#${member}#` : member)).replace(
    /"#(\d+)#"/g,
    "$1",
  );

describe("a tool that nobody knows", () => {
  const draftOfText = async (name: string, text: string): Promise<SourceDraft> => drafted(rig.put(name, text));
  const imported = async (name: string, text: string) => {
    const draft = await draftOfText(name, text);
    const report = await rig.import(join(rig.spool, name), settingsOf(draft));
    return { draft, counts: total(report), rows: await rig.queued() };
  };

  test("is guessed by values and names, and what is left goes into the note", async () => {
    const { draft, counts, rows } = await imported(
      "leads.csv",
      "Submission ID;Eingang;Vorname;Nachname;Kontakt;Telefon;Firma;Nachricht;Budget (EUR)\n" +
        "a-1;20.11.2026 10:15;Ada;Lovelace;ada@example.com;+44 1632 960123;Engines;Hallo;500\n" +
        "a-2;21.11.2026 09:00;Grace;Hopper;grace@example.com;;;;\n",
    );
    expect(draft.map).toEqual({
      id: "Submission ID",
      submittedAt: "= $time(Eingang, '[D].[M].[Y] [H]:[m01]')",
      "person.name": "= $trim(Vorname & ' ' & Nachname)",
      "person.email": "Kontakt",
      "person.phone": "Telefon",
      "organization.name": "Firma",
      notes: "Nachricht",
    });
    expect(draft.settings).toEqual({ timezone: "UTC", restToNote: "$" });
    expect(counts).toEqual({ rows: 2, new: 2 });
    expect(rows[0]).toMatchObject({
      key: "a-1",
      submittedAtMs: Date.UTC(2026, 10, 20, 10, 15),
      content: { person: { name: "Ada Lovelace", phone: "+441632960123" }, notes: ["Hallo\n\nBudget (EUR): 500"] },
    });
  });

  test.each([
    ["2026/11/20 10:15", "2026/11/21 9:00"],
    ["Nov 20, 2026 10:15 AM", "May 1, 2026 1:00 PM"],
    ["20.11.2026 10:15:00", "21.11.2026 9:00:00"],
    ["11/20/2026 10:15 AM", "11/21/2026 9:00 PM"],
  ])("writes its times as %s", async (one, other) => {
    const { rows } = await imported(
      "times.csv",
      `id,Date,mail\n1,"${one}",a@example.com\n2,"${other}",b@example.com\n`,
    );
    expect(rows[0]?.submittedAtMs).toBe(Date.UTC(2026, 10, 20, 10, 15));
    expect(rows[1]?.content?.badValues).toBeUndefined();
  });

  test("has no time that can be told: the draft says that then old ones are sent too", async () => {
    const { remarks, map } = await draftOfText("odd.csv", "id,Date,mail\n1,20th of Nov,a@example.com\n");
    expect(map).not.toHaveProperty("submittedAt");
    expect(remarks.join(" ")).toContain("each record is sent, last year's too");
  });

  test("may nest its members, and list its records in an API's answer", async () => {
    const record = (n: number) => ({
      id: `r${n}`,
      created_at: "2026-11-20T10:00:00Z",
      fields: { "Your e-mail": `p${n}@example.com`, "Full name": `P ${n}`, "Team size": "5" },
    });
    const { draft, counts, rows } = await imported("answer.json", JSON.stringify({ items: [record(1), record(2)] }));
    expect(draft.settings).toEqual({ records: "items", restToNote: "fields" });
    expect(draft.map).toMatchObject({ id: "id", "person.email": "fields.`Your e-mail`" });
    expect(counts).toEqual({ rows: 2, new: 2 });
    expect(rows[1]?.content).toEqual({ person: { name: "P 2", email: "p2@example.com" }, notes: ["Team size: 5"] });
  });

  test("takes columns apart whose names hold quotes, dots and words of the expression language", async () => {
    const { counts, rows } = await imported(
      "odd.csv",
      `"First.Name","Last name's","e.mail","in"\n"Ada","Lovelace","ada@example.com","x"\n`,
    );
    expect(counts).toEqual({ rows: 1, new: 1 });
    expect(rows[0]?.content?.person).toMatchObject({ email: "ada@example.com" });
  });

  test("in a submission's own shape needs no map", async () => {
    const { draft, counts } = await imported("own.jsonl", `{"id":"s1","person":{"email":"p1@example.com"}}\n`);
    expect(draft.map).toEqual({});
    expect(counts).toEqual({ rows: 1, new: 1 });
  });

  test("with something that may be an id asks whose it is, and does not take it", async () => {
    const draft = await draftOfText("zap.csv", "Zap Run ID,Email\n2025-1,p1@example.com\n2025-2,p2@example.com\n");
    expect(draft.map.id).toBeUndefined();
    expect(draft.remarks[0]).toContain('"id: Zap Run ID"');
  });

  test("without anybody to reach says so", async () => {
    const draft = await draftOfText("none.json", `{"colour":"red"}`);
    expect(draft.remarks[0]).toContain("e-mail address or phone number");
  });
});

describe("tools without a payload of their own here", () => {
  test("Tally: fields by type, answers under their labels", async () => {
    const field = (label: string, type: string, value: unknown) => ({ key: `question_${label}`, label, type, value });
    const body = {
      eventId: "e1",
      eventType: "FORM_RESPONSE",
      createdAt: "2026-11-20T10:00:00.000Z",
      data: {
        formName: "Contact",
        fields: [
          field("Your name", "INPUT_TEXT", "Ada"),
          field("Email", "INPUT_EMAIL", "ada@example.com"),
          field("Seats", "INPUT_NUMBER", 3),
          field("Plan", "MULTIPLE_CHOICE", ["0f-1"]),
        ],
      },
    };
    const file = rig.put("tally.json", JSON.stringify(body));
    await rig.import(file, settingsOf(await drafted(file)));
    expect((await rig.queued())[0]).toMatchObject({
      key: "e1",
      content: {
        person: { name: "Ada", email: "ada@example.com" },
        deal: { title: "Tally: Contact" },
        notes: ["Your name: Ada\nSeats: 3"],
      },
    });
  });

  test("Elementor: fields by their labels, out of a url-encoded post", async () => {
    const fields = [
      ["name", "Name", "Ada"],
      ["email", "Email", "ada@example.com"],
      ["field_7", "Your message", "Hello,\nthere"],
      ["field_8", "Budget", "500"],
      ["field_9", "Colour", ""],
    ] as const;
    const form = new URLSearchParams({ "form[id]": "f1", "form[name]": "Contact", "meta[credit][value]": "Elementor" });
    for (const [id, title, value] of fields) {
      const members = { id, type: "text", title, value, raw_value: value };
      for (const [name, member] of Object.entries(members)) form.set(`fields[${id}][${name}]`, member);
    }
    const file = rig.put("post.form", form.toString());
    const draft = await drafted(file);
    expect(draft.name).toBe("elementor");
    await rig.import(file, settingsOf(draft));
    expect((await rig.queued())[0]?.content).toEqual({
      person: { name: "Ada", email: "ada@example.com" },
      deal: { title: "Website: Contact" },
      notes: ["Hello,\nthere\nBudget: 500"],
    });
  });

  test("Calendly: invitees, but not their cancellations", async () => {
    const body = (event: string) => ({
      event,
      created_at: "2026-11-20T10:00:00.000000Z",
      payload: {
        uri: `https://api.example.com/invitees/${event}`,
        name: "Ada",
        email: "ada@example.com",
        questions_and_answers: [{ question: "Topic?", answer: "Engines", position: 0 }],
        scheduled_event: { name: "Intro call", start_time: "2026-11-24T09:00:00.000000Z" },
      },
    });
    const file = rig.put("calendly.json", JSON.stringify([body("invitee.created"), body("invitee.canceled")]));
    expect(total(await rig.import(file, settingsOf(await drafted(file))))).toEqual({ rows: 2, new: 1, skipped: 1 });
    expect((await rig.queued())[0]?.content).toEqual({
      person: { name: "Ada", email: "ada@example.com" },
      deal: { title: "Calendly: Intro call" },
      notes: ["Booked for: 2026-11-24T09:00:00.000000Z\nTopic?: Engines"],
    });
  });
});
