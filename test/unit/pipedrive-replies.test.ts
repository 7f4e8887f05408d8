import { describe, expect, it } from "vitest";
import { pipedriveAdapter as adapter } from "../../src/crm/pipedrive/adapter.ts";
import type { Operation, Outcome } from "../../src/domain/operation.ts";
import type { HttpResponse } from "../../src/domain/wire.ts";
import { OPERATIONS, row, SESSION, STAMPS, TEXT_FIELD } from "../support/pipedrive-samples.ts";

const requestOf = (key: string) =>
  adapter.pack([OPERATIONS.find((operation) => operation.key === key) as Operation], SESSION)[0]!;
const reply = (status: number, body: unknown, headers: Record<string, string> = {}): HttpResponse => ({
  type: "response",
  status,
  headers,
  body: typeof body === "string" ? body : JSON.stringify(body),
});
const classify = (key: string, status: number, body: unknown, headers?: Record<string, string>): Outcome =>
  adapter.classify(requestOf(key), reply(status, body, headers), SESSION)[0]!;
const read = (key: string, data: unknown, additional?: unknown) =>
  classify(key, 200, { success: true, data, ...(additional !== undefined && { additional_data: additional }) });

describe("records", () => {
  it("come in neutral names", () => {
    const outcome = read("rp", row("person"));
    expect(outcome).toMatchObject({
      type: "applied",
      id: "7",
      record: {
        name: "Ada Lovelace",
        emails: ["ada@example.com"],
        phones: ["+44 1234 567890"],
        ownerId: "1",
        organizationId: null,
        labelIds: ["1", "2"],
        stamp: "website/wf_1",
        createdAtMs: Date.UTC(2026, 10, 20, 10, 15),
        deleted: false,
        fields: { [TEXT_FIELD.code]: "Analyst", job_title: "Countess" },
      },
    });
  });

  it("are read when nearly everything is missing, null or of another type", () => {
    const junk = Object.fromEntries(Object.keys(row("deal")).map((name) => [name, { odd: [true] }]));
    for (const data of [
      { id: 7 },
      { ...junk, id: 7 },
      Object.fromEntries([...Object.keys(junk).map((k) => [k, null]), ["id", 7]]),
    ])
      expect(read("rp", data)).toMatchObject({ type: "applied", record: { id: "7", emails: [], stamp: null } });
  });

  it("drop e-mails without a value", () => {
    const emails = [{ value: "" }, { value: null }, { label: "work" }, "plain@example.com", { value: "a@example.com" }];
    expect(read("rp", { id: 7, emails })).toMatchObject({ record: { emails: ["plain@example.com", "a@example.com"] } });
  });

  it("say who made a deal, where the CRM does", () => {
    const origins = { API: true, ManuallyCreated: false, Import: null };
    for (const [origin, byApi] of Object.entries(origins))
      expect(read("ud", { id: 61, origin })).toMatchObject({ record: { byApi } });
    expect(read("ud", { id: 61 })).toMatchObject({ record: { byApi: null } });
  });

  it("say which part of how many a note is", () => {
    const noteRead = (content: string) => read("rn", { id: 90, content });
    expect(noteRead("One<br>Ref. website/wf_1 (2/3)")).toMatchObject({
      record: { stamp: "website/wf_1", stampPart: 2 },
    });
    expect(noteRead("One<br>Ref. website/wf_1")).toMatchObject({ record: { stamp: "website/wf_1", stampPart: null } });
  });

  it("say that they are deleted or archived", () => {
    expect(read("rp", { id: 7, is_deleted: true })).toMatchObject({ record: { deleted: true } });
    expect(read("rn", { id: 90, active_flag: false })).toMatchObject({ record: { deleted: true } });
    expect(read("la", [{ id: 61, is_archived: true }])).toMatchObject({
      records: [{ archived: true, deleted: false }],
    });
  });

  it("of v1 have their times read as UTC", () => {
    expect(read("rn", row("note"))).toMatchObject({
      record: { createdAtMs: Date.UTC(2026, 10, 20, 10, 15), dealId: "61", personId: "7", stamp: "website/wf_1" },
    });
  });
});

describe("pages", () => {
  const full = Array.from({ length: 500 }, (_, index) => ({ id: index + 1 }));
  it.each([
    ["lp", [{ id: 1 }], { next_cursor: "abc" }, "abc"],
    ["lp", [{ id: 1 }], { next_cursor: null }, null],
    ["lp", [{ id: 1 }], undefined, null],
    ["lp", full, { next_cursor: null }, null],
    ["ln", [{ id: 1 }], { pagination: { more_items_in_collection: true, next_start: 1000 } }, "1000"],
    ["ln", null, { pagination: { more_items_in_collection: false } }, null],
  ])("%s of some rows with %j", (key, data, additional, next) => {
    expect(read(key, data, additional)).toMatchObject({ type: "applied", next });
  });

  it("that are full and don't say whether more follows are no end of a walk", () => {
    expect(read("lp", full)).toMatchObject({ type: "uncertain" });
    expect(read("ln", [{ id: 1 }], { pagination: { more_items_in_collection: true } })).toMatchObject({
      type: "uncertain",
    });
  });

  it("that lead back to themselves would never end", () => {
    expect(read("lx", [{ id: 1 }], { next_cursor: "abc" })).toMatchObject({ type: "uncertain" });
  });

  it("with one record that can't be read are not read at all", () => {
    expect(read("lp", [{ id: 1 }, { name: "no id" }], { next_cursor: null })).toMatchObject({ type: "uncertain" });
    expect(read("lp", {}, { next_cursor: null })).toMatchObject({ type: "uncertain" });
  });

  it("of ids hold only what was asked for", () => {
    expect(read("rm", [{ id: 7 }, { id: 99 }])).toMatchObject({ records: [{ id: "7" }] });
  });
});

describe("the catalog", () => {
  it("names fields, which of them can be written, and labels", () => {
    const field = (code: string, type: string, custom: boolean, options: unknown = null) => ({
      field_name: code,
      field_code: code,
      field_type: type,
      is_custom_field: custom,
      options,
    });
    const outcome = read("fd", [
      field("title", "varchar", false),
      field("expected_close_date", "date", false),
      field(STAMPS.deal, "varchar", true),
      field("pic", "picture", true),
      field("label_ids", "set", false, [{ id: 9, label: "Hot" }]),
    ]);
    const deal = outcome.type === "applied" ? outcome.catalog?.fields?.deal : undefined;
    const writable = deal?.filter((def) => def.writable).map((def) => def.code);
    expect(writable).toEqual(["expected_close_date", STAMPS.deal]);
    expect(outcome).toMatchObject({ catalog: { labels: { deal: [{ id: "9", label: "Hot" }] } } });
  });

  it("leaves out deleted pipelines and stages", () => {
    const rows = [
      { id: 1, name: "Sales", is_deleted: false },
      { id: 2, name: "Old", is_deleted: true },
    ];
    expect(read("dp", rows)).toMatchObject({ catalog: { pipelines: [{ id: "1", name: "Sales" }] } });
  });

  it("names the account that the ledger is bound to", () => {
    expect(
      read("da", { id: 1, name: "Sam", company_id: 11, company_name: "Acme", company_domain: "acme" }),
    ).toMatchObject({
      catalog: { account: { externalId: "11", domain: "acme", userId: "1" } },
    });
    expect(read("da", { id: 1, name: "Sam" })).toMatchObject({ type: "uncertain" });
  });
});

describe("refusals", () => {
  it.each([
    [
      { success: false, error: "Bad", error_info: "x", code: "ERR_SCHEMA_VALIDATION_FAILED" },
      "ERR_SCHEMA_VALIDATION_FAILED",
    ],
    [{ success: false, error: "Validation failed: ERR_SCHEMA_VALIDATION_FAILED" }, "ERR_SCHEMA_VALIDATION_FAILED"],
    [{ success: false, error: "Deal not found" }, "HTTP_400"],
    ["<html>", "HTTP_400"],
    ["", "HTTP_400"],
  ])("of %j are grouped by %s", (body, code) => {
    expect(classify("p", 400, body)).toMatchObject({ type: "refused", code });
  });

  it("say what the CRM said, without its advertisement, and not at any length", () => {
    const info = "Please check developers.pipedrive.com for more information";
    expect(classify("p", 400, { error: "org_id does not exist", error_info: info })).toMatchObject({
      message: "Pipedrive answered 400: org_id does not exist",
    });
    const long = classify("p", 400, { error: "x".repeat(10_000) });
    expect(long.type === "refused" && long.message.length).toBeLessThan(600);
  });

  it("tell that a record is gone only where one was named", () => {
    const body = { success: false, error: "not found" };
    for (const key of ["rp", "up", "p", "mp", "xn", "xd"])
      expect(classify(key, 404, body)).toMatchObject({ type: "refused", gone: true });
    expect(classify("rp", 410, "")).toMatchObject({ gone: true });
    for (const key of ["o", "lp", "da"]) expect(classify(key, 404, body)).not.toHaveProperty("gone");
  });

  it("by something that is not the API say nothing about a record", () => {
    const outcome = classify("rp", 404, "<html>nginx</html>");
    expect(outcome).toMatchObject({ type: "refused", hold: { kind: "outage", scope: "account" } });
    expect(outcome).not.toHaveProperty("gone");
  });
});

describe("a merge and a delete", () => {
  it("are applied only where the reply is about the records that they named", () => {
    const answered = (key: string, data: unknown) => classify(key, 200, { success: true, data });
    expect(answered("mp", { id: 7, merge_what_id: 9 })).toMatchObject({ type: "applied", id: "7" });
    expect(answered("mp", { id: 9 })).toMatchObject({ type: "uncertain" });
    for (const id of [3, 4]) expect(answered("mo", { id })).toMatchObject({ type: "applied", id: "3" });
    expect(answered("mo", { id: 5 })).toMatchObject({ type: "uncertain" });
    expect(answered("xd", { id: 61 })).toMatchObject({ type: "applied", id: "61" });
    expect(answered("xd", { id: 60 })).toMatchObject({ type: "uncertain" });
    expect(answered("xn", false)).toMatchObject({ type: "uncertain" });
  });

  it("go to the record that is to go, and name the one that stays", () => {
    expect(requestOf("mp").http).toMatchObject({ method: "PUT", body: '{"merge_with_id":7}' });
    expect(new URL(requestOf("mp").http.url).pathname).toBe("/api/v1/persons/9/merge");
  });
});

describe("an update", () => {
  it("is applied only to the record that it named", () => {
    expect(classify("up", 200, { success: true, data: { id: 7 } })).toMatchObject({ type: "applied", id: "7" });
    expect(classify("up", 200, { success: true, data: { id: 8 } })).toMatchObject({ type: "uncertain" });
  });
});

describe("limits", () => {
  const headers = {
    "x-ratelimit-limit": "40",
    "x-ratelimit-remaining": "0",
    "x-ratelimit-reset": "2",
    "x-daily-ratelimit-token-limit": "60000",
    "x-daily-ratelimit-token-remaining": "59000",
  };
  const limits = (key: string, status: number, more: Record<string, string> = {}) =>
    adapter.limits(requestOf(key), reply(status, "{}", { ...headers, ...more }));
  const burst = { bucket: "burst", limit: 40, remaining: 0, resetMs: 2000 };
  const day = { bucket: "day", limit: 60_000, remaining: 59_000 };

  it("are those of the window and of the day", () => {
    expect(limits("p", 200)).toEqual([burst, day]);
  });

  it("name the window that refused; of a search, both", () => {
    expect(limits("p", 429, { "retry-after": "3" })).toEqual([{ ...burst, exceeded: true, retryAfterMs: 3000 }, day]);
    expect(limits("se", 429)).toEqual([
      { ...burst, bucket: "search", exceeded: true },
      { bucket: "burst", exceeded: true },
      day,
    ]);
  });

  it("of a spent day hold the account, not the window", () => {
    const spent = { "x-daily-ratelimit-token-remaining": "0" };
    expect(limits("p", 429, spent)).toEqual([burst, { ...day, remaining: 0, exceeded: true }]);
    expect(classify("p", 429, "{}", { ...headers, ...spent })).toMatchObject({
      type: "deferred",
      reason: "daily",
      hold: { kind: "dailyQuota", scope: "account", forMs: null },
    });
  });

  it.each([
    ["7", 7000],
    ["0", 0],
    ["-5", null],
    ["soon", null],
    ["999999999", null],
    ["Fri, 20 Nov 2026 10:15:30 GMT", 30_000],
    ["Fri, 20 Nov 2026 10:00:00 GMT", 0],
  ])("take Retry-After %s as %s ms", (text, ms) => {
    const outcome = classify("p", 429, "{}", { "retry-after": text, date: "Fri, 20 Nov 2026 10:15:00 GMT" });
    expect(outcome).toMatchObject({ type: "deferred", retryAfterMs: ms });
  });

  it("don't take a date without a clock to hold it against", () => {
    expect(classify("p", 429, "{}", { "retry-after": "Fri, 20 Nov 2026 10:15:30 GMT" })).toMatchObject({
      retryAfterMs: null,
    });
  });
});
