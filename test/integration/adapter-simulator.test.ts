/** The adapter and the transport against the simulator on a real socket: what is packed is understood, and the other way round. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CrmSession } from "../../src/crm/adapter.ts";
import { pipedriveAdapter as adapter } from "../../src/crm/pipedrive/adapter.ts";
import { withCredentials } from "../../src/crm/wrappers/credentials.ts";
import { CATALOG_PARTS, type Catalog, type FieldedEntity } from "../../src/domain/catalog.ts";
import type { CreateOperation, CrmRecord, Operation, Outcome } from "../../src/domain/operation.ts";
import { createTransport, type HttpClient } from "../../src/http/transport.ts";
import type { FaultKind } from "../../src/simulator/fault-plan.ts";
import type { RunningServer } from "../../src/simulator/server.ts";
import { createSimulator, type Simulator } from "../../src/simulator/simulator.ts";
import { createSystemClock } from "../support/system-clock.ts";

let simulator: Simulator;
let server: RunningServer;
let http: HttpClient;
const catalog: Catalog = { fields: {}, labels: {} };
let session: CrmSession;

beforeAll(async () => {
  simulator = createSimulator({ clock: createSystemClock(), searchLagMs: 0, limits: null });
  server = await simulator.serve();
  http = createTransport({ userAgent: "crmledger/test", allowPrivate: true });
  session = { baseUrl: server.url, timeoutMs: 20_000, catalog, stampFields: {} };
});
afterAll(async () => {
  await http.close();
  await server.close();
});

async function perform(operation: Operation): Promise<Outcome> {
  const request = adapter.pack([operation], session)[0]!;
  const result = await withCredentials(http.send, adapter, simulator.tokens[0]!)(request);
  return adapter.classify(request, result, session)[0]!;
}

async function applied(operation: Operation): Promise<Extract<Outcome, { type: "applied" }>> {
  const outcome = await perform(operation);
  expect(outcome).toMatchObject({ type: "applied" });
  return outcome as Extract<Outcome, { type: "applied" }>;
}

/** Creates a record and gives it as the CRM echoed it. */
async function make(operation: Omit<CreateOperation, "type" | "key">): Promise<CrmRecord> {
  const { id, record } = await applied({ type: "create", key: "make", ...operation });
  expect(id).toMatch(/^\d+$/);
  return record!;
}

async function readCatalog(): Promise<void> {
  for (const part of CATALOG_PARTS) {
    const { catalog: page } = await applied({ type: "describe", key: part, part });
    const { fields, labels, ...plain } = page ?? {};
    Object.assign(catalog, plain);
    Object.assign(catalog.fields, fields);
    Object.assign(catalog.labels, labels);
  }
}

describe.sequential("the adapter against the simulator", () => {
  it("makes the stamp fields and then finds them in the catalog", async () => {
    for (const entity of ["person", "organization", "deal"] as const) {
      const { id } = await applied({ type: "createField", key: entity, entity, name: "crmledger" });
      expect(id).toBe(simulator.stampField(entity));
      session.stampFields[entity] = id;
    }
    await readCatalog();
    expect(catalog.account).toMatchObject({ domain: "acme", currency: "EUR" });
    expect(catalog.users?.length).toBeGreaterThan(0);
    expect(catalog.stages?.every((stage) => catalog.pipelines?.some(({ id }) => id === stage.pipelineId))).toBe(true);
    expect(catalog.labels.person?.map((label) => label.label)).toContain("Hot lead");
    const stamp = catalog.fields.deal?.find((def) => def.code === session.stampFields.deal);
    expect(stamp).toMatchObject({ name: "crmledger", custom: true, writable: true });
  });

  it("writes a whole chain that the simulator takes, and reads it back as it was meant", async () => {
    const stamp = "website/wf_1";
    const ownerId = catalog.users![0]!.id;
    const stage = catalog.stages![1]!;
    const organization = await make({
      entity: "organization",
      stamp,
      values: { name: "Analytical Engines", ownerId },
      links: {},
    });
    const labelIds = [catalog.labels.person![1]!.id];
    const contact = { emails: ["Ada@example.com"], phones: ["+441234567890"], labelIds, ownerId };
    const person = await make({
      entity: "person",
      stamp,
      values: { name: "Ada Lovelace", ...contact },
      links: { organization: { id: organization.id } },
    });
    expect(person).toMatchObject({ stamp, organizationId: organization.id, labelIds, emails: ["Ada@example.com"] });
    const deal = await make({
      entity: "deal",
      stamp,
      values: { title: "Engine", value: 1200.5, currency: "USD", pipelineId: stage.pipelineId, stageId: stage.id },
      links: { person: { id: person.id }, organization: { id: organization.id } },
    });
    expect(deal).toMatchObject({ stamp, personId: person.id, stageId: stage.id, value: 1200.5, status: "open" });
    const text = 'Tom & Jerry <t@example.com>\n\n"Call" me\'s\nRef. website/wf_1';
    const note = await make({
      entity: "note",
      stamp: null,
      values: { text },
      format: "text",
      links: { deal: { id: deal.id }, person: { id: person.id } },
    });
    expect(note).toMatchObject({ stamp, dealId: deal.id, personId: person.id });
    expect(adapter.sameNote(note.text ?? "", text, "text")).toBe(true);
    for (const record of [organization, person, deal, note]) {
      const { record: again } = await applied({ type: "read", key: "r", entity: record.entity, id: record.id });
      expect(again).toMatchObject({ id: record.id, stamp, deleted: false });
    }
  });

  it("updates a person without touching the labels of the e-mails that are there", async () => {
    const emails = [
      { value: "a@example.com", primary: false, label: "home" },
      { value: "b@example.com", primary: true, label: "other" },
    ];
    const { id: raw } = simulator.addPerson({ name: "Bo", emails });
    const id = String(raw);
    const { record: base } = await applied({ type: "read", key: "r", entity: "person", id });
    const values = { emails: [...base!.emails, "c@example.com"] };
    const { record } = await applied({
      type: "update",
      key: "u",
      entity: "person",
      id,
      values,
      links: {},
      base: base!,
    });
    expect(adapter.contains(record!, { entity: "person", values, links: {} }, catalog)).toBe(true);
    const stored = simulator.records.persons.find((person) => person.id === raw);
    expect(stored?.emails).toEqual([...emails, { value: "c@example.com", primary: false, label: "work" }]);
  });

  it("walks all pages, and pages of what changed", async () => {
    simulator.seedPersons(1_100);
    const seen = new Set<string>();
    let pages = 0;
    for (let cursor: string | null | undefined; cursor !== null; pages++) {
      const page: Extract<Outcome, { type: "applied" }> = await applied({
        type: "list",
        key: "l",
        entity: "person",
        cursor,
      });
      for (const record of page.records ?? []) seen.add(record.id);
      cursor = page.next ?? null;
    }
    expect(pages).toBe(3);
    expect(seen.size).toBe(simulator.records.persons.length);
    const sinceMs = simulator.nowMs() - 60_000;
    const { records } = await applied({ type: "list", key: "l", entity: "person", sinceMs });
    expect(records?.map((record) => record.name)).toEqual(["Ada Lovelace", "Bo"]);
    const notes = await applied({ type: "list", key: "n", entity: "note", sinceMs });
    expect(notes.records?.map((note) => note.stamp)).toEqual(["website/wf_1"]);
  });

  it("walks notes by offset", async () => {
    const [person] = simulator.records.persons;
    for (let n = 0; n < 510; n++) simulator.addNote({ content: `n${n}`, person_id: person!.id });
    const first = await applied({ type: "list", key: "n", entity: "note" });
    const second = await applied({ type: "list", key: "n", entity: "note", cursor: first.next ?? "" });
    expect([first.records?.length, first.next, second.records?.length, second.next]).toEqual([500, "500", 11, null]);
  });

  it("reads many by id, leaving out those that are gone", async () => {
    const [a, b] = simulator.records.persons.slice(-2).map((person) => String(person.id));
    simulator.deletePerson(Number(b));
    const { records } = await applied({ type: "readMany", key: "m", entity: "person", ids: [a!, b!, "999999"] });
    expect(records?.map((record) => record.id)).toEqual([a]);
    expect(await perform({ type: "read", key: "r", entity: "person", id: b! })).toMatchObject({
      type: "refused",
      gone: true,
    });
  });

  it("lists a person's open deals, the deleted and the archived", async () => {
    const { id: person_id } = simulator.addPerson({ name: "Cy" });
    const ids = ["open", "lost", "gone", "archived"].map((title) => simulator.addDeal({ title, person_id }).id);
    simulator.editDeal(ids[1]!, { status: "lost" });
    simulator.deleteDeal(ids[2]!);
    simulator.archiveDeal(ids[3]!);
    const titles = async (more: object) => {
      const { records } = await applied({
        type: "list",
        key: "d",
        entity: "deal",
        personId: String(person_id),
        ...more,
      });
      return records?.map((deal) => deal.title);
    };
    expect(await titles({})).toEqual(["open", "lost"]);
    expect(await titles({ openOnly: true })).toEqual(["open"]);
    expect(await titles({ subset: "deleted" })).toEqual(["gone"]);
    expect(await titles({ subset: "archived" })).toEqual(["archived"]);
  });

  it("searches exactly, by what a person can be found by", async () => {
    const search = async (by: "email" | "phone" | "name" | "field", term: string, entity: FieldedEntity = "person") => {
      const fieldCode = by === "field" ? session.stampFields[entity] : undefined;
      return (await applied({ type: "search", key: "s", entity, by, term, fieldCode })).records?.map(
        (record) => record.name,
      );
    };
    expect(await search("email", "ada@example.com")).toEqual(["Ada Lovelace"]);
    expect(await search("email", "da@example.com")).toEqual([]);
    expect(await search("phone", "+441234567890")).toEqual(["Ada Lovelace"]);
    expect(await search("name", "analytical engines", "organization")).toEqual(["Analytical Engines"]);
    expect(await search("field", "website/wf_1")).toEqual(["Ada Lovelace"]);
    expect(await search("name", "Engine", "deal")).toHaveLength(1);
  });
});

const FIELD_VALUES: Record<string, unknown> = {
  varchar: "Analyst",
  varchar_auto: "Analyst",
  text: "long\ntext",
  double: "12.5",
  monetary: 2500,
  enum: "gold",
  set: "Gold, Silver",
  user: "",
  org: "",
  people: "",
  phone: "+44 1234",
  date: "2026-11-20",
  daterange: "2026-11-20/2026-11-27",
  time: "14:30",
  timerange: "09:00/17:30",
  address: "1 Main St, Tallinn",
};

describe.sequential("field values against the simulator", () => {
  it.each(Object.keys(FIELD_VALUES))("of type %s are taken, and come back equal", async (type) => {
    const options = type === "enum" || type === "set" ? ["Gold", "Silver"] : undefined;
    const made = simulator.addField("deal", `My ${type}`, type, options);
    const page = await applied({ type: "describe", key: "d", part: "fields:deal" });
    const def = page.catalog!.fields!.deal!.find((field) => field.code === made.field_code)!;
    const own: Record<string, unknown> = {
      user: catalog.users![0]!.email,
      org: simulator.records.organizations[0]!.id,
      people: simulator.records.persons[0]!.id,
    };
    const encoded = adapter.codec.encode(def, own[type] ?? FIELD_VALUES[type], catalog);
    expect(encoded).toMatchObject({ ok: true });
    const wire = encoded.ok ? encoded.value : undefined;
    const deal = await make({
      entity: "deal",
      stamp: `f/${type}`,
      values: { title: type, fields: { [def.code]: wire } },
      links: {},
    });
    expect([wire, deal.fields[def.code], adapter.codec.equal(def, wire, deal.fields[def.code])]).toEqual([
      wire,
      expect.anything(),
      true,
    ]);
  });

  it("built in are taken too", async () => {
    const given = {
      "Annual revenue": "1000000",
      "Number of employees": 12,
      Website: "https://example.com",
      "Visible to": "3",
      Address: "1 Main St",
    };
    const defs = catalog.fields.organization!;
    const fields = Object.fromEntries(
      Object.entries(given).map(([name, value]) => {
        const def = defs.find((candidate) => candidate.name === name)!;
        const encoded = adapter.codec.encode(def, value, catalog);
        return [def.code, encoded.ok ? encoded.value : encoded.reason];
      }),
    );
    const record = await make({
      entity: "organization",
      stamp: "f/o",
      values: { name: "Built-in Ltd", fields },
      links: {},
    });
    expect(adapter.contains(record, { entity: "organization", values: { fields }, links: {} }, catalog)).toBe(true);
  });
});

describe.sequential("what goes wrong at the simulator", () => {
  const OUTCOMES: Partial<Record<FaultKind, object>> = {
    rateLimit429: { type: "deferred", reason: "burst" },
    error500Before: { type: "uncertain", code: "HTTP_500" },
    error500After: { type: "uncertain", code: "HTTP_500" },
    error503: { type: "uncertain", code: "HTTP_503" },
    resetBefore: { type: "uncertain", code: "RESET" },
    resetAfter: { type: "uncertain", code: "RESET" },
    hang: { type: "uncertain", code: "TIMEOUT" },
    truncated: { type: "uncertain", code: "TRUNCATED" },
    garbage2xx: { type: "uncertain", code: "UNREADABLE_REPLY" },
    html2xx: { type: "uncertain", code: "UNREADABLE_REPLY" },
    html403: { type: "refused", hold: { kind: "blocked", scope: "account" } },
    unauthorized: { type: "refused", hold: { kind: "credentials", scope: "credential" } },
    paymentRequired: { type: "refused", hold: { kind: "credentials", scope: "credential" } },
    planCap: { type: "refused", hold: { kind: "planCap", scope: "group:deals" } },
    drip: { type: "uncertain", code: "TIMEOUT" },
    redirect: { type: "refused", code: "REDIRECT", hold: { kind: "outage", scope: "account" } },
    hugeBody: { type: "uncertain", code: "TOO_LARGE" },
  };

  it.each(Object.entries(OUTCOMES))("%s is seen for what it is", async (kind, outcome) => {
    simulator.failNext({ kind: kind as FaultKind });
    const [before, arrived] = [session.timeoutMs, simulator.requests.total];
    const create = { type: "create", key: "k", entity: "deal", stamp: `x/${kind}`, links: {} } as const;
    let got: Outcome | null = null;
    // On a busy machine the time may be over before it left: then nothing is uncertain, and nothing was seen.
    for (const timeoutMs of kind === "hang" || kind === "drip" ? [200, 2_000, before] : [before]) {
      session.timeoutMs = timeoutMs;
      got = await perform({ ...create, values: { title: kind } });
      if (simulator.requests.total > arrived) break;
    }
    session.timeoutMs = before;
    expect(got).toMatchObject(outcome);
  });

  it("a token that is not known stops the run", async () => {
    simulator.revokeToken();
    expect(await perform({ type: "describe", key: "a", part: "account" })).toMatchObject({
      type: "refused",
      hold: { kind: "credentials" },
    });
    simulator.restoreToken();
  });

  it("a bad body is refused with the CRM's own code, and a missing parent is gone or refused", async () => {
    const bad = { type: "create", key: "k", entity: "deal", stamp: "x/bad", values: { title: "" }, links: {} } as const;
    expect(await perform(bad)).toMatchObject({ type: "refused", code: expect.stringMatching(/^(ERR_|HTTP_400)/) });
    const orphan = { ...bad, values: { title: "orphan" }, links: { person: { id: "999999" } } };
    expect(await perform(orphan)).toMatchObject({ type: "refused" });
  });
});
