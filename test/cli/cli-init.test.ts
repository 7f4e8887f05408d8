import { chmodSync, existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cronLine } from "../../src/cli/cron-line.ts";
import { systemdUnits } from "../../src/cli/systemd-units.ts";
import type { Config } from "../../src/config/config.ts";
import { parseConfig } from "../../src/config/parse-config.ts";
import { type CliWorld, createCliWorld, lead } from "../support/cli-world.ts";

let world: CliWorld;

beforeEach(async () => {
  world = await createCliWorld();
});

afterEach(async () => {
  await world.close();
});

const ADA = { uid: 1234, gids: [1234], name: "ada" };

function configWritten(text = readFileSync(world.path("crmledger.yaml"), "utf8"), file = "/x/crmledger.yaml"): Config {
  const vendor = { defaultBaseUrl: "https://api.pipedrive.com", checkBaseUrl: (url: string) => new URL(url) };
  const env = { PD: "token" };
  return parseConfig(text, { file, env, ownerOnly: false, vendors: { pipedrive: vendor } });
}

/** The file's text with every default uncommented: a key behind #, whereas prose begins with a capital letter. */
function withDefaults(text: string): string {
  return text.replace(/^(\s*)#([a-z][A-Za-z]*:)/gm, "$1$2");
}

describe("init by flags", () => {
  beforeEach(() => {
    world.write("pd.token", world.simulator.tokens[0]!);
  });

  const flags = () => ["--token-file", "pd.token", "--base-url", world.url];

  it("writes a config that is valid, a private ledger, the spool, and a cron line with whole paths", async () => {
    const ran = await world.run(
      "init",
      ...flags(),
      "--plan",
      "growth",
      "--seats",
      "3",
      "--source",
      "web form",
      "--json",
    );
    expect(ran.code).toBe(0);
    const config = world.path("crmledger.yaml");
    expect(ran.json).toMatchObject({
      config,
      ledger: world.path("crmledger.db"),
      spools: [world.path("spool/web form")],
      account: { name: "Acme", user: "Sam Sales" },
    });
    expect(ran.json.cron).toBe(
      `*/5 * * * * /usr/bin/node /opt/crmledger/bin/crmledger.js sync --config ${config} --quiet >> ${world.path("crmledger.log")} 2>&1`,
    );
    for (const file of [config, world.path("crmledger.db"), world.path("spool/web form")])
      expect(statSync(file).mode & 0o077).toBe(0);
    expect(statSync(world.path("spool")).mode & 0o777).toBe(0o711);
    expect((await world.run("doctor", "--json")).json.ok).toBe(true);
  });

  it("takes several sources, each with its folder, and what a machine can't know", async () => {
    const sources = ["website=forms", `shop=${world.path("orders")}`, "no"].flatMap((word) => ["--source", word]);
    const place = ["--country", "EE", "--timezone", "Europe/Tallinn"];
    expect((await world.run("init", ...flags(), ...sources, ...place)).code).toBe(0);
    const { sources: written, plan } = configWritten();
    expect(Object.keys(written)).toEqual(["website", "shop", "no", "import"]);
    expect(written.website).toMatchObject({ spool: "/x/forms", country: "EE", timezone: "Europe/Tallinn" });
    expect(written.shop?.spool).toBe("/x/orders");
    expect(plan.persons.country).toBe("EE");
  });

  it("shows defaults that are the defaults: taking every # away changes nothing", async () => {
    await world.run("init", ...flags());
    const text = readFileSync(world.path("crmledger.yaml"), "utf8");
    expect(withDefaults(text).length).toBeLessThan(text.length - 20);
    const [plain, uncommented] = [configWritten(text), configWritten(withDefaults(text))];
    expect({ ...uncommented, later: null }).toEqual({ ...plain, later: null });
  });

  it("lists the CRM's pipelines and stages for the maps, and whose token it is", async () => {
    await world.run("init", ...flags());
    const text = readFileSync(world.path("crmledger.yaml"), "utf8");
    expect(text).toContain("# File with the API token alone, mode 600. This is the token of Sam Sales at Acme.\n");
    expect(text).toContain("#   Sales: New | Contacted | Proposal | Negotiation\n#   Partners: Inbound | Signed\n");
  });

  it("writes a config that keeps last year's export from being sent, by spool and by import", async () => {
    await world.run("init", ...flags());
    const old = { submittedAt: new Date(Date.now() - 366 * 86_400_000).toISOString() };
    world.write("spool/website/export.json", JSON.stringify([lead("old", old), lead("fresh")]));
    world.write("missed.json", JSON.stringify([lead("older", old), lead("missed", { submittedAt: daysAgo(9) })]));
    const { err } = await world.run("import", "missed.json");
    expect(err).toContain("1 record of history: older than the sendFrom of import (");
    expect(err).toContain("crmledger adopt missed.json --source import --send-missing");
    const { ingested } = (await world.run("sync", "--json")).json;
    expect(ingested).toMatchObject({ new: 1, history: 1 });
    expect(world.simulator.records.deals.map(({ title }) => title).sort()).toEqual(["Deal fresh", "Deal missed"]);
  });

  it("sends deals that name no pipeline to the chosen one, of JSON and of CSV, and makes none for records without", async () => {
    const ran = await world.run("init", ...flags(), "--pipeline", "partners");
    expect(ran.code).toBe(0);
    const now = new Date().toISOString();
    const plain = { ...lead("1"), deal: { title: "Plain" } };
    const named = { ...lead("2"), deal: { title: "Named", pipeline: "Sales", stage: "Proposal" } };
    world.write("spool/website/a.json", JSON.stringify([plain, named, { ...lead("3"), deal: undefined }]));
    const csv = `id,submittedAt,person.name,person.email,deal.title,notes.0\n4,${now},Cay,cay@example.com,Of a CSV,Hello\n`;
    world.write("spool/website/b.csv", csv);
    expect((await world.run("sync", "--max-wait", "0s")).code).toBe(0);
    const { deals, notes } = world.simulator.records;
    const pipelineOf = Object.fromEntries(deals.map(({ title, pipeline_id }) => [title, pipeline_id]));
    expect(pipelineOf).toMatchObject({ Plain: 2, Named: 1 });
    expect(deals).toHaveLength(Object.keys(pipelineOf).length);
    expect(notes.filter(({ content }) => /Note of 1/.test(content))).toHaveLength(1);
  });

  it("names the nearest pipeline for one that is not there, and writes nothing", async () => {
    const ran = await world.run("init", ...flags(), "--pipeline", "Partnrs", "--json");
    expect(ran.code).toBe(65);
    expect(ran.json.error.hint).toBe("Did you mean Partners?");
    expect(existsSync(world.path("crmledger.yaml"))).toBe(false);
  });

  it("goes on without the CRM, and with a token that it refuses, and says so", async () => {
    const offline = await world.run("init", "--token-file", "pd.token", "--base-url", "http://127.0.0.1:1", "--json");
    expect(offline.code).toBe(0);
    expect(offline.err).toContain("The token is taken as it is");
    expect(offline.json.account).toBeNull();
    world.write("pd.token", "wrong-token");
    const wrong = await world.run("init", ...flags(), "--force");
    expect(wrong.code).toBe(0);
    expect(wrong.err).toContain("the CRM does not take this token");
    expect(wrong.err).not.toContain("wrong-token");
  });

  it("warns of a token that others can read, and of a spool that a web server hands out", async () => {
    chmodSync(world.path("pd.token"), 0o644);
    const { err } = await world.run("init", ...flags(), "--offline", "--source", "website=public_html/spool");
    expect(err).toContain(`chmod 600 ${world.path("pd.token")}`);
    expect(err).toContain(`${world.path("public_html/spool")} lies where a web server seems to hand files out`);
  });

  it("writes no config where a folder, the ledger or the units can't be made, so that the next try is the first", async () => {
    world.write("taken", "a file");
    world.write("foreign.db", "no ledger");
    const cases: [string[], RegExp, number][] = [
      [["--source", "web=taken"], /taken can't be made \(EEXIST\)/, 64],
      [["--source", "web=taken/spool"], /taken\/spool can't be made/, 64],
      [["--ledger", "taken/x.db"], /taken can't be made/, 64],
      [["--ledger", "foreign.db"], /foreign\.db is damaged or no ledger/, 74],
      [["--systemd", "taken"], /taken can't be made/, 64],
      [["--config", "taken/crmledger.yaml"], /taken\/crmledger\.yaml can't be written \(ENOTDIR\)/, 64],
      [["--token-file", "."], /can't be read \(EISDIR\)/, 64],
    ];
    for (const [more, said, code] of cases) {
      const ran = await world.run("init", ...flags(), "--offline", ...more);
      expect(ran.err).toMatch(said);
      expect(ran.code).toBe(code);
      expect(existsSync(world.path("crmledger.yaml"))).toBe(false);
    }
    expect((await world.run("init", ...flags(), "--offline")).code).toBe(0);
  });

  it("names what can't be in a config without sending anybody to a file that is not there", async () => {
    const ran = await world.run("init", ...flags(), "--offline", "--country", "Estonia", "--timezone", "Mars");
    expect(ran.code).toBe(78);
    expect(ran.err).toContain("error: persons.country must be a country's two letters");
    expect(ran.err).toContain("No config was written");
    expect(ran.err).not.toContain("crmledger.yaml");
  });

  it("takes --ledger from the working folder, as every other command does, also for a config elsewhere", async () => {
    const ran = await world.run(
      "init",
      ...flags(),
      "--offline",
      "--config",
      "etc/c.yaml",
      "--ledger",
      "my.db",
      "--json",
    );
    expect(ran.json.ledger).toBe(world.path("my.db"));
    expect((await world.run("status", "--config", "etc/c.yaml", "--json")).code).toBe(0);
  });

  it.each([
    ["import", [], "init writes that source itself"],
    ["web", ["--source", "web=./other"], "is named twice"],
    ["__proto__", [], "can't be the name"],
  ])("refuses a source called %s, in words of what was typed", async (name, more, said) => {
    const ran = await world.run("init", ...flags(), "--offline", "--source", name, ...more);
    expect(ran.code).toBe(64);
    expect(ran.err).toContain(said);
    expect(existsSync(world.path("crmledger.yaml"))).toBe(false);
  });

  it("says that cron needs the variable with the token", async () => {
    const ran = await world.run("init", "--token-env", "PD", "--offline");
    expect(ran.out).toContain("put PD=TOKEN, with the token itself, on a line above it");
    expect((await world.run("init", ...flags(), "--offline", "--force")).out).not.toContain("on a line above it.");
  });

  it("--offline asks nobody", async () => {
    await world.run("init", ...flags(), "--offline");
    expect(world.simulator.requests.total).toBe(0);
  });

  it("replaces nothing without --force", async () => {
    world.write("crmledger.yaml", "precious: true\n");
    expect((await world.run("init", "--token-env", "PD")).code).toBe(64);
    expect(readFileSync(world.path("crmledger.yaml"), "utf8")).toBe("precious: true\n");
    expect((await world.run("init", "--token-env", "PD", "--force")).out).toContain("and made the ledger");
    expect((await world.run("init", "--token-env", "PD", "--force")).out).toContain("and kept the ledger");
    world.write("crmledger.yaml", "precious: true\n");
    expect((await world.run("init", "--token-env", "PD", "--force")).code).toBe(0);
    expect(configWritten().sources.website?.spool).toBe("/x/spool/website");
    expect(readFileSync(world.path("crmledger.yaml.old"), "utf8")).toBe("precious: true\n");
    expect(statSync(world.path("crmledger.yaml.old")).mode & 0o777).toBe(0o600);
  });

  it("--systemd writes a service of this user with whole paths, and the timer", async () => {
    const args = ["init", ...flags(), "--systemd", "units", "--source", "a=./my spool"];
    const ran = await world.runWith({ user: ADA }, ...args, "--json");
    expect(ran.json.systemd.files).toEqual([
      world.path("units/crmledger.service"),
      world.path("units/crmledger.timer"),
    ]);
    const service = readFileSync(world.path("units/crmledger.service"), "utf8");
    const command = "/usr/bin/node /opt/crmledger/bin/crmledger.js sync --config";
    expect(service).toContain(`User=ada\nWorkingDirectory=${world.folder}\nExecStart=${command} `);
    expect(service).toContain(`ReadWritePaths=-${world.folder} "-${world.path("my spool")}"\n`);
    expect(service).toContain("SuccessExitStatus=4 75 143\n");
    // A private folder for temporary files would hide a world that lies there.
    expect(service.includes("PrivateTmp=yes")).toBe(!/^\/(var\/)?tmp\//.test(world.folder));
    expect(readFileSync(world.path("units/crmledger.timer"), "utf8")).toContain("OnCalendar=*:0/5\n");
  });
});

describe("the page on systemd", () => {
  it("shows the units that init writes", () => {
    const page = readFileSync(new URL("../../docs/cron-and-systemd.md", import.meta.url), "utf8");
    const folder = "/srv/crmledger";
    const text = `ledger: ./crmledger.db\ncrm: { type: pipedrive }\nsources: { website: { spool: ./spool/website } }\n`;
    const config = configWritten(text, `${folder}/crmledger.yaml`);
    const facts = {
      config,
      launcher: ["/usr/bin/node", "/usr/local/bin/crmledger"],
      user: "crmledger",
      tokenEnv: null,
    };
    for (const unit of Object.values(systemdUnits(facts))) expect(page).toContain(`\`\`\`ini\n${unit}\`\`\`\n`);
    expect(page).toContain(cronLine(facts.launcher, config.file));
  });
});

const daysAgo = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString();

describe("init at a terminal", () => {
  const good = () => world.simulator.tokens[0]!;

  it("counts today as it is where the forms are, wherever this machine thinks that it is", async () => {
    for (const zone of ["Pacific/Kiritimati", "Pacific/Pago_Pago"]) {
      const before = Date.now();
      await world.runWith({ answers: [world.url, good(), "", "", "", "", "", zone, ""] }, "init", "--force");
      const { sendFromMs } = configWritten().sources.website!;
      const clock = new Intl.DateTimeFormat("en-GB", { timeZone: zone, timeStyle: "medium" }).format(sendFromMs ?? 0);
      expect(clock).toBe("00:00:00");
      expect(before - (sendFromMs ?? 0)).toBeLessThan(24 * 3_600_000);
      rmSync(world.path("pipedrive.token"));
    }
  });

  it("asks, never shows the token, keeps it in a file of the owner's, and names whose it is", async () => {
    const place = ["EE", "Europe/Tallinn"];
    const answers = [world.url, good(), "premium", "4", "", "./forms", "shop", "", "", ...place, "partners"];
    const ran = await world.runWith({ answers }, "init");
    expect(ran.code).toBe(0);
    expect(ran.err).toContain("This is the token of Sam Sales at Acme.");
    expect(ran.err).toContain("premium");
    expect(ran.out + ran.err).not.toContain(good());
    expect(readFileSync(world.path("pipedrive.token"), "utf8")).toBe(`${good()}\n`);
    expect(statSync(world.path("pipedrive.token")).mode & 0o077).toBe(0);
    expect(readFileSync(world.path("crmledger.yaml"), "utf8")).toMatch(/plan: premium\n {2}seats: 4\n/);
    const { sources } = configWritten();
    expect(sources.website).toMatchObject({ spool: "/x/forms", timezone: "Europe/Tallinn", country: "EE" });
    expect(sources.shop?.spool).toBe("/x/spool/shop");
    expect(sources.shop?.map?.["deal.pipeline"]).toEqual(["deal.pipeline", '= deal or `deal.title` ? "Partners"']);
    expect((await world.run("doctor", "--json")).json.ok).toBe(true);
  });

  const REST = ["", "", "", "", "-", "UTC", ""];

  it("says at once that a token is wrong, and asks again", async () => {
    const answers = [world.url, "wrong-token", good(), ...REST];
    const ran = await world.runWith({ answers }, "init");
    expect(ran.code).toBe(0);
    expect(ran.err.indexOf("does not take this token")).toBeLessThan(ran.err.indexOf("token of Sam Sales"));
    expect(ran.out + ran.err).not.toContain("wrong-token");
    expect(readFileSync(world.path("pipedrive.token"), "utf8")).toBe(`${good()}\n`);
  });

  it("keeps a token that the CRM does not take where the user says so", async () => {
    const answers = [world.url, "wrong-token", "", ...REST.slice(0, -1)];
    const ran = await world.runWith({ answers }, "init");
    expect(ran.code).toBe(0);
    expect(ran.err).toContain("the token is kept, though the CRM did not take it");
    expect(readFileSync(world.path("pipedrive.token"), "utf8")).toBe("wrong-token\n");
  });

  it("takes a token file that is there, or replaces it when told to, and then closes it to others", async () => {
    world.write("pipedrive.token", good());
    expect((await world.runWith({ answers: [world.url, "", ...REST] }, "init")).code).toBe(0);
    expect(readFileSync(world.path("pipedrive.token"), "utf8")).toBe(good());
    chmodSync(world.path("pipedrive.token"), 0o644);
    const answers = [world.url, "n", good(), ...REST];
    expect((await world.runWith({ answers }, "init", "--force")).code).toBe(0);
    expect(readFileSync(world.path("pipedrive.token"), "utf8")).toBe(`${good()}\n`);
    expect(statSync(world.path("pipedrive.token")).mode & 0o077).toBe(0);
  });

  it("asks again for what it can't take: an address, a plan, a country", async () => {
    const answers = ["http://crm.example.com", world.url, good(), "gold", "growth", "x", "2", "a/b", "form", "", ""];
    const ran = await world.runWith({ answers: [...answers, "Estonia", "ee", "Tallinn", "", "nope", "Sales"] }, "init");
    expect(ran.code).toBe(0);
    for (const word of ["is plain http", "no plan", "no whole number", "no slash", "two letters", "no time zone"])
      expect(ran.err).toContain(word);
    expect(configWritten().sources.form?.country).toBe("EE");
  });

  it("says what is wrong with an address in its own words, not of a file that nobody has", async () => {
    const addresses = ["ftp://acme.example.com", "https://crm.example.com", "acme corp"];
    const ran = await world.runWith({ answers: [...addresses, world.url, good(), ...REST] }, "init");
    expect(ran.code).toBe(0);
    for (const word of ["https:// (found ftp://)", "not one of the vendor's hosts", "holds spaces"])
      expect(ran.err).toContain(word);
    expect(ran.err.slice(0, ran.err.indexOf("API token"))).not.toMatch(/:\d+:\d+:|Correct the config|\.\. /);
  });

  it("asks again for a source's name and folder that can't be: nobody answers ten questions twice", async () => {
    world.write("taken", "a file");
    const sources = ["__proto__", "form", "taken", "./a", "form", "second", "./a", "~/b", ""];
    const ran = await world.runWith({ answers: [world.url, good(), "", ...sources, "-", "UTC", ""] }, "init");
    expect(ran.err).toContain("can't be the name");
    expect(ran.err).toContain("is no folder");
    expect(ran.err).toContain("is the folder of form");
    expect(ran.code).toBe(0);
    const { sources: written } = configWritten();
    expect([written.form?.spool, written.second?.spool]).toEqual(["/x/a", world.path("b")]);
  });

  it("--offline asks no CRM at a terminal either, and --pipeline is held against what the CRM has", async () => {
    const answers = [world.url, "not a token", good(), ...REST.slice(0, -1)];
    expect((await world.runWith({ answers }, "init", "--offline")).code).toBe(0);
    expect(world.simulator.requests.total).toBe(0);
    const wrong = await world.runWith(
      { answers: [world.url, "", ...REST] },
      "init",
      "--force",
      "--pipeline",
      "Partnrs",
    );
    expect(wrong.code).toBe(65);
    expect(wrong.err).toContain("Did you mean Partners?");
  });

  it("asks only for what the flags left open", async () => {
    const flags = ["--base-url", world.url, "--plan", "lite", "--seats", "1", "--source", "form", "--country", "EE"];
    const answers = [good(), "Europe/Tallinn", ""];
    expect((await world.runWith({ answers }, "init", ...flags)).code).toBe(0);
  });
});
