// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${NAME} is what configs and shells say
import { execFileSync } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, statSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { type CliWorld, createCliWorld, lead, WEBSITE } from "../support/cli-world.ts";

let world: CliWorld;

beforeEach(async () => {
  world = await createCliWorld();
});

afterEach(() => world.close());

const NO_SERVER = COMMANDS.filter((row) => row.name !== "simulator");
/** Arguments without which a command is wrong usage. */
const ARGS: Record<string, string[]> = {
  show: ["website/1"],
  import: ["a.json"],
  adopt: ["a.json"],
  completion: ["bash"],
  pause: ["--why", "x"],
};

describe("--json", () => {
  it.each(NO_SERVER.map((row) => row.name))("%s prints exactly one document, done or failed", async (name) => {
    const args = ARGS[name] ?? [];
    const failed = await world.run(name, ...args, "--json");
    expect(failed.out.trim().split("\n")).toHaveLength(1);
    if (failed.code !== 0) {
      const shape = "checks" in failed.json ? failed.json.checks[0] : failed.json.error;
      expect(Object.keys(shape).length).toBeGreaterThanOrEqual(3);
    }
    world.config();
    world.write("a.json", JSON.stringify(lead("1")));
    await world.run("ingest");
    const done = await world.run(name, ...args, "--json");
    expect(done.out.trim().split("\n")).toHaveLength(1);
    expect(typeof done.json).toBe("object");
  });

  it.each([
    [["--json"], "no command given"],
    [["snyc", "--json"], "unknown command 'snyc'"],
    [["help", "nosuch", "--json"], "unknown command 'nosuch'"],
    [["help", "--json", "nosuch", "sync"], "unknown command 'nosuch'"],
    [["sync", "--json", "--limt", "3"], "unknown option '--limt'"],
    [["sync", "--json", "--limit", "0"], "option '--limit <n>' argument '0' is invalid"],
    [["sync", "--json", "--lane", "fast"], "Allowed choices are operational, background"],
    [["status", "--json", "extra"], "too many arguments"],
    [["import", "--json"], "missing required argument 'files'"],
    [["completion", "--json", "tcsh"], 'No completion for "tcsh"'],
    [["status", "--json", "--watch"], "--watch goes neither"],
  ])("%j is wrong usage: 64", async (args, message) => {
    world.config();
    const ran = await world.run(...args);
    expect(ran.code).toBe(64);
    expect(ran.json.error).toMatchObject({
      code: "usage",
      message: expect.stringContaining(message),
      hint: expect.any(String),
    });
  });

  it("holds for --version too", async () => {
    expect((await world.run("--version", "--json")).json).toEqual({
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    });
  });
});

describe("a file called -", () => {
  beforeEach(async () => {
    world.config();
    world.write("spool/a.json", JSON.stringify([lead("1"), lead("2", { person: { name: "No address" } })]));
    await world.run("ingest");
  });
  const noFile = () => expect(readdirSync(world.folder).filter((name) => name.startsWith("-"))).toEqual([]);

  it.each<[string[], RegExp]>([
    [["status", "--html", "-"], /^<!doctype html>[\s\S]*<\/html>\s*$/i],
    [["status", "--prometheus", "-"], /^# HELP [\s\S]*\n$/],
    [["report", "--since", "7d", "--format", "html", "--out", "-"], /^<!doctype html>/i],
    [["report", "--since", "7d", "--format", "json", "--out", "-"], /^\{\n/],
    [["reconcile", "--format", "csv", "--out", "-"], /^"id","class",/],
    [["export", "--out", "-"], /^"source","key",/],
    [["rejects", "--export", "-"], /^\{"reject":"\d+",/],
  ])("%j is standard output, and nothing but", async (args, text) => {
    const { code, out } = await world.run(...args);
    expect(code).toBeLessThan(4);
    expect(out).toMatch(text);
    noFile();
  });

  it("writes the other one's file beside it", async () => {
    const { out } = await world.run("status", "--prometheus", "-", "--html", "status.html");
    expect(out).toMatch(/^# HELP /);
    expect(readFileSync(world.path("status.html"), "utf8")).toMatch(/^<!doctype html>/i);
    noFile();
  });

  it("of rejects is imported from a pipe as it is", async () => {
    const { out } = await world.run("rejects", "--export", "-");
    const mended = out.replace('"person":{', '"person":{"email":"two@example.com",');
    expect((await world.runWith({ stdin: mended }, "import", "-", "--json")).json).toMatchObject({ new: 1 });
    expect((await world.run("rejects", "--json")).json.total).toBe(0);
  });

  it.each([
    [["status", "--html", "-", "--prometheus", "-"], "--prometheus is"],
    [["status", "--html", "-", "--json"], "--json is"],
    [["status", "--prometheus", "-", "--watch"], "--watch is"],
    [["status", "--check", "--prometheus", "x.prom"], "--check goes neither"],
    [["rejects", "--export", "-", "--json"], "--json is"],
    [["import", "--rejects", "-", "spool/a.json"], "the import's summary is"],
    [["backup", "-"], "the copy is a file"],
    [["sync", "--ledger", "-"], "the ledger can't be standard input or output"],
  ])("%j is refused, where standard output has something else to say", async (args, why) => {
    const { code, out, err } = await world.run(...args);
    expect(code).toBe(64);
    expect(`${err}${out}`).toContain(why);
    expect(err).toMatch(/\nhint: \w/);
    noFile();
  });

  it("is no log", async () => {
    const { err } = await world.runWith({ env: { CRMLEDGER_LOG: "-" } }, "sync");
    expect(err).toContain("- would be standard output");
    noFile();
  });
});

describe("what a user reads", () => {
  it.each([
    [["snyc"], { code: 64, out: "", err: "error: unknown command 'snyc'\nhint: Did you mean sync?\n" }],
    [
      ["status"],
      {
        code: 78,
        out: "",
        err: "error: There is no crmledger.yaml here\nhint: Write one with `crmledger init`, or name it with --config or CRMLEDGER_CONFIG.\n",
      },
    ],
    [
      ["init"],
      {
        code: 64,
        out: "",
        err: "error: init needs --token-file FILE or --token-env NAME where it can't ask\nhint: Optional: --base-url, --plan, --seats, --source, --spool, and others (see --help). At a terminal it asks for them.\n",
      },
    ],
  ])("%j without a config", async (args, expected) => {
    const { code, out, err } = await world.run(...args);
    expect({ code, out, err }).toEqual(expected);
  });

  it("is data on standard output and talk on standard error; --quiet leaves the errors", async () => {
    world.config();
    world.write("spool/bad.json", JSON.stringify([lead("1", { person: { name: "No address" } })]));
    const { code, out, err } = await world.run("ingest", "--quiet");
    expect({ code, err }).toEqual({ code: 3, err: "" });
    expect(out).toBe(`${world.path("spool/bad.json")}: 1 rejected\nIngested  1 rejected\n`);
    const failed = await world.run("status", "--quiet", "--ledger", "none.db");
    expect(failed.err).toMatch(/^error: There is no ledger at .*none\.db\.\nhint: /);
  });

  it("has the wrong key with its line and the nearest one", async () => {
    world.config(`${WEBSITE}    spol: ./x\n`);
    const { code, err } = await world.run("sync");
    expect(code).toBe(78);
    expect(err).toContain(
      `${world.path("crmledger.yaml")}:10:5: sources.website.spol is no known key; did you mean spool?`,
    );
  });

  it("never holds what a record wants a terminal to do", async () => {
    world.config();
    const evil = lead("\u001b]0;owned\u0007x", { person: { email: "\u001b[2Ja@example.com", name: "\u202eevil" } });
    world.write("spool/evil.json", JSON.stringify(evil));
    await world.run("ingest");
    const key = (await world.run("sync", "--dry-run", "--json")).json.plan.writes[0]?.key ?? evil.id;
    for (const args of [["sync", "--dry-run"], ["show", key], ["rejects"], ["failed"], ["status"]]) {
      const { out, err } = await world.run(...args);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(out + err).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
    }
  });

  it.each(COMMANDS.map((row) => row.name))(
    "%s --help has examples, and each example is a line that parses",
    async (name) => {
      const { code, out } = await world.run(name, "--help");
      expect(code).toBe(0);
      expect(out).toContain("Examples:");
      const row = COMMANDS.find((one) => one.name === name)!;
      for (const [line] of row.examples) {
        for (const [flag] of line.matchAll(/--[a-z-]+/g)) expect(out).toContain(flag);
      }
    },
  );
});

describe("secrets", () => {
  it("a token file that others can read is refused with its chmod line, and doctor --fix mends it", async () => {
    world.config();
    chmodSync(world.path("token"), 0o644);
    world.write("spool/a.json", JSON.stringify(lead("1")));
    const ran = await world.run("sync", "--json");
    expect(ran.code).toBe(78);
    expect(ran.json.error).toMatchObject({ code: "secretExposed", hint: `chmod 600 ${world.path("token")}` });
    expect(world.simulator.requests.total).toBe(0);
    expect((await world.run("doctor", "--fix")).code).toBe(0);
    expect(statSync(world.path("token")).mode & 0o077).toBe(0);
  });

  it.each([
    ["crm: { type: pipedrive, baseUrl: https://evil.example }\n", "names evil.example"],
    ["crm: { type: pipedrive, apiToken: '${NOT_THERE}' }\n", "needs the environment variable NOT_THERE"],
    ["crm: { type: pipedrive }\n", "has neither apiTokenFile nor apiToken"],
    ["crm: { type: pipedrive, apiTokenFile: ./none }\n", "none is not there"],
    ["crm: { type: pipedrive, apiTokenFile: ./blank }\n", "holds nothing"],
    ["crm: { type: pipedrive, apiTokenFile: ./lines }\n", "holds no token"],
  ])("%j leaves 78 and sends nothing", async (config, message) => {
    world.write("blank", "\n");
    world.write("lines", "abcdef\nsecond-secret\n");
    world.write("spool/a.json", JSON.stringify(lead("1")));
    world.write("crmledger.yaml", config + WEBSITE);
    const ran = await world.run("sync", "--json", "--verbose");
    expect(ran.code).toBe(78);
    expect(ran.json.error.message).toContain(message);
    expect(ran.out + ran.err).not.toContain("second-secret");
  });
});

describe("doctor", () => {
  it("names who is told of trouble, and a spool that is not there", async () => {
    world.config(`heartbeat: https://ping.example.com/x\n${WEBSITE}  shop:\n    spool: ./shop\n`);
    const ran = await world.run("doctor", "--json");
    expect(ran.code).toBe(74);
    const statusOf = (name: string) => ran.json.checks.filter((check: { name: string }) => check.name === name).at(-1);
    expect(statusOf("heartbeat")).toMatchObject({ status: "ok", message: "is told to ping.example.com" });
    expect(statusOf("spool shop")).toMatchObject({ status: "fail", fix: expect.stringContaining("doctor --fix") });
    expect(statusOf("CRM")).toMatchObject({ status: "ok" });
    expect((await world.run("doctor", "--fix", "--json")).json.ok).toBe(true);
  });

  it("warns of a clock that is far from the CRM's", async () => {
    const late = await createCliWorld({ clockSkewMs: 120_000 });
    try {
      late.config();
      const { json } = await late.run("doctor", "--json");
      const clock = json.checks.find((check: { name: string }) => check.name === "clock");
      expect(clock).toMatchObject({
        status: "warn",
        message: expect.stringMatching(/^this machine is (2m|1m 5\ds|2m \ds) behind the CRM$/),
      });
    } finally {
      await late.close();
    }
  });
});

describe("status --check", () => {
  const check = async () => {
    const { code, out } = await world.run("status", "--check");
    return { code, word: out.split(" ")[0] };
  };

  it("speaks as monitors do: ok, warning, critical, unknown", async () => {
    expect(await check()).toEqual({ code: 3, word: "UNKNOWN" });
    world.config();
    await world.run("ingest");
    expect(await check()).toEqual({ code: 0, word: "OK" });
    await world.run("pause", "--why", "x");
    expect(await check()).toEqual({ code: 1, word: "WARNING" });
    await world.run("resume");
    world.write("spool/a.json", JSON.stringify(lead("1")));
    world.simulator.revokeToken();
    await world.run("sync");
    expect(await check()).toEqual({ code: 2, word: "CRITICAL" });
  });
});

describe("completion", () => {
  it("knows every command, and is a script that bash takes", async () => {
    for (const shell of ["bash", "zsh", "fish"]) {
      const { out } = await world.run("completion", shell);
      for (const row of COMMANDS) expect(out).toContain(row.name);
    }
    const { out } = await world.run("completion", "bash");
    execFileSync("bash", ["-n"], { input: out });
    const asked = 'COMP_WORDS=(crmledger sync --dr); COMP_CWORD=2; _crmledger; echo "${COMPREPLY[@]}"';
    expect(execFileSync("bash", ["-c", `${out}\n${asked}`], { encoding: "utf8" }).trim()).toBe("--dry-run");
  });
});
