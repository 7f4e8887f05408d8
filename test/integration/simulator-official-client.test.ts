/** Pipedrive's own npm client does a whole chain against the simulator: proof that it speaks the real protocol. */
import { Configuration as ConfigurationV1, NotesApi, PersonsApi as PersonsApiV1, UsersApi } from "pipedrive/v1";
import {
  Configuration,
  DealsApi,
  OrganizationsApi,
  PersonFieldsApi,
  PersonsApi,
  PipelinesApi,
  StagesApi,
} from "pipedrive/v2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunningServer } from "../../src/simulator/server.ts";
import { createSimulator, type Simulator } from "../../src/simulator/simulator.ts";
import { createSystemClock } from "../support/system-clock.ts";

let simulator: Simulator;
let server: RunningServer;
let v1: ConfigurationV1;
let v2: Configuration;

beforeAll(async () => {
  simulator = createSimulator({ clock: createSystemClock(), searchLagMs: 0, withStampFields: true });
  simulator.setLimits({ burst: 10_000, search: 1_000 });
  server = await simulator.serve();
  const shared = { apiKey: simulator.tokens[0]!, baseOptions: { proxy: false } };
  v1 = new ConfigurationV1({ ...shared, basePath: `${server.url}/v1` });
  v2 = new Configuration({ ...shared, basePath: `${server.url}/api/v2` });
});
afterAll(() => server.close());

describe("the official client", () => {
  it("makes organization, person, deal and note, and finds them again", async () => {
    const stamp = simulator.stampField("person")!;
    const organization = await new OrganizationsApi(v2).addOrganization({
      AddOrganizationRequest: { name: "Engines" },
    });
    const org_id = organization.data!.id!;
    const person = await new PersonsApi(v2).addPerson({
      AddPersonRequest: {
        name: "Ada Lovelace",
        org_id,
        emails: [{ value: "ada@example.com", primary: true }],
        custom_fields: { [stamp]: "website/wf_8812" },
      },
    });
    const person_id = person.data!.id!;
    const deal = await new DealsApi(v2).addDeal({
      AddDealRequest: { title: "Website", person_id, org_id, value: 1200 },
    });
    const deal_id = deal.data!.id!;
    const note = await new NotesApi(v1).addNote({ AddNoteRequest: { content: "Call me", deal_id, person_id } });
    expect(note.data).toMatchObject({ content: "Call me", deal_id, person_id });

    const found = await new PersonsApi(v2).searchPersons({
      term: "ada@example.com",
      fields: "email",
      exact_match: true,
    });
    expect(found.data!.items!.map((hit) => hit.item!.id)).toEqual([person_id]);
    const listed = await new PersonsApi(v2).getPersons({ ids: String(person_id), limit: 500 });
    expect(listed.data![0]!.custom_fields).toEqual({ [stamp]: "website/wf_8812" });
    const deals = await new DealsApi(v2).getDeals({ person_id, status: "open" });
    expect(deals.data!.map((one) => one.id)).toEqual([deal_id]);
    const notes = await new NotesApi(v1).getNotes({ deal_id });
    expect(notes.data!.map((one) => one.content)).toEqual(["Call me"]);
  });

  it("updates, merges and deletes", async () => {
    const persons = new PersonsApi(v2);
    const make = async (name: string) => (await persons.addPerson({ AddPersonRequest: { name } })).data!.id!;
    const [loser, survivor] = [await make("A"), await make("B")];
    const patched = await persons.updatePerson({ id: survivor, UpdatePersonRequest: { name: "C" } });
    expect(patched.data!.name).toBe("C");
    const merge = { id: loser, MergePersonsRequest: { merge_with_id: survivor } };
    expect((await new PersonsApiV1(v1).mergePersons(merge)).data!.id).toBe(survivor);
    await expect(persons.getPerson({ id: loser })).rejects.toMatchObject({ error: "Person not found" });
    expect((await persons.deletePerson({ id: survivor })).data!.id).toBe(survivor);
  });

  it("reads the account's set-up", async () => {
    expect((await new UsersApi(v1).getCurrentUser()).data).toMatchObject({ company_domain: "acme", is_you: true });
    const pipelines = (await new PipelinesApi(v2).getPipelines({})).data!;
    expect(pipelines.map((one) => one.name)).toEqual(["Sales", "Partners"]);
    const stages = (await new StagesApi(v2).getStages({ pipeline_id: pipelines[1]!.id! })).data!;
    expect(stages.map((one) => one.name)).toEqual(["Inbound", "Signed"]);
    const fields = (await new PersonFieldsApi(v2).getPersonFields({})).data!;
    expect(fields.map((field) => field.field_code)).toContain(simulator.stampField("person"));
  });

  it("is told what was wrong", async () => {
    const bad = new DealsApi(v2).addDeal({ AddDealRequest: { title: "T", person_id: 123 } });
    await expect(bad).rejects.toMatchObject({ success: false, code: "ERR_SCHEMA_VALIDATION_FAILED" });
  });
});
