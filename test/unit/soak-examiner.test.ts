import { describe, expect, test } from "vitest";
import { createSimulator } from "../../src/simulator/simulator.ts";
import { examine, makeSubmissions, randomOf, type SoakSubmission } from "../support/soak-world.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";

/** A CRM that holds what the submissions meant, as many times as `copies` says. */
async function crmWith(submissions: readonly SoakSubmission[], copies: (title: string) => number) {
  const simulator = createSimulator({ clock: createVirtualClock(Date.UTC(2026, 10, 24)), limits: null });
  const post = async (path: string, body: unknown): Promise<number> => {
    const result = await simulator.handle({
      method: "POST",
      url: `http://127.0.0.1${path}`,
      headers: { "x-api-token": simulator.tokens[0]!, "content-type": "application/json" },
      body: JSON.stringify(body),
      timeoutMs: 1_000,
      bytesMax: 1_000_000,
    });
    if (result.type !== "response" || result.status >= 300) throw new Error(JSON.stringify(result));
    return (JSON.parse(result.body) as { data: { id: number } }).data.id;
  };
  const people = new Map<string, number>();
  const companies = new Map<string, number>();
  for (const { person, organization, deal, notes } of submissions) {
    if (!people.has(person.email)) {
      const emails = [{ value: person.email, primary: true, label: "work" }];
      people.set(person.email, await post("/api/v2/persons", { name: person.name, emails }));
    }
    if (organization && !companies.has(organization.name)) {
      companies.set(organization.name, await post("/api/v2/organizations", organization));
    }
    const links = { person_id: people.get(person.email), org_id: companies.get(organization?.name ?? "") };
    for (let copy = 0; copy < copies(deal.title); copy += 1) {
      const id = await post("/api/v2/deals", { ...deal, ...links });
      if (copy > 0) continue;
      for (const text of notes) await post("/api/v1/notes", { content: text, deal_id: id });
    }
  }
  return simulator;
}

describe("the soak's examiner", () => {
  const submissions = makeSubmissions(30, randomOf(3), Date.UTC(2026, 10, 24));

  test("finds nothing where everything is there once", async () => {
    expect(examine(await crmWith(submissions, () => 1), submissions)).toEqual({ lost: [], twice: [], wrong: [] });
  });

  test("sees what was made twice, and what is missing", async () => {
    const simulator = await crmWith(submissions, (title) => (title === "Deal 4" ? 2 : title === "Deal 9" ? 0 : 1));
    const { lost, twice } = examine(simulator, submissions);
    expect(twice).toEqual(["deal website/soak-4: 2 instead of 1"]);
    expect(lost).toContain("deal website/soak-9: 0 of 1");
  });

  test("sees a deal that hangs on somebody else", async () => {
    const mixed = submissions.map((one, index) =>
      index === 0 ? { ...one, person: { name: "Other", email: "other@example.com" } } : one,
    );
    const { wrong } = examine(await crmWith(mixed, () => 1), submissions);
    expect(wrong).toEqual([expect.stringContaining("soak-0: its deal hangs on other@example.com")]);
  });
});
