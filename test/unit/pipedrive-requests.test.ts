import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CrmSession } from "../../src/crm/adapter.ts";
import { pipedriveAdapter as adapter } from "../../src/crm/pipedrive/adapter.ts";
import type { Operation, UpdateOperation } from "../../src/domain/operation.ts";
import { KNOWN_PERSON, OPERATIONS, SESSION, STAMPS, TEXT_FIELD } from "../support/pipedrive-samples.ts";

const pack = (operation: Operation, session: CrmSession = SESSION) => adapter.pack([operation], session)[0]!;
const bodyOf = (operation: Operation) => JSON.parse(pack(operation).http.body ?? "null");
const sample = (key: string): Operation => OPERATIONS.find((operation) => operation.key === key)!;

describe("bodies of writes", () => {
  it("carry the stamp in a create, and never in an update", () => {
    expect(bodyOf(sample("o")).custom_fields).toEqual({ [STAMPS.organization]: "website/wf_1" });
    expect(bodyOf(sample("p")).custom_fields).toEqual({
      [STAMPS.person]: "website/wf_1",
      [TEXT_FIELD.code]: "Analyst",
    });
    for (const key of ["up", "uo", "ud"]) expect(pack(sample(key)).http.body).not.toContain("website/wf_1");
  });

  it("are not made without the stamp field: such a record could never be found again", () => {
    expect(() => pack(sample("p"), { ...SESSION, stampFields: {} })).toThrow(
      expect.objectContaining({ code: "crmSetupMissing", hint: expect.stringContaining("doctor --fix") }),
    );
  });

  it("have ids as numbers and built-in fields beside the custom ones", () => {
    expect(bodyOf(sample("p"))).toMatchObject({ owner_id: 1, org_id: 3, label_ids: [1, 2], job_title: "Countess" });
    expect(bodyOf(sample("d"))).toMatchObject({ person_id: 7, org_id: 3, pipeline_id: 1, stage_id: 2, value: 1200.5 });
    expect(bodyOf(sample("n"))).toEqual({
      content: "Tom &amp; Jerry &lt;t@example.com&gt;<br>Ref. website/wf_1",
      deal_id: 61,
      person_id: 7,
    });
  });

  it("keep the labels and the primary entry of the e-mails that are there, since the array is replaced whole", () => {
    expect(bodyOf(sample("up")).emails).toEqual([
      { value: "ada@example.com", primary: false, label: "work" },
      { value: "ada@home.example.com", primary: true, label: "home" },
      { value: "new@example.com", primary: false, label: "work" },
    ]);
  });

  it("have exactly one primary entry, whatever was there", () => {
    const entry = fc.record({
      value: fc.emailAddress(),
      primary: fc.boolean(),
      label: fc.constantFrom("work", "home", ""),
    });
    fc.assert(
      fc.property(
        fc.array(entry, { maxLength: 5 }),
        fc.array(fc.emailAddress(), { minLength: 1, maxLength: 5 }),
        (stored, emails) => {
          const base = { ...KNOWN_PERSON, fields: { emails: stored } };
          const update: UpdateOperation = { ...(sample("up") as UpdateOperation), base, values: { emails } };
          const sent = bodyOf(update).emails as { value: string; primary: boolean; label: string }[];
          expect(sent.filter((one) => one.primary)).toHaveLength(1);
          expect(sent.map((one) => one.value.toLowerCase())).toEqual(emails.map((email) => email.toLowerCase()));
        },
      ),
    );
  });
});

describe("addresses of requests", () => {
  it("use /v1 on api.pipedrive.com and /api/v1 on a company's host, as the vendor's documents do", () => {
    expect(pack(sample("n")).http.url).toBe("https://acme.pipedrive.com/api/v1/notes");
    const shared = { ...SESSION, baseUrl: adapter.defaultBaseUrl };
    expect(pack(sample("n"), shared).http.url).toBe("https://api.pipedrive.com/v1/notes");
    expect(pack(sample("p"), shared).http.url).toBe("https://api.pipedrive.com/api/v2/persons");
  });

  it("ask for changes since a whole second, since fractions are refused", () => {
    const since = new URL(pack(sample("lp")).http.url).searchParams.get("updated_since");
    expect(since).toBe("2026-11-20T00:00:00Z");
  });

  it("encode search terms", () => {
    expect(pack(sample("se")).http.url).toContain("term=a%2Bb%40example.com&fields=email&exact_match=true");
    expect(new URL(pack(sample("sn")).http.url).searchParams.get("term")).toBe("Ends & Odds");
  });

  it("can't be led elsewhere by an id", () => {
    const { url } = pack({ type: "read", key: "x", entity: "person", id: "../../users/me?x=" }).http;
    expect(url).toBe("https://acme.pipedrive.com/api/v2/persons/..%2F..%2Fusers%2Fme%3Fx%3D");
  });
});

describe("links for people", () => {
  it("lead to the company's own host", () => {
    expect(adapter.link("deal", "61", SESSION)).toBe("https://acme.pipedrive.com/deal/61");
    expect(adapter.link("note", "90", SESSION)).toBeNull();
    const unknown = { ...SESSION, catalog: { fields: {}, labels: {} } };
    expect(adapter.link("person", "7", unknown)).toBe("https://acme.pipedrive.com/person/7");
    expect(adapter.link("person", "7", { ...unknown, baseUrl: "http://localhost:8080" })).toBeNull();
    expect(adapter.link("person", "7", { ...unknown, baseUrl: adapter.defaultBaseUrl })).toBeNull();
  });
});

describe("notes", () => {
  const sameAfter = (stored: string, text: string, format: "text" | "html" = "text") =>
    adapter.sameNote(stored, text, format);

  it.each([
    ["a &lt; b<br>c", "a < b\nc"],
    ["a &lt; b<br />\nc", "a < b\nc"],
    ["<p>a &lt; b</p><p>c</p>", "a < b\r\nc"],
    ["<div>a&nbsp;&#60; b</div><div>c</div>", "a < b\nc"],
    ["Zo\u00eb", "Zoe\u0308"],
  ])("%j is what became of %j", (stored, text) => expect(sameAfter(stored, text)).toBe(true));

  it("of HTML are the same after scripts, comments and tags were taken out", () => {
    expect(sameAfter("<b>Hello</b> you", "<b onclick=x>Hello</b> <script>alert(1)</script>you<!-- x -->", "html")).toBe(
      true,
    );
    expect(sameAfter("Hello you", "Hello me", "html")).toBe(false);
  });

  it("are known again by their own text, escaped", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const { content } = bodyOf({ ...(sample("n") as Extract<Operation, { type: "create" }>), values: { text } });
        expect(adapter.sameNote(content, text, "text")).toBe(true);
        expect(content).not.toMatch(/<(?!br>)/);
      }),
    );
  });

  it("yield the stamp of their last line", () => {
    const stampOf = (content: string) => {
      const request = pack({ type: "read", key: "x", entity: "note", id: "90" });
      const body = JSON.stringify({ success: true, data: { id: 90, content } });
      const [outcome] = adapter.classify(request, { type: "response", status: 200, headers: {}, body }, SESSION);
      return outcome?.type === "applied" ? outcome.record?.stamp : undefined;
    };
    expect(stampOf("Hello<br>Ref. website/wf_8812")).toBe("website/wf_8812");
    expect(stampOf("<p>Hello</p><p>Ref. website/a b &amp; c (2/3)</p>\n")).toBe("website/a b & c");
    expect(stampOf("Ref. website/wf_1<br>and more")).toBeNull();
    expect(stampOf("Ref. no stamp here")).toBeNull();
  });
});
