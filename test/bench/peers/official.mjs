/**
 * (b) The vendor's own client, paced by bottleneck, repeated by p-retry. It looks for everything before it makes it, deal
 * and note too, so that it can be run again from the start.
 */
import Bottleneck from "bottleneck";
import pRetry, { AbortError } from "p-retry";
import { Configuration as ConfigurationV1, NotesApi } from "pipedrive/v1";
import { Configuration, DealsApi, OrganizationsApi, PersonsApi } from "pipedrive/v2";
import { once, settings, sleep, submissions, tell, waitMs } from "./records.mjs";

const { url, token, burst, searches, windowMs, inFlight } = settings;
// The client gives back an answer's body alone: what its headers say of waiting is put into it.
const transformResponse = [
  (text, headers, status) => {
    try {
      return { ...JSON.parse(text), status, waitMs: waitMs(headers) };
    } catch {
      return { success: false, status, waitMs: 1_000 };
    }
  },
];
const shared = { apiKey: token, baseOptions: { proxy: false, timeout: 10_000, transformResponse } };
const v2 = new Configuration({ ...shared, basePath: `${url}/api/v2` });
const persons = new PersonsApi(v2);
const organizations = new OrganizationsApi(v2);
const deals = new DealsApi(v2);
const notes = new NotesApi(new ConfigurationV1({ ...shared, basePath: `${url}/v1` }));

// Evenly spaced: a reservoir that is refilled every window would let two windows' worth through around its edge.
const all = new Bottleneck({ maxConcurrent: inFlight, minTime: burst === null ? 0 : Math.ceil(windowMs / burst) });
const searching = new Bottleneck({ minTime: searches === null ? 0 : Math.ceil(windowMs / searches) });
searching.chain(all);

/** The client rejects with an answer's body, or with axios' error where there was none. */
async function attempt(task) {
  let answer;
  try {
    answer = await task();
  } catch (error) {
    answer = error;
  }
  if (answer?.success === true) return answer;
  const { status } = answer;
  if (status === 429) await sleep(answer.waitMs);
  else if (typeof status === "number" && status >= 400 && status < 500) throw new AbortError(`refused with ${status}`);
  throw new Error(`no success: ${status ?? answer?.code ?? "no answer"}`);
}

const retry = { retries: 5, minTimeout: 500, maxTimeout: 10_000, randomize: true };
const send = (task) => pRetry(() => all.schedule(() => attempt(task)), retry);
const search = (task) => pRetry(() => searching.schedule(() => attempt(task)), retry);
const oncePerson = once();
const onceOrganization = once();
const exact = { exact_match: true };
const firstId = (found) => found.data.items[0]?.item.id;

const organizationOf = ({ organization }) =>
  organization &&
  onceOrganization(organization.name, async () => {
    const query = { term: organization.name, fields: "name", ...exact };
    const known = firstId(await search(() => organizations.searchOrganization(query)));
    const AddOrganizationRequest = { name: organization.name };
    return known ?? (await send(() => organizations.addOrganization({ AddOrganizationRequest }))).data.id;
  });

const personOf = ({ person }, org_id) =>
  oncePerson(person.email, async () => {
    const known = firstId(await search(() => persons.searchPersons({ term: person.email, fields: "email", ...exact })));
    const emails = [{ value: person.email, primary: true }];
    const AddPersonRequest = { name: person.name, emails, org_id };
    return known ?? (await send(() => persons.addPerson({ AddPersonRequest }))).data.id;
  });

async function deliver(submission) {
  const org_id = await organizationOf(submission);
  const person_id = await personOf(submission, org_id);
  const query = { term: submission.deal.title, fields: "title", person_id, ...exact };
  const known = firstId(await search(() => deals.searchDeals(query)));
  const AddDealRequest = { ...submission.deal, person_id, org_id };
  const deal_id = known ?? (await send(() => deals.addDeal({ AddDealRequest }))).data.id;
  const content = submission.notes[0];
  const there = known ? ((await send(() => notes.getNotes({ deal_id }))).data ?? []) : [];
  if (there.some((note) => note.content === content)) return;
  await send(() => notes.addNote({ AddNoteRequest: { content, deal_id, person_id } }));
}

let failed = 0;
await Promise.all(
  submissions.map((submission) =>
    deliver(submission).catch(() => {
      failed += 1;
    }),
  ),
);
tell({ failed });
