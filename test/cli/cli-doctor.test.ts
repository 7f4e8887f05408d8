import { spawn } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { currentUser } from "../../src/cli/local-user.ts";
import { type CliWorld, createCliWorld, lead, WEBSITE } from "../support/cli-world.ts";
import { type Check, doctorOf } from "../support/doctor-checks.ts";

let world: CliWorld;

beforeEach(async () => {
  world = await createCliWorld({ tokens: ["simulator-token", "another-token"] });
});

afterEach(async () => {
  await world.close();
});

const doctor = (...args: string[]) => doctorOf(world, ...args);

const mapped = (lines: string, more = ""): string =>
  `sources:\n  website:\n    spool: ./spool\n${more}    map:\n      person.email: email\n      organization.name: company\n${lines}`;

describe("doctor on names in maps", () => {
  it("says that all are there", async () => {
    const lines = [
      `deal.pipeline: "= vip ? 'Partners' : 'Sales'"`,
      `deal.stage: "= 'Signed'"`,
      `deal.owner: [person_owner, "= 'olga@example.com'"]`,
      `person.labels: ["= 'Hot lead'"]`,
      "organization.fields.Website: url",
    ];
    world.config(mapped(lines.map((line) => `      ${line}\n`).join("")));
    const { code, named } = await doctor();
    expect(code).toBe(0);
    expect(named("names in maps")).toEqual([
      expect.objectContaining({ status: "ok", message: expect.stringMatching(/^6 names .*all are in the CRM$/) }),
    ]);
  });

  it.each([
    [`deal.pipeline: "= 'Saels'"`, `"Saels"`, `Did you mean "Sales"?`],
    [`deal.pipeline: "= vip ? 'Partner' : 'Sales'"`, `"Partner"`, `Did you mean "Partners"?`],
    [`deal.stage: "= 'Contactd'"`, `"Contactd"`, `Did you mean "Contacted"?`],
    ["person.fields.`Job titel`: job", `"Job titel"`, "Correct the map, or make it in the CRM."],
    ["organization.fields.Websit: url", `"Websit"`, `Did you mean "Website"?`],
    ["deal.fields.Updated: x", "can't be written", "Map to another field."],
  ])("%s fails, as sync would hold the source: exit 3", async (line, message, fix) => {
    world.config(mapped(`      ${line}\n`));
    const { code, ok, named } = await doctor();
    expect({ code, ok }).toEqual({ code: 3, ok: false });
    expect(named("names in maps")).toEqual([
      expect.objectContaining({
        status: "fail",
        message: expect.stringContaining(message),
        fix: expect.stringContaining(fix),
      }),
    ]);
    world.write(
      "spool/a.json",
      JSON.stringify({ email: "a@example.com", company: "Acme", vip: true, job: "x", url: "x", x: "2026-01-01" }),
    );
    expect((await world.run("sync")).code).toBe(3);
  });

  it("knows a stage of the pipeline that the map names from one of another", async () => {
    world.config(mapped(`      deal.pipeline: "= 'Sales'"\n      deal.stage: "= 'Signed'"\n`));
    const { named } = await doctor();
    expect(named("names in maps")[0]?.message).toContain('The pipeline "Sales" has no stage "Signed"');
    world.config(mapped(`      deal.pipeline: pipeline\n      deal.stage: "= 'Signed'"\n`));
    expect((await doctor()).named("names in maps")[0]?.status).toBe("ok");
  });

  it.each([
    [`deal.owner: "= 'olga@exmple.com'"`, `Did you mean "olga@example.com"?`],
    [`person.owner: "= 'Peter Past'"`, "Correct the map"],
    [`person.labels: ["= 'Hot leed'"]`, `Did you mean "Hot lead"?`],
  ])("%s warns: each note would say it; with onBadValue: reject it fails", async (line, fix) => {
    world.config(mapped(`      ${line}\n`));
    const { code, named } = await doctor();
    expect(code).toBe(0);
    expect(named("names in maps")).toEqual([
      expect.objectContaining({ status: "warn", fix: expect.stringContaining(fix) }),
    ]);
    world.config(mapped(`      ${line}\n`, "    onBadValue: reject\n"));
    expect((await doctor()).code).toBe(3);
  });

  it("names a match field that is not there, once for all sources that share the rule", async () => {
    world.config(`persons:\n  match: ["person.fields.Customer no", email]\n${WEBSITE}  shop:\n    lane: background\n`);
    expect((await doctor()).named("names in maps")).toEqual([
      expect.objectContaining({ status: "warn", message: expect.stringMatching(/^persons\.match: .*"Customer no"/) }),
    ]);
  });
});

describe("doctor on the token's user", () => {
  it("says who will own new records, and which maps name another", async () => {
    world.config(mapped(`      deal.owner: "= 'olga@example.com'"\n`));
    const { named } = await doctor();
    expect(named("owner")[0]?.message).toBe(
      "new records will belong to Sam Sales (sales@example.com), the token's user; but where a map names another: website (deal.owner)",
    );
    expect(named("token's sight")[0]).toMatchObject({ status: "ok" });
  });

  it("warns of a user who may not see all persons, and what the API can't show", async () => {
    world.config();
    world.write("token", "another-token\n");
    const { code, named } = await doctor();
    expect(code).toBe(0);
    expect(named("token's sight")[0]).toMatchObject({
      status: "warn",
      message: expect.stringContaining("Olga Owner is no admin"),
      fix: expect.stringContaining("Visibility groups"),
    });
  });

  it("notices that the token is another user's now; so does sync, once", async () => {
    world.config();
    world.write("spool/a.json", JSON.stringify(lead("1")));
    expect((await world.run("sync", "--json")).json.warnings).toEqual([]);
    expect((await doctor()).named("owner change")).toEqual([]);
    world.write("token", "another-token\n");
    world.write("spool/b.json", JSON.stringify(lead("2")));
    const changed = "the token's user changed from Sam Sales to Olga Owner";
    expect((await world.run("sync", "--json")).json.warnings).toEqual([expect.stringContaining(changed)]);
    expect((await world.run("sync", "--json")).json.warnings).toEqual([]);
    expect((await doctor()).named("owner change")[0]).toMatchObject({
      status: "warn",
      message: expect.stringContaining(changed),
    });
    const owners = world.simulator.records.deals.map(({ owner_id }) => owner_id);
    expect(owners).toEqual([71, 72]);
  });
});

describe("doctor on custom fields", () => {
  const withPlan = (plan: string): void => {
    world.config();
    const text = `crm:\n  type: pipedrive\n  plan: ${plan}\n  baseUrl: ${world.url}\n  apiTokenFile: ./token\n`;
    world.write("crmledger.yaml", `${text}limits: { burst: 2000, share: 1 }\n${WEBSITE}`);
  };

  it("warns from nine tenths of what the plan allows", async () => {
    withPlan("lite");
    expect((await doctor()).named("custom fields")[0]).toMatchObject({
      status: "ok",
      message: expect.stringMatching(/^3 of 30 /),
    });
    for (let count = 0; count < 24; count += 1) {
      await fetch(`${world.url}/api/v2/dealFields`, {
        method: "POST",
        headers: { "x-api-token": "simulator-token", "content-type": "application/json" },
        body: JSON.stringify({ field_name: `Extra ${count}`, field_type: "varchar" }),
      });
    }
    expect((await doctor()).named("custom fields")[0]).toMatchObject({
      status: "warn",
      message: expect.stringMatching(/^27 of 30 /),
    });
    withPlan("growth");
    expect((await doctor()).named("custom fields")[0]).toMatchObject({ status: "ok" });
  });
});

describe("doctor on this machine", () => {
  const OTHER = { uid: 4321, gids: [4321], name: "app" };

  async function doctorAs(user: typeof OTHER): Promise<Check[]> {
    const { json } = await world.runWith({ user }, "doctor", "--json");
    return json.checks;
  }

  it("moves a file of its own as ingest would, and leaves nothing behind", async () => {
    world.config();
    const inside = () => readdirSync(world.path("spool"), { recursive: true });
    expect((await doctor()).named("spool website")[0]?.message).toContain("may read, rename and archive here");
    expect(inside()).toEqual([]);
    mkdirSync(world.path("spool/.archive/2026-01-02"), { recursive: true });
    expect((await doctor()).named("spool website")[0]?.status).toBe("ok");
    expect(inside().sort()).toEqual([".archive", ".archive/2026-01-02"]);
  });

  it("names files of others that a sticky folder keeps", async () => {
    world.config();
    world.write("spool/a.json", "{}");
    chmodSync(world.path("."), 0o711);
    chmodSync(world.path("spool"), 0o1777);
    const stuck = (await doctorAs(OTHER)).find(({ name }) => name === "spool website");
    expect(stuck).toMatchObject({ status: "warn", fix: `chmod -t ${world.path("spool")}` });
    expect(stuck?.message).toContain(`from moving 1 file of others: ${world.path("spool/a.json")}`);
    expect((await doctor()).named("spool website")[0]?.status).toBe("ok");
  });

  it("tells who may write to a spool, and of a folder above that lets nobody through who may", async () => {
    world.config("sources:\n  website:\n    spool: ./in/website\n");
    await doctor("--fix");
    // Both were made by it: whoever is let into the one gets through the other.
    expect(statSync(world.path("in")).mode & 0o777).toBe(0o711);
    expect(statSync(world.path("in/website")).mode & 0o777).toBe(0o700);
    const { name } = currentUser();
    expect((await doctor()).named("spool website")[0]?.message).toContain(`; only ${name} may write here`);
    chmodSync(world.path("in/website"), 0o2770);
    chmodSync(world.path("."), 0o700);
    expect((await doctor()).named("spool website")[0]).toMatchObject({
      status: "warn",
      message: `others may write to ${world.path("in/website")}, but ${world.folder} lets only ${name} through`,
      fix: expect.stringContaining(`chmod 711 ${world.folder}`),
    });
    chmodSync(world.path("."), 0o711);
    expect((await doctor()).named("spool website")[0]).toMatchObject({
      status: "ok",
      message: expect.stringMatching(/may read, rename and archive here$/),
    });
  });

  it("says whom it was checked as, and how to check as the ledger's owner", async () => {
    world.config();
    await doctor("--fix");
    const { name } = currentUser();
    expect((await doctorAs(OTHER)).find((check) => check.name === "user")).toMatchObject({
      status: "warn",
      message: expect.stringContaining(`checked as app, but the ledger belongs to ${name}`),
      fix: expect.stringMatching(/^sudo -u \S+ crmledger doctor --config /),
    });
    expect((await doctor()).named("user")[0]).toMatchObject({ status: "ok", message: expect.stringContaining(name) });
  });

  it("warns of a spool and of a ledger that a web server hands out", async () => {
    world.config("sources:\n  website:\n    spool: ./public_html/spool\nledger: ./public_html/crmledger.db\n");
    mkdirSync(world.path("public_html/spool"), { recursive: true });
    await world.run("doctor", "--fix");
    const { ok, named } = await doctor();
    expect(ok).toBe(true);
    const warning = { status: "warn", message: expect.stringContaining(`lies in ${world.path("public_html")}`) };
    expect(named("spool website")).toContainEqual(expect.objectContaining(warning));
    expect(named("ledger")).toContainEqual(expect.objectContaining(warning));
  });

  it("counts the room of each disk once", async () => {
    world.config(`${WEBSITE}  shop:\n    spool: ./shop\n`);
    mkdirSync(world.path("shop"));
    writeFileSync(world.path("shop/x.tmp"), "");
    expect((await doctor()).named("disk").map(({ message }) => message.split(":")[0])).toEqual([
      "ledger, spool website, spool shop",
    ]);
  });
});

describe("doctor as cron's user", () => {
  const root = resolve(import.meta.dirname, "../..");
  const NOBODY = 65_534;
  const isRoot = process.getuid?.() === 0;

  /** The program in a process of its own; of root's as a user without rights, because root may do everything. */
  async function child(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
    const tsx = pathToFileURL(join(root, "node_modules/tsx/dist/esm/index.mjs")).href;
    const main = pathToFileURL(join(root, "src/cli/main.ts")).href;
    const code = `import(${JSON.stringify(main)}).then(async (m) => { process.exitCode = await m.main(process.argv.slice(1)); })`;
    const user = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
    const env = { PATH: process.env.PATH, HOME: world.folder, TMPDIR: world.folder };
    const options = { cwd: world.folder, env, ...user };
    const started = spawn(process.execPath, ["--import", tsx, "-e", code, "--", ...args], options);
    const [out, err]: [string[], string[]] = [[], []];
    started.stdout.on("data", (chunk) => out.push(String(chunk)));
    started.stderr.on("data", (chunk) => err.push(String(chunk)));
    return await new Promise((done) => {
      started.on("close", (ended) => done({ code: ended, out: out.join(""), err: err.join("") }));
    });
  }

  /** Whether a user without rights gets there. */
  function isOpen(path: string): boolean {
    return (statSync(path).mode & 0o005) === 0o005 && (dirname(path) === path || isOpen(dirname(path)));
  }

  const runnable = !isRoot || (isOpen(root) && isOpen(tmpdir()));

  it.runIf(runnable)(
    "finds a spool that it may only read, one that it may not even read, and files that it may not read",
    async () => {
      world.config(`${WEBSITE}  shop:\n    spool: ./shop\n  open:\n    spool: ./open\n`);
      for (const name of ["shop", "open"]) mkdirSync(world.path(name));
      const hidden = world.write("open/hidden.json", "{}");
      chmodSync(hidden, 0o000);
      const modes = { ".": 0o755, token: 0o600, "crmledger.yaml": 0o644, open: 0o777, shop: 0o000, spool: 0o555 };
      for (const [name, mode] of Object.entries(modes)) chmodSync(world.path(name), mode);
      if (isRoot) for (const name of [".", "token"]) chownSync(world.path(name), NOBODY, NOBODY);
      const { code, out } = await child("doctor", "--json");
      const checks = JSON.parse(out).checks as Check[];
      const named = (name: string) => checks.find((check) => check.name === name);
      expect(code).toBe(74);
      expect(named("spool shop")).toMatchObject({ status: "fail", fix: expect.stringContaining("setfacl") });
      expect(named("spool website")).toMatchObject({
        status: "warn",
        message: expect.stringMatching(
          /is read, but its files can't be moved away: \S+ may not rename there \(EACCES\)$/,
        ),
        fix: expect.stringContaining("after: keep"),
      });
      expect(named("spool open")).toMatchObject({
        status: "warn",
        message: expect.stringContaining(`may not read 1 file: ${hidden} (`),
      });
      expect(readdirSync(world.path("open"))).toEqual(["hidden.json"]);
      chmodSync(world.path("shop"), 0o700);
    },
  );

  it.runIf(runnable)("a form that its writer lets nobody read is told at each run, also with --quiet: 3", async () => {
    world.config();
    const hidden = world.write("spool/hidden.json", JSON.stringify(lead("1")), 0o000);
    world.write("spool/read.json", JSON.stringify(lead("2")), 0o644);
    for (const [name, mode] of Object.entries({ ".": 0o755, spool: 0o777 })) chmodSync(world.path(name), mode);
    if (isRoot) for (const name of [".", "token", "crmledger.yaml"]) chownSync(world.path(name), NOBODY, NOBODY);
    const { code, out, err } = await child("sync", "--quiet", "--json", "--max-wait", "0s");
    expect(code).toBe(3);
    expect(JSON.parse(out).drained.done).toBe(1);
    expect(err).toContain(`source website: ${hidden} can't be read by this user`);
    expect(readdirSync(world.path("spool"))).toContain("hidden.json");
    const alerts = async () => JSON.parse((await child("status", "--json")).out).alerts;
    expect(await alerts()).toMatchObject([{ kind: "spool", subject: "website" }]);
    chmodSync(hidden, 0o644);
    expect(await alerts()).toEqual([]);
  });

  it.runIf(isRoot)("root is told the line by which the ledger's owner runs it", async () => {
    world.config();
    await world.run("ingest");
    chownSync(world.path("crmledger.db"), NOBODY, NOBODY);
    const { code, err } = await world.run("sync");
    expect(code).toBe(78);
    expect(err).toMatch(/sudo -u (nobody|'#\d+') crmledger \.\.\. --config \S+crmledger\.yaml/);
    expect(err).toContain("and this is root");
  });
});
