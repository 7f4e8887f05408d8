import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CliWorld, createCliWorld, lead } from "../support/cli-world.ts";

let world: CliWorld;

const MAP = `sources:
  website:
    spool: ./spool
    map:
      id: id
      person.email: person.email
      deal.title: deal.title
      deal.pipeline: "= 'Sales'"
      deal.fields.Channel: "= utm ? 'Ads' : 'Website'"
`;

beforeEach(async () => {
  world = await createCliWorld();
  world.config(MAP);
  await world.run("doctor", "--fix");
  makeChannel(["Ads", "Website"]);
  await world.run("doctor");
  expect(await changed()).toEqual([]);
});

afterEach(() => world.close());

function makeChannel(labels: string[]): void {
  const options = labels.map((label, index) => ({ id: 200 + index, label }));
  const fields = world.simulator.fields("deal") as unknown[];
  fields.push({ field_name: "Channel", field_code: "chan", field_type: "enum", options, is_custom_field: true });
}

function channel() {
  const field = world.simulator.fields("deal").find(({ field_code }) => field_code === "chan");
  return field as {
    field_name: string;
    field_type: string;
    required?: boolean;
    options: { id: number; label: string }[];
  };
}

async function changed(): Promise<string[]> {
  const { changedNames } = (await world.run("status", "--json")).json;
  return changedNames.map(({ message, fix }: { message: string; fix: string }) => `${message}. ${fix}`);
}

/** A day passes for what the ledger keeps of the CRM's set-up. */
function nextDay(): void {
  const db = new Database(world.path("crmledger.db"));
  db.exec("UPDATE catalog SET fetched_at_ms = fetched_at_ms - 90000000");
  db.close();
}

const RENAMED =
  'the deal field "Channel" is now called "Lead source" in the CRM. Change sources.website.map.deal.fields.Channel ' +
  '(crmledger.yaml line 14) to "Lead source", or give it its old name again in the CRM.';

const WITH_ONE = RENAMED.replace(". Change", "; 1 waiting submission brings it. Change");

describe("a source whose records changed", () => {
  it("is named by the sync that finds it, by status and by check-source, without a value", async () => {
    const make = (index: number, phone: object) =>
      JSON.stringify({ id: `s${index}`, person: { email: `s${index}@example.com`, ...phone }, deal: { title: "T" } });
    const row = (_: unknown, index: number) => make(index, index < 20 ? { phone: "+3725551234" } : {});
    world.write("spool/a.jsonl", `${Array.from({ length: 25 }, row).join("\n")}\n`);
    const told =
      "source website: person.phone was in nearly all records (20, e.g. website/s19) and is missing or empty in the last 5";
    const ran = await world.run("ingest", "--json");
    expect(ran.err).toContain(told);
    const { sourceDrifts, alerts } = (await world.run("status", "--json")).json;
    expect(sourceDrifts).toMatchObject([
      {
        source: "website",
        path: "person.phone",
        drift: "vanished",
        message: told,
        example: "website/s19",
        mapped: false,
      },
    ]);
    expect(alerts).toMatchObject([
      { kind: "sourceShape", subject: "website vanished", message: "website: 1 member of its records has vanished" },
    ]);
    expect((await world.run("status")).out).toContain(told);
    world.write("sample.json", make(99, {}));
    expect((await world.run("check-source", "sample.json", "--source", "website", "--json")).json.drifts).toEqual([
      told,
    ]);
    await world.run("forget", "s19@example.com", "--yes");
    const after = (await world.run("status", "--json")).json.sourceDrifts;
    expect(after).toMatchObject([{ example: null }]);
  });
});

describe("a name that the CRM changed", () => {
  it("is told by the sync that reads the set-up anew, with the line to change, until it is changed", async () => {
    channel().field_name = "Lead source";
    world.write("spool/a.json", JSON.stringify([lead("1")]));
    const before = (await world.run("sync", "--json")).json;
    expect(before).toMatchObject({ warnings: [], drained: { done: 1 } });
    nextDay();
    world.write("spool/b.json", JSON.stringify([lead("2")]));
    const ran = (await world.run("sync", "--json", "--max-wait", "0s")).json;
    expect(ran.warnings).toContain(WITH_ONE);
    expect(ran.drained.failed).toBe(0);
    expect(await changed()).toEqual([WITH_ONE]);
    const { alerts } = (await world.run("status", "--json")).json;
    const about = alerts.filter(({ kind }: { kind: string }) => kind === "crmNames");
    expect(about).toMatchObject([
      {
        message:
          "at the CRM the deal field that sources.website.map.deal.fields.Channel and 1 waiting submission use was renamed",
      },
    ]);
    world.config(MAP.replace("fields.Channel", "fields.Lead source"));
    expect(await changed()).toEqual([]);
    expect((await world.run("sync", "--json")).json).toMatchObject({ drained: { done: 1 }, warnings: [] });
  });

  it("is told by doctor, with its new name instead of one that is written alike, and is over when it is put back", async () => {
    channel().field_name = "Lead source";
    const { checks } = (await world.run("doctor", "--json")).json;
    const told = checks.filter(({ name }: { name: string }) => name.startsWith("names in"));
    expect(told).toMatchObject([
      { name: "names in maps", status: "fail", fix: RENAMED.slice(RENAMED.indexOf("Change")) },
      { name: "names in the CRM", status: "warn" },
    ]);
    channel().field_name = "Channel";
    await world.run("doctor");
    expect(await changed()).toEqual([]);
  });

  it("is told of options and stages too, with the last of several names", async () => {
    const stage = world.simulator.pipelines()[0]!.stages[0]!;
    world.config(`${MAP}      deal.stage: "= '${stage.name}'"\n`);
    await world.run("doctor");
    channel().options.splice(0, 1);
    channel().options[0]!.label = "Web";
    Object.assign(stage, { name: "Fresh" });
    await world.run("doctor");
    channel().options[0]!.label = "Web page";
    await world.run("doctor");
    expect(await changed()).toEqual([
      expect.stringMatching(
        /^the stage ".+" is now called "Fresh" in the CRM\. Change sources\.website\.map\.deal\.stage /,
      ),
      expect.stringMatching(
        /^the CRM does not show the option "Ads" of the deal field "Channel" any more\. Change .* \(crmledger.yaml line 14\).* the token's user may not see it/,
      ),
      expect.stringContaining('the option "Website" of the deal field "Channel" is now called "Web page"'),
    ]);
  });

  it("is told for another type and a new duty, the latter of maps that leave it empty", async () => {
    channel().required = true;
    channel().field_type = "varchar";
    const stray = {
      field_name: "Region",
      field_code: "reg",
      field_type: "varchar",
      options: null,
      is_custom_field: true,
    };
    (world.simulator.fields("deal") as unknown[]).push(stray);
    await world.run("doctor");
    Object.assign(stray, { required: true });
    await world.run("doctor");
    expect(await changed()).toEqual([
      expect.stringContaining(
        'the CRM now wants the deal field "Region" to be filled. Let sources.website.map (crmledger.yaml line 9)',
      ),
      expect.stringContaining('the deal field "Channel" was enum and is varchar now'),
    ]);
  });

  it("is told where only waiting submissions use it, and not at all where nothing does", async () => {
    world.config();
    channel().field_name = "Lead source";
    await world.run("doctor");
    expect(await changed()).toEqual([]);
    world.write("spool/a.json", JSON.stringify([lead("1", { deal: { title: "Deal", fields: { Channel: "Ads" } } })]));
    await world.run("ingest");
    expect(await changed()).toEqual([
      'the deal field "Channel" is now called "Lead source" in the CRM; 1 waiting submission brings it. ' +
        "Give it its old name again in the CRM: the records name it themselves.",
    ]);
  });
});
