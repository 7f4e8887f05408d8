import { afterEach, describe, expect, it } from "vitest";
import { type CliWorld, createCliWorld, lead } from "../support/cli-world.ts";

let world: CliWorld;
afterEach(() => world.close());

const withFields = (id: string, fields: Record<string, string>) => lead(id, { deal: { title: `Deal ${id}`, fields } });

async function sync(...records: unknown[]) {
  world.write(`spool/${records.length}-${JSON.stringify(records).length}.json`, JSON.stringify(records));
  return await world.run("sync", "--json", "--max-wait", "0s");
}

describe("what the CRM's answer does not have as it was sent", () => {
  it("is a warning with a count, a part of the story, of the status and an alert; and costs no request", async () => {
    world = await createCliWorld({ textMax: 12 });
    world.simulator.addField("deal", "Campaign", "varchar");
    world.config();
    const short = await sync(withFields("1", { Campaign: "Autumn" }));
    expect(short.json.warnings).toEqual([]);
    const long = await sync(
      withFields("2", { Campaign: "Autumn and winter" }),
      withFields("3", { Campaign: "Spring and summer" }),
    );
    expect(long.code).toBe(0);
    expect(long.json.warnings).toEqual([expect.stringMatching(/^deal field "Campaign": the CRM cut 2 values/)]);
    const perLead = (ran: typeof short, leads: number) => ran.json.requests.total / leads;
    expect(perLead(long, 2)).toBeLessThanOrEqual(perLead(short, 1));

    const { json } = await world.run("status", "--json");
    expect(json.fieldFindings).toMatchObject([
      {
        entity: "deal",
        field: "Campaign",
        finding: "truncated",
        count: 2,
        lastSubmission: expect.stringMatching(/^website\/[23]$/),
      },
    ]);
    expect(json.alerts).toContainEqual(
      expect.objectContaining({ kind: "fieldEcho", subject: "deal Campaign truncated" }),
    );
    const story = (await world.run("show", "2", "--json")).json;
    expect(story.waits).toContainEqual(
      expect.objectContaining({ kind: "echo", detail: 'the CRM\'s answer has the deal field "Campaign" truncated' }),
    );
    expect((await world.run("show", "1", "--json")).json.waits).toEqual([]);
    expect((await world.run("show", "2")).out).toContain("echo: the CRM's answer");
  });

  it("names a field that somebody deleted while the CRM takes its values without a word", async () => {
    world = await createCliWorld({ unknownFields: "ignore" });
    const { field_code } = world.simulator.addField("deal", "Campaign", "varchar");
    world.config();
    await sync(withFields("1", { Campaign: "Autumn" }));
    world.simulator.deleteField("deal", field_code);
    const ran = await sync(withFields("2", { Campaign: "Winter time" }));
    expect(ran.json.warnings).toEqual([expect.stringMatching(/^deal field "Campaign": the CRM did not keep 1 value/)]);
    expect(ran.json.drained.done).toBe(1);
  });
});
