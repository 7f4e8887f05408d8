/** Newer versions of a record that was sent amend what the earlier ones wrote; nothing comes twice, and nothing of people's is lost. */
import { describe, expect, it } from "vitest";
import type { SubmissionContent } from "../../src/domain/submission.ts";
import { createBatchCrm } from "../support/batch-adapter.ts";
import { createRig, lead, START_MS } from "../support/drain-rig.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";
import { type WatchedRig, watchedRig, withPlan } from "../support/watched-rig.ts";

const MINUTE_MS = 60_000;
/** Ids that the simulator gives to the first of each. */
const PERSON = 1001;
const DEAL = 9001;
const ORGANIZATION = 5001;

async function revisingRig(options: Parameters<typeof watchedRig>[0] = {}) {
  const rig = await watchedRig(options);
  /** Takes the record of lead 1 with these changes, a minute later than the one before. */
  const submit = async (changes: Partial<SubmissionContent> = {}) => {
    await rig.clock.advance(MINUTE_MS);
    await rig.take([{ ...lead(1, changes), revisions: "update" }]);
  };
  const send = async (changes: Partial<SubmissionContent> = {}) => {
    await submit(changes);
    return await rig.run();
  };
  return { rig, submit, send, records: rig.simulator.records };
}

const deal = (value: number, more: object = {}) => ({
  deal: { title: "Deal 1", value, currency: "EUR", ...more },
});

/** Refuses each request that carries the text, until the test is done with it. */
function refuse(rig: WatchedRig, text: string): () => void {
  const { handle } = rig.simulator;
  const simulator = rig.simulator as { handle: typeof handle };
  simulator.handle = async (request) =>
    request.body?.includes(text)
      ? { type: "response", status: 400, headers: {}, body: '{"success":false,"error":"no"}' }
      : handle(request);
  return () => {
    simulator.handle = handle;
  };
}

const explanations = async (rig: WatchedRig, key: string) =>
  (await rig.story(key)).steps.map(({ name, state, action }) => `${name} ${state} ${action}`);

describe("a revision of what was sent", () => {
  it("updates the one deal, and sends nothing else", async () => {
    const { rig, send, records } = await revisingRig();
    await send(deal(100));
    const before = rig.calls.length;
    const report = await send(deal(250));
    expect(report.drained).toMatchObject({ done: 1, failed: 0 });
    expect(records.deals).toMatchObject([{ value: 250, title: "Deal 1" }]);
    expect([records.persons.length, records.notes.length]).toEqual([1, 1]);
    expect(rig.calls.slice(before).map(({ method, path, body }) => [method, path, body])).toEqual([
      ["GET", `/api/v2/deals/${DEAL}`, null],
      ["PATCH", `/api/v2/deals/${DEAL}`, { value: 250, currency: "EUR" }],
    ]);
    expect(await explanations(rig, "wf_1~r2")).toEqual(["person done match", "deal done update"]);
    expect((await rig.story("wf_1~r2")).steps[1]?.explanation).toContain("the version before");
  });

  it("is none when both versions come again", async () => {
    const { rig, send } = await revisingRig();
    await send(deal(100));
    await send(deal(250));
    const before = rig.calls.length;
    const versions = [100, 250].map((value) => ({ ...lead(1, deal(value)), revisions: "update" as const }));
    await rig.take(versions);
    await rig.run();
    expect(rig.calls.length).toBe(before);
    expect(await rig.ledger.queue()).toMatchObject({ done: 2, conflict: 0 });
  });

  it("sends what changed between the versions, also where the source only fills what is empty", async () => {
    const { rig, send, records } = await revisingRig();
    const city = rig.simulator.addField("person", "City").field_code;
    const person = (name: string, City: string) => ({
      person: { name, email: "lead.1@example.com", fields: { City } },
    });
    await send(person("Ada", "Tartu"));
    await send(person("Ada Lovelace", "Tartu"));
    await send(person("Ada Lovelace", "Tallinn"));
    expect(records.persons).toMatchObject([{ name: "Ada Lovelace", custom_fields: { [city]: "Tallinn" } }]);
    expect(rig.writes(/persons/).map(({ body }) => body)).toMatchObject([
      { name: "Ada" },
      { name: "Ada Lovelace" },
      { custom_fields: { [city]: "Tallinn" } },
    ]);
  });

  it("leaves alone what people changed after the earlier version, whenever it was submitted", async () => {
    const { rig, send, records } = await revisingRig();
    await send(deal(100));
    await rig.clock.advance(MINUTE_MS);
    rig.simulator.editDeal(DEAL, { value: 90 });
    await send(deal(250, { title: "Deal 1, larger" }));
    expect(records.deals).toMatchObject([{ value: 90, title: "Deal 1, larger" }]);
    await send(deal(300, { title: "Deal 1, larger" }));
    expect(records.deals).toMatchObject([{ value: 90 }]);
    expect(await rig.ledger.queue()).toMatchObject({ done: 3, failed: 0 });
  });

  it("adds notes that are new or changed, and repeats none", async () => {
    const { rig, send, records } = await revisingRig();
    const long = "many words ".repeat(15_000).trim();
    await send({ notes: ["Call me.", long] });
    const before = records.notes.length;
    expect(before).toBeGreaterThan(2);
    await send({ notes: ["Call me on Monday.", long, "And Tuesday."] });
    expect(records.notes.slice(before).map(({ content }) => content)).toEqual([
      "Call me on Monday.<br>Ref. website/wf_1~r2 (1/2)",
      "And Tuesday.<br>Ref. website/wf_1~r2 (2/2)",
    ]);
    expect(records.notes.slice(before)).toMatchObject([{ deal_id: DEAL, person_id: PERSON }, { deal_id: DEAL }]);
    await send({ notes: [long, "And Tuesday.", "Call me."] });
    expect(records.notes.length).toBe(before + 2);
    expect(rig.writes(/notes/)).toHaveLength(before + 2);
  });

  it("stays with the person of the first, under another e-mail address too", async () => {
    const { send, records } = await revisingRig();
    await send();
    await send({ person: { name: "Lead 1", email: "new@example.com" } });
    expect(records.persons).toHaveLength(1);
    expect(records.persons[0]!.emails.map(({ value }) => value)).toEqual(["lead.1@example.com", "new@example.com"]);
    expect(records.deals).toHaveLength(1);
  });

  it("goes with its person and deal to another organization, unless people linked them elsewhere", async () => {
    const { rig, send, records } = await revisingRig();
    await send({ organization: { name: "Analytical Engines" } });
    await send({ organization: { name: "Difference Engines" } });
    expect(records.organizations.map(({ name }) => name)).toEqual(["Analytical Engines", "Difference Engines"]);
    expect(records.persons).toMatchObject([{ org_id: ORGANIZATION + 1 }]);
    expect(records.deals).toMatchObject([{ org_id: ORGANIZATION + 1 }]);
    const { id } = rig.simulator.addOrganization({ name: "Of the people" });
    rig.simulator.editDeal(DEAL, { org_id: id });
    await send({ organization: { name: "analytical engines" } });
    expect(records.persons).toMatchObject([{ org_id: ORGANIZATION }]);
    expect(records.deals).toMatchObject([{ org_id: id }]);
    expect(records.organizations).toHaveLength(3);
  });

  it("changes an organization's own values without looking it up", async () => {
    const { rig, send, records } = await revisingRig();
    const trade = rig.simulator.addField("organization", "Trade").field_code;
    const at = (Trade: string) => ({ organization: { name: "Engines", fields: { Trade } } });
    await send(at("Steam"));
    const searches = () => rig.calls.filter(({ path }) => path.includes("search")).length;
    const before = searches();
    await send(at("Cogs"));
    await send({ ...at("Cogs"), ...deal(7) });
    expect(records.organizations).toMatchObject([{ name: "Engines", custom_fields: { [trade]: "Cogs" } }]);
    expect(searches()).toBe(before);
    expect(records.deals).toMatchObject([{ value: 7 }]);
  });

  it("follows a merged person, and rebuilds nothing that people deleted", async () => {
    const { rig, send, records } = await revisingRig();
    await send();
    const { id } = rig.simulator.addPerson({ name: "Old Lead", emails: [{ value: "old@example.com", primary: true }] });
    rig.simulator.mergePersons(PERSON, id);
    await send({ person: { name: "Lead 1", email: "lead.1@example.com", phone: "+37255500001" } });
    const person = records.persons.find((each) => each.id === id);
    expect(person?.phones.map(({ value }) => value)).toEqual(["+37255500001"]);
    rig.simulator.deleteDeal(DEAL);
    expect((await send(deal(5))).drained).toMatchObject({ failed: 1 });
    expect((await rig.ledger.failed({}))[0]).toMatchObject({ key: "wf_1~r3", error: { code: "CRM_RECORD_DELETED" } });
    expect(rig.writes(/deals/)).toHaveLength(1);
  });

  it("finds out by its new note that a record which it leaves as it is was merged or deleted", async () => {
    const { rig, send, records } = await revisingRig();
    await send();
    const { id } = rig.simulator.addPerson({ name: "Old Lead", emails: [{ value: "old@example.com", primary: true }] });
    rig.simulator.mergePersons(PERSON, id);
    await send({ notes: ["Note of lead 1", "Second"] });
    expect(records.notes.at(-1)).toMatchObject({ content: "Second<br>Ref. website/wf_1~r2", person_id: id });
    rig.simulator.deleteDeal(DEAL);
    await send({ notes: ["Note of lead 1", "Second", "Third"] });
    await rig.runOut();
    expect((await rig.ledger.failed({}))[0]).toMatchObject({ key: "wf_1~r3", error: { code: "CRM_RECORD_DELETED" } });
  });

  it("leaves a person of the CRM's own alone where the source says keep, and amends what it made itself", async () => {
    const { rig, send, records } = await revisingRig({ settings: withPlan({ persons: { onMatch: "keep" } }) });
    rig.simulator.addPerson({ name: "Lead 1", emails: [{ value: "lead.1@example.com", primary: true }] });
    await send(deal(100));
    await send({ ...deal(200), person: { name: "Other", email: "lead.1@example.com", phone: "+37255500001" } });
    expect(records.persons).toMatchObject([{ name: "Lead 1", phones: [] }]);
    expect(records.deals).toMatchObject([{ value: 200 }]);
  });

  it("means another deal where its key is another one", async () => {
    const { send, records } = await revisingRig({ settings: withPlan({ deals: { match: "key" } }) });
    await send(deal(100, { key: "q-1" }));
    await send(deal(200, { key: "q-1" }));
    await send(deal(300, { key: "q-2" }));
    expect(records.deals.map(({ value }) => value)).toEqual([200, 300]);
  });
});

describe("a revision of what was not sent, or not all of it", () => {
  it("goes in its place: the CRM sees the newer version only", async () => {
    const { rig, submit, send, records } = await revisingRig();
    await submit(deal(100));
    await send(deal(250));
    expect(records.deals).toMatchObject([{ value: 250 }]);
    expect(rig.writes(/deals/)).toHaveLength(1);
    expect(await rig.ledger.queue()).toMatchObject({ done: 1, pending: 0 });
  });

  it("makes in full what the first never got to, and that one can't be sent behind it", async () => {
    const { rig, send, records } = await revisingRig();
    const relent = refuse(rig, "Deal 1");
    expect((await send(deal(100))).drained).toMatchObject({ failed: 1 });
    relent();
    await send(deal(250));
    expect(records.deals).toMatchObject([{ value: 250, title: "Deal 1", person_id: PERSON }]);
    expect(records.deals[0]!.custom_fields[rig.simulator.stampField("deal")!]).toBe("website/wf_1~r2");
    expect(records.notes).toMatchObject([{ content: "Note of lead 1<br>Ref. website/wf_1~r2" }]);
    expect(records.persons).toHaveLength(1);
    const { submission, waits } = await rig.story("wf_1");
    expect(submission.state).toBe("dropped");
    expect(waits.at(-1)?.detail).toContain("wf_1~r2");
    expect(await rig.ledger.queue()).toMatchObject({ done: 1, dropped: 1, failed: 0 });
  });

  it("waits for a first that is in doubt, and then amends what was found", async () => {
    const { rig, submit, send, records } = await revisingRig();
    rig.simulator.failNext({ kind: "resetAfter", match: { method: "POST", path: /deals$/ } });
    await send(deal(100));
    await submit(deal(250));
    expect(await rig.ledger.queue()).toMatchObject({ uncertain: 1, pending: 1 });
    await rig.runOut();
    expect(records.deals).toMatchObject([{ value: 250 }]);
    expect(rig.writes(/deals/).map(({ method }) => method)).toEqual(["POST", "PATCH"]);
    expect(records.notes).toHaveLength(1);
  });

  it("is settled by reading the record where its own answer is lost", async () => {
    const { rig, send, records } = await revisingRig();
    await send(deal(100));
    rig.simulator.failNext({ kind: "resetAfter", match: { method: "PATCH" } });
    await send(deal(250));
    rig.simulator.failNext({ kind: "resetBefore", match: { method: "PATCH" } });
    await rig.runOut();
    await send(deal(300));
    await rig.runOut();
    expect(records.deals).toMatchObject([{ value: 300 }]);
    expect(await rig.ledger.queue()).toMatchObject({ done: 3, uncertain: 0, failed: 0 });
  });

  it("goes together with other submissions of its person, under its own and under its old address", async () => {
    const { rig, submit, send, records } = await revisingRig();
    await send(deal(100));
    await submit({ ...deal(250), person: { name: "Lead 1", email: "new@example.com" } });
    await rig.take([
      { ...lead(2, { person: { email: "lead.1@example.com" } }) },
      { ...lead(3, { person: { email: "new@example.com" } }) },
    ]);
    await rig.runOut();
    expect(records.persons).toHaveLength(1);
    expect(records.deals.map(({ value }) => value)).toEqual([250, 102, 103]);
  });
});

it("amends in the same way on a CRM that takes whole chains in batches", async () => {
  const clock = createVirtualClock(START_MS);
  // Every fifth deal of the first versions is refused.
  let deals = 0;
  const crm = createBatchCrm({
    nowMs: () => clock.wallMs(),
    judge: ({ do: verb, entity }) =>
      verb === "create" && entity === "deal" && deals < 20 && deals++ % 5 === 0 ? "refuse" : "ok",
  });
  const rig = await createRig({ clock, adapter: crm.adapter, transport: crm.transport });
  const versionOf = (organization: string, value: number, notes: string[]) =>
    Array.from({ length: 20 }, (_, n) => ({
      ...lead(n, { organization: { name: `${organization} ${n}` }, deal: { title: `Deal ${n}`, value }, notes }),
      revisions: "update" as const,
    }));
  await rig.take(versionOf("Org", 1, ["First."]));
  expect((await rig.run()).drained).toMatchObject({ done: 16, failed: 4 });
  await clock.advance(MINUTE_MS);
  await rig.take(versionOf("New", 2, ["First.", "Second."]));
  expect((await rig.run()).drained).toMatchObject({ done: 20, failed: 0 });
  const { vendor } = crm;
  expect((["organization", "person", "deal", "note"] as const).map((entity) => vendor.list(entity).length)).toEqual([
    40, 20, 20, 40,
  ]);
  const moved = new Set(vendor.list("organization").flatMap(({ id, name }) => (name?.startsWith("New") ? [id] : [])));
  for (const deal of vendor.list("deal")) {
    expect([deal.value, moved.has(deal.organizationId ?? "")]).toEqual([2, true]);
  }
});
