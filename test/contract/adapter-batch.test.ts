import { describe, expect, it } from "vitest";
import type { CrmSession } from "../../src/crm/adapter.ts";
import { withCredentials } from "../../src/crm/wrappers/credentials.ts";
import { emptyRecord } from "../../src/domain/empty-record.ts";
import type { CreateOperation, CrmRecord, Operation } from "../../src/domain/operation.ts";
import { batchAdapter, createBatchCrm, STAMP_CODE } from "../support/batch-adapter.ts";
import type { Verdict } from "../support/batch-vendor.ts";
import { adapterSuite } from "./adapter-suite.ts";

const NOW = Date.UTC(2026, 10, 20);
const TEXT_FIELD = {
  entity: "person",
  code: "comment",
  name: "Comment",
  type: "text",
  custom: true,
  writable: true,
  options: [],
} as const;
const session: CrmSession = {
  baseUrl: "https://api.batch.example.com",
  timeoutMs: 30_000,
  catalog: { fields: { person: [{ ...TEXT_FIELD, options: [] }] }, labels: {} },
  stampFields: { person: STAMP_CODE, organization: STAMP_CODE, deal: STAMP_CODE },
};

/** Organization, person, deal and note of one submission, each naming the one before by its key. */
function chain(name: string): CreateOperation[] {
  const base = { type: "create" as const, stamp: `website/${name}` };
  const [org, person, deal] = [`${name}#organization`, `${name}#person`, `${name}#deal`];
  return [
    { ...base, entity: "organization", key: org, values: { name: `${name} Ltd` }, links: {} },
    {
      ...base,
      entity: "person",
      key: person,
      values: { name, emails: [`${name}@example.com`] },
      links: { organization: { op: org } },
    },
    {
      ...base,
      entity: "deal",
      key: deal,
      values: { title: name },
      links: { person: { op: person }, organization: { op: org } },
    },
    {
      ...base,
      entity: "note",
      key: `${name}#note.1`,
      stamp: null,
      values: { text: "Hello" },
      links: { deal: { op: deal } },
    },
  ];
}

const known: CrmRecord = { ...emptyRecord("person", "1"), name: "Ada" };
const OPERATIONS: Operation[] = [
  ...chain("ada"),
  { type: "update", key: "u", entity: "person", id: "1", values: { name: "Ada L." }, links: {}, base: known },
  { type: "merge", key: "m", entity: "person", id: "2", into: "1" },
  { type: "delete", key: "x", entity: "note", id: "3" },
  { type: "createField", key: "cf", entity: "deal", name: "crmledger" },
  { type: "read", key: "r", entity: "person", id: "1" },
  { type: "readMany", key: "rm", entity: "person", ids: ["1"] },
  { type: "list", key: "l", entity: "deal", sinceMs: 0 },
  { type: "search", key: "s", entity: "person", by: "email", term: "ada@example.com" },
  { type: "describe", key: "d", part: "fields:person" },
  { type: "describe", key: "a", part: "account" },
];

/** Sends everything that is packed, in order. */
async function sendAll(crm: ReturnType<typeof createBatchCrm>, operations: readonly Operation[]) {
  const send = withCredentials(crm.transport, batchAdapter, "token-0123456789");
  const outcomes = new Map<string, ReturnType<typeof batchAdapter.classify>[number]>();
  for (const request of batchAdapter.pack(operations, session)) {
    const result = batchAdapter.classify(request, await send(request), session);
    for (const [index, operation] of request.operations.entries()) outcomes.set(operation.key, result[index]!);
  }
  return outcomes;
}

adapterSuite({
  name: "batch (test only)",
  adapter: batchAdapter,
  session,
  operations: OPERATIONS,
  limitHeaders: ["x-window-limit", "x-window-remaining", "x-day-limit", "x-day-remaining"],
  textField: { ...TEXT_FIELD, options: [] },
  async reply(request) {
    const crm = createBatchCrm({ nowMs: () => NOW });
    crm.vendor.records.set("1", known);
    crm.vendor.records.set("2", { ...known, id: "2" });
    crm.vendor.records.set("3", emptyRecord("note", "3"));
    const result = await withCredentials(crm.transport, batchAdapter, "token-0123456789")(request);
    if (result.type === "failure") throw new Error(result.code);
    return result;
  },
});

describe("a vendor that takes whole chains", () => {
  it("writes 25 chains of four in one request, each record with its parents", async () => {
    const crm = createBatchCrm({ nowMs: () => NOW });
    const outcomes = await sendAll(crm, Array.from({ length: 25 }, (_, n) => chain(`p${n}`)).flat());
    expect(crm.counts).toMatchObject({ requests: 1, created: 100, largest: 100 });
    expect([...outcomes.values()].every((outcome) => outcome.type === "applied")).toBe(true);
    const persons = new Map(crm.vendor.list("person").map((person) => [person.id, person]));
    for (const deal of crm.vendor.list("deal")) {
      const person = persons.get(deal.personId ?? "");
      expect(person?.stamp).toBe(deal.stamp);
      expect(person?.organizationId).toBe(deal.organizationId);
    }
  });

  it("never cuts a chain at the end of a request", () => {
    const requests = batchAdapter.pack(Array.from({ length: 26 }, (_, n) => chain(`p${n}`)).flat(), session);
    expect(requests.map((request) => request.operations.length)).toEqual([100, 4]);
  });

  const judged = (verdict: Verdict) =>
    createBatchCrm({ nowMs: () => NOW, judge: (operation) => (operation.ref === "bo#person" ? verdict : "ok") });

  it("tells the refused, the not attempted and the written of one reply apart", async () => {
    const outcomes = await sendAll(judged("refuse"), [...chain("ada"), ...chain("bo")]);
    expect(outcomes.get("ada#note.1")?.type).toBe("applied");
    expect(outcomes.get("bo#organization")?.type).toBe("applied");
    expect(outcomes.get("bo#person")?.type).toBe("refused");
    expect(outcomes.get("bo#deal")).toMatchObject({ type: "deferred", reason: "unavailable" });
  });

  it("calls only that uncertain which a reply leaves out", async () => {
    const outcomes = await sendAll(judged("omit"), [...chain("ada"), ...chain("bo")]);
    const uncertain = [...outcomes].filter(([, outcome]) => outcome.type === "uncertain").map(([key]) => key);
    expect(uncertain).toEqual(["bo#person"]);
  });

  it("asks for pending work by its handle until it is done", async () => {
    const crm = judged("accept");
    const pending = (await sendAll(crm, chain("bo"))).get("bo#person");
    expect(pending).toMatchObject({ type: "pending" });
    const poll = { type: "poll", key: "poll", handle: pending?.type === "pending" ? pending.handle : "" } as const;
    expect((await sendAll(crm, [poll])).get("poll")).toMatchObject({ type: "pending" });
    const id = crm.vendor.list("person").length;
    expect(id).toBe(0);
    expect((await sendAll(crm, [poll])).get("poll")).toMatchObject({ type: "applied", record: { name: "bo" } });
  });

  it("refuses what is over the window without doing it", async () => {
    const crm = createBatchCrm({ nowMs: () => NOW, windowLimit: 1 });
    await sendAll(crm, chain("ada"));
    const outcomes = await sendAll(crm, chain("bo"));
    expect([...outcomes.values()].every((outcome) => outcome.type === "deferred")).toBe(true);
    expect(crm.counts).toMatchObject({ created: 4, refusedByLimit: 1 });
  });
});
