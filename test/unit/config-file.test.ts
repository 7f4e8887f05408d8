/** The file itself: hostile ones, the environment, the token, where it is looked for. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the text with its ${...} is what is tested
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { configPlaces, ledgerPlace } from "../../src/config/find-config.ts";
import { CRM, failure, origin, parse } from "../support/config-parse.ts";

describe("a hostile file", () => {
  const head = "crm: { type: pipedrive, apiTokenFile: ./token }\n";
  const nested = (open: string, close: string): string => `${head}x: ${open.repeat(50_000)}1${close.repeat(50_000)}\n`;
  const laughs = "abcdefghi".split("").map((name, index, names) => {
    const members = Array.from({ length: 9 }, () => (index === 0 ? "ha" : `*${names[index - 1]}`));
    return `${name}: &${name} [${members.join(", ")}]\n`;
  });

  it.each([
    ["an alias of nothing", `${head}heartbeat: *nobody\n`],
    ["an alias inside of what it names", `${head}sources: &all { website: *all }\n`],
    ["a billion laughs", head + laughs.join("")],
    ["lists inside lists", nested("[", "]")],
    ["groups inside groups", nested("{a: ", "}")],
  ])("is wrong and no crash: %s", (_what, text) => {
    const error = failure(text);
    expect(error.code).toBe("configInvalid");
    expect(error.message).toContain(origin.file);
  });

  it("may call nothing __proto__, which would be passed over in silence", () => {
    const error = failure(`${head}sources:\n  __proto__:\n    spool: ./x\n  a:\n    map: { __proto__: id }\n`);
    expect(error.message).toMatch(
      /:3:3: sources\.__proto__ is no name.*\n.*:6:12: sources\.a\.map\.__proto__ is no name/,
    );
  });
});

describe("the environment", () => {
  it("is put in for ${NAME} anywhere in a value, and $${NAME} stays", () => {
    const config = parse(
      `${CRM}ledger: \${DATA}/led\${X}.db\nsources:\n  web: { map: { person.name: "$\${literal}" } }\n`,
      {
        env: { DATA: "/var/lib", X: "ger" },
      },
    );
    expect(config.ledger).toBe("/var/lib/ledger.db");
    expect(config.sources.web?.map).toEqual({ "person.name": "${literal}" });
  });

  it("gives numbers as text, which count as numbers", () => {
    expect(
      parse(`${CRM}  plan: lite\n  seats: \${SEATS}\n`, { env: { SEATS: "2" } }).drain.limits.planDailyTokens,
    ).toBe(60_000);
  });

  it("leaves JSONata's own ${...} in expressions alone", () => {
    const map = `${CRM}sources:\n  web:\n    map:\n      notes: '= items.\${ "a": b }'\n`;
    expect(parse(map).sources.web?.map).toEqual({ notes: '= items.${ "a": b }' });
  });
});

describe("the token", () => {
  const literal = `${CRM}  apiToken: 0123456789abcdef\n`;

  it("may stand in the file only where nobody else can read it", () => {
    const error = failure(literal);
    expect(error.code).toBe("secretExposed");
    expect(error.hint).toContain("chmod 600 /srv/forms/crmledger.yaml");
    expect(parse(literal, { ownerOnly: true }).crm.token.type).toBe("value");
  });

  it("may come from the environment in a file that all can read", () => {
    expect(parse(`${CRM}  apiToken: \${PD}\n`, { env: { PD: "0123456789abcdef" } }).crm.token.type).toBe("value");
  });

  it("never shows in text, JSON or inspection of the config", () => {
    const config = parse(literal, { ownerOnly: true });
    const shown = JSON.stringify(config) + inspect(config, { depth: 9, showHidden: true }) + String(config.crm.token);
    expect(shown).not.toContain("0123456789abcdef");
    if (config.crm.token.type === "value") expect(config.crm.token.secret.reveal()).toBe("0123456789abcdef");
  });
});

describe("where the token may go", () => {
  it.each([
    ["https://acme.pipedrive.com/", "https://acme.pipedrive.com"],
    ["http://127.0.0.1:8080", "http://127.0.0.1:8080"],
    ["http://localhost:9", "http://localhost:9"],
    ["http://[::1]:9/x/", "http://[::1]:9/x"],
    ["https://crm.example.com", "https://crm.example.com"],
  ])("%s is fine", (given, expected) => {
    expect(parse(`${CRM}  baseUrl: "${given}"\n  allowHosts: [crm.example.com]\n`).crm.baseUrl).toBe(expected);
  });

  it.each([
    "http://10.0.0.1",
    "https://evilpipedrive.com",
    "https://u:p@acme.pipedrive.com",
    "ftp://acme.pipedrive.com",
    "http://127.0.0.1.example.com",
    "http://crm.example.com",
  ])("%s is refused", (given) => {
    expect(failure(`${CRM}  baseUrl: ${given}\n  allowHosts: [crm.example.com]\n`).message).toContain(
      ":3:12: crm.baseUrl",
    );
  });
});

describe("finding the file", () => {
  it("takes the flag before the variable before the working folder before the user's own", () => {
    expect(configPlaces("a.yaml", { CRMLEDGER_CONFIG: "/b.yaml" }, "/w", "/home/u")).toEqual({ named: "/w/a.yaml" });
    expect(configPlaces(undefined, { CRMLEDGER_CONFIG: "/b.yaml" }, "/w", "/home/u")).toEqual({ named: "/b.yaml" });
    expect(configPlaces(undefined, {}, "/w", "/home/u")).toEqual({
      tried: ["/w/crmledger.yaml", "/home/u/.config/crmledger/crmledger.yaml"],
    });
    expect(configPlaces(undefined, { XDG_CONFIG_HOME: "/x" }, "/w", "/home/u")).toEqual({
      tried: ["/w/crmledger.yaml", "/x/crmledger/crmledger.yaml"],
    });
  });

  it("takes the ledger from flag before variable before file", () => {
    expect(ledgerPlace("l.db", { CRMLEDGER_LEDGER: "/e.db" }, "/w", "/f.db")).toBe("/w/l.db");
    expect(ledgerPlace(undefined, { CRMLEDGER_LEDGER: "/e.db" }, "/w", "/f.db")).toBe("/e.db");
    expect(ledgerPlace(undefined, {}, "/w", "/f.db")).toBe("/f.db");
  });
});

describe("a config that is none", () => {
  it.each([
    ["of many keys in few letters", `{${Array.from({ length: 12_000 }, (_, n) => `${n.toString(36)}:1`).join(",")}}`],
    ["of a great many lists", "[".repeat(100_000)],
    ["of much text", `ledger: ${"x".repeat(300_000)}`],
    ["of comments", "# x\n".repeat(30_000)],
  ])("%s is refused before it is read", (_what, text) => {
    expect(failure(`${CRM}sources: ${text}`)).toMatchObject({
      code: "configInvalid",
      message: expect.stringContaining("is too large for a config: 256 KiB, and 20000 lines, keys and values"),
    });
  });

  it("with thousands of mistakes names the first ones and counts the others", () => {
    const { message, details } = failure(`${CRM}${Array.from({ length: 5_000 }, (_, n) => `key${n}: 1\n`).join("")}`);
    expect(message).toContain(":3:1: key0 is no known key");
    expect(message).toContain("and 4990 more");
    expect(details?.problems).toHaveLength(200);
  });

  it("long maps are fine", () => {
    const map = Array.from({ length: 5_000 }, (_, n) => `      person.fields.f${n}: a\${T}${n}\n`).join("");
    const config = parse(`${CRM}sources:\n  w:\n    spool: ./s\n    map:\n${map}`, { env: { T: "x" } });
    expect(Object.keys(config.sources.w?.map ?? {})).toHaveLength(5_000);
  });
});
