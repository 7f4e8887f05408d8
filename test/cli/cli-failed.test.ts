import { chmodSync, existsSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CliWorld, createCliWorld, lead, WEBSITE } from "../support/cli-world.ts";

let world: CliWorld;
let sourceField: string;

beforeEach(async () => {
  world = await createCliWorld();
  sourceField = world.simulator.addField("deal", "Source", "enum", ["Trade fair", "Referral"]).field_code;
  world.config(`${WEBSITE}    onBadValue: reject\n`);
});

afterEach(() => world.close());

const ofSource = (id: string, source: string) =>
  lead(id, { deal: { title: `Deal ${id}`, fields: { Source: source } } });
const ofNobody = (id: string) => lead(id, { deal: { title: `Deal ${id}`, owner: "nobody@example.com" } });

async function sync(...records: unknown[]) {
  world.write(`spool/${Math.random()}.json`, JSON.stringify(records));
  return await world.run("sync", "--json", "--max-wait", "0s");
}
const failed = async () => (await world.run("failed", "--json")).json;
const chosen = async (...flags: string[]) =>
  (await world.run("retry-failed", "--dry-run", "--json", ...flags)).json.submissions.map(
    ({ key }: { key: string }) => key,
  );

describe("before it fails", () => {
  it("a dry run of a known set-up says so, and does not count it among what would be sent", async () => {
    await sync(ofSource("1", "Referral"));
    world.write("spool/b.json", JSON.stringify([ofSource("2", "Webinar"), ofSource("3", "Webinar"), lead("4")]));
    const { plan } = (await world.run("sync", "--dry-run", "--json")).json;
    expect(plan.submissions).toBe(1);
    expect(plan.writes.map(({ key }: { key: string }) => key)).not.toContain("2");
    expect(plan.why.at(-1)).toMatch(/^2 submissions would fail: website: deal field "Source" has no option "Webinar"/);
    expect((await world.run("sync", "--json", "--max-wait", "0s")).json.drained).toMatchObject({ done: 1, failed: 2 });
  });
});

describe("a cause", () => {
  it("names field and option, says what to do, and is what retry-failed takes, whole or its first parts", async () => {
    await sync(ofSource("1", "Webinar"), ofSource("2", "Webinar"), ofSource("3", "Podcast"), ofNobody("4"));
    const { total, causes } = await failed();
    expect(total).toBe(4);
    const [webinar] = causes;
    expect(causes.map(({ cause }: { cause: string }) => cause).sort()).toEqual([
      "BAD_VALUE:deal.owner",
      "BAD_VALUE:deal.source:podcast",
      "BAD_VALUE:deal.source:webinar",
    ]);
    expect(webinar).toMatchObject({
      cause: "BAD_VALUE:deal.source:webinar",
      code: "BAD_VALUE",
      about: "deal.Source",
      count: 2,
      message: 'deal field "Source" has no option "Webinar".',
      hint: expect.stringContaining("Trade fair, Referral"),
      retry: "crmledger retry-failed --cause BAD_VALUE:deal.source:webinar",
    });
    expect(await chosen("--cause", webinar.cause)).toEqual(["1", "2"]);
    expect(await chosen("--cause", "BAD_VALUE:deal.source")).toEqual(["1", "2", "3"]);
    expect(await chosen("--cause", "BAD_VALUE:deal.source", "--limit", "1")).toEqual(["1"]);
    expect(await chosen("--cause", "BAD_VALUE")).toHaveLength(4);
    expect(await chosen("--cause", "BAD_VALUE:deal.sou")).toEqual([]);
    expect((await world.run("failed")).out).toContain(
      "Then: crmledger retry-failed --cause BAD_VALUE:deal.source:webinar",
    );
  });

  it("is over once the option is there: the retry sees it at once", async () => {
    await sync(ofSource("1", "Webinar"));
    world.simulator.addOption("deal", sourceField, "Webinar");
    const cause = "BAD_VALUE:deal.source:webinar";
    const ran = await world.run("retry-failed", "--cause", cause, "--drain", "--json");
    expect(ran.json).toMatchObject({ requeued: 1, sync: { drained: { done: 1 } } });
    expect(world.simulator.records.deals).toHaveLength(1);
  });

  it("is the field where people fill free text into a list, with some of it as examples", async () => {
    await sync(...[..."abcdefgh"].map((letter, index) => ofSource(String(index), `From ${letter}`)));
    const { causes } = await failed();
    expect(causes).toHaveLength(1);
    expect(causes[0]).toMatchObject({ cause: "BAD_VALUE:deal.source", count: 8 });
    expect(causes[0].examples).toHaveLength(4);
    expect(causes[0].submissions).toHaveLength(8);
    expect(await chosen("--cause", "BAD_VALUE:deal.source")).toHaveLength(8);
  });

  it("holds nothing of a person: what looks like an address or a number stays out of it", async () => {
    await sync(ofSource("1", "ada@example.com"), ofSource("2", "+44 1234 567890"));
    const { causes } = await failed();
    expect(causes).toHaveLength(1);
    expect(causes[0]).toMatchObject({ cause: "BAD_VALUE:deal.source", count: 2 });
    expect(JSON.stringify([causes[0].message, causes[0].hint, causes[0].examples])).not.toMatch(/ada@|567890/);
  });

  it("names the field that the CRM refused, by its name, and the option that went away", async () => {
    await sync(ofSource("1", "Referral"));
    world.simulator.removeOption("deal", sourceField, "Referral");
    await sync(ofSource("2", "Referral"));
    const { causes } = await failed();
    expect(causes).toHaveLength(1);
    expect(causes[0]).toMatchObject({
      cause: "ERR_SCHEMA_VALIDATION_FAILED:deal.source:referral",
      about: "deal.Source",
      message: expect.stringContaining(`Source (${sourceField})`),
      hint: expect.stringContaining('the option "Referral"'),
    });
    // Made again it has another id, which the kept fields do not know.
    world.simulator.addOption("deal", sourceField, "Referral");
    const ran = await world.run("retry-failed", "--cause", causes[0].cause, "--drain", "--json");
    expect(ran.json).toMatchObject({ requeued: 1, sync: { drained: { done: 1 } } });
  });

  it("retry-failed says why it puts nothing back, in one line, and ends with 0", async () => {
    const told = async (...flags: string[]) => {
      const { code, json, err } = await world.run("retry-failed", "--json", ...flags);
      expect([code, json.requeued, err.trim().split("\n")]).toEqual([0, expect.any(Number), [expect.any(String)]]);
      return `${json.requeued}: ${err.trim()}`;
    };
    await sync(lead("2"));
    expect(await told("--all")).toBe("0: warning: nothing was put back: nothing has failed");
    await sync(ofSource("1", "Webinar"));
    const none = "0: warning: nothing was put back:";
    expect(await told("2")).toBe("0: warning: 2 has not failed: nothing to put back there. See: crmledger show 2");
    expect(await told("--source", "websit")).toBe(`${none} there is no source "websit". Did you mean website?`);
    expect(await told("--source", "import")).toMatch(
      `${none} none of the 1 failed submission is what was asked for. See: crmledger failed`,
    );
    expect(await told("--cause", "NOTHING")).toBe(
      `${none} nothing has failed with the cause "NOTHING". See: crmledger failed`,
    );
    expect(await told("2", "website/1")).toMatch(/^1: warning: 2 has not failed/);
    await sync();
    const ran = await world.run("retry-failed", "--all");
    expect([ran.err, ran.out]).toEqual(["", expect.stringContaining("Put back 1 submission")]);
  });

  it("fills no terminal: thousands of one cause are told in a few lines", async () => {
    await sync(...Array.from({ length: 300 }, (_, index) => ofSource(String(index), "Webinar")));
    const { out } = await world.run("failed");
    expect(out).toContain("300 submissions");
    expect(out.split("\n").length).toBeLessThan(25);
    expect((await failed()).causes[0].submissions).toHaveLength(300);
  });
});

const ADA = { uid: 1000, gids: [1000], name: "ada" };
const editor = (script: string) => {
  const path = world.write("editor.sh", `#!/bin/sh\n${script}\n`, 0o700);
  chmodSync(path, 0o700);
  return { EDITOR: path };
};

describe("what people decide", () => {
  it("keeps the old version, who changed it and when", async () => {
    await sync(ofSource("1", "Webinar"));
    const before = Date.now();
    const env = editor('sed -i "s/Webinar/Referral/" "$1"');
    expect((await world.runWith({ env, user: ADA }, "failed", "edit", "1")).code).toBe(0);
    const { json } = await world.run("show", "1", "--json");
    expect(json.submission.raw.deal.fields.Source).toBe("Referral");
    expect(json.replaced).toHaveLength(1);
    expect(json.replaced[0]).toMatchObject({ by: "ada", raw: { deal: { fields: { Source: "Webinar" } } } });
    expect(Date.parse(json.replaced[0].at)).toBeGreaterThanOrEqual(before - 1);
    const { out } = await world.run("show", "1");
    expect(out).toMatch(/requeued: .*\(by ada\)/);
    expect(out).toMatch(/Until .*, replaced by ada/);
    expect((await world.run("sync", "--max-wait", "0s")).code).toBe(0);
  });

  it("says who set one aside", async () => {
    await sync(ofSource("1", "Webinar"));
    await world.runWith({ user: ADA }, "failed", "drop", "1", "--why", "spam");
    const { json } = await world.run("show", "1", "--json");
    expect(json.submission.state).toBe("dropped");
    expect(json.waits.at(-1)).toMatchObject({ kind: "dropped", detail: "spam (by ada)" });
  });

  it("loses no edit where somebody else put the submission back meanwhile", async () => {
    await sync(ofSource("1", "Webinar"));
    const driver = createRequire(import.meta.url).resolve("better-sqlite3");
    const program = `require("${driver}")("${world.path("crmledger.db")}").exec("UPDATE submissions SET state = 'dropped'")`;
    world.write("steal.cjs", program);
    const steal = `"${process.execPath}" "${world.path("steal.cjs")}"`;
    const env = editor(`sed -i "s/Webinar/Referral/" "$1" && ${steal}`);
    const ran = await world.runWith({ env }, "failed", "edit", "1", "--json");
    expect(ran.code).toBe(64);
    const path = /kept in (\S+);/.exec(ran.json.error.hint)?.[1] as string;
    expect(readFileSync(path, "utf8")).toContain("Referral");
    rmSync(dirname(path), { recursive: true });
  });

  it("loses no edit where the editor ends badly, and keeps no file that says nothing new", async () => {
    await sync(ofSource("1", "Webinar"));
    const changed = await world.runWith({ env: editor('echo "{}" > "$1"; exit 1') }, "failed", "edit", "1", "--json");
    const path = /kept in (\S+);/.exec(changed.json.error.hint)?.[1] as string;
    expect(existsSync(path)).toBe(true);
    rmSync(dirname(path), { recursive: true });
    const same = await world.runWith({ env: editor("exit 1") }, "failed", "edit", "1", "--json");
    expect(same.json.error.hint).toBe("Nothing was changed.");
  });
});
