/** The CRM's calls over `fetch`, and the chain of one submission as a list of steps. */
import { ApiError, settings } from "./records.mjs";

export async function call(method, path, body) {
  const response = await fetch(`${settings.url}${path}`, {
    method,
    headers: { "x-api-token": settings.token, ...(body && { "content-type": "application/json" }) },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  });
  const text = await response.text();
  if (!response.ok) throw new ApiError(response.status, Object.fromEntries(response.headers));
  return JSON.parse(text).data;
}

/** What each step asks for; `send` repeats what may be repeated. Look-ups before creates, but for deal and note. */
export function chainOf(send, oncePerson, onceOrganization) {
  const found = async (entity, field, term) => {
    const query = new URLSearchParams({ term, fields: field, exact_match: "true" });
    const { items } = await send("GET", `/api/v2/${entity}/search?${query}`);
    return items[0]?.item.id;
  };
  return {
    organization: ({ organization }) =>
      organization &&
      onceOrganization(organization.name, async () => {
        const known = await found("organizations", "name", organization.name);
        return known ?? (await send("POST", "/api/v2/organizations", { name: organization.name })).id;
      }),
    person: ({ person }, org_id) =>
      oncePerson(person.email, async () => {
        const known = await found("persons", "email", person.email);
        if (known) return known;
        const emails = [{ value: person.email, primary: true }];
        return (await send("POST", "/api/v2/persons", { name: person.name, emails, ...(org_id && { org_id }) })).id;
      }),
    deal: async ({ deal }, person_id, org_id) =>
      (await send("POST", "/api/v2/deals", { ...deal, person_id, ...(org_id && { org_id }) })).id,
    note: async ({ notes }, deal_id, person_id) =>
      (await send("POST", "/v1/notes", { content: notes[0], deal_id, person_id })).id,
  };
}
