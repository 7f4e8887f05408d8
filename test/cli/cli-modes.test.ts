/** Who may read what crmledger makes, whatever the umask of cron or of a shell is. */
import { chmodSync, lstatSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CliWorld, createCliWorld, lead } from "../support/cli-world.ts";

let world: CliWorld;
const umask = process.umask();

beforeEach(async () => {
  world = await createCliWorld();
});
afterEach(async () => {
  process.umask(umask);
  await world.close();
});

/** Everything below the world's folder with its mode, but for what is named. */
function modes(folder = world.folder): [string, string][] {
  return readdirSync(folder).flatMap((name): [string, string][] => {
    const path = join(folder, name);
    const stat = lstatSync(path);
    const own: [string, string] = [relative(world.folder, path), (stat.mode & 0o777).toString(8)];
    return stat.isDirectory() ? [own, ...modes(path)] : [own];
  });
}

/** What a web server or a monitor is to read: names nobody. */
const FOR_OTHERS = new Set(["status.prom", "status.html"]);

describe.each([0o000, 0o077, 0o022])("under umask %o", (mask) => {
  it("only the owner can read ledger, log, locks, backups, exports, rejects, pages, config and archive", async () => {
    const writer = process.umask(0o077);
    world.config();
    const madeByUser = new Set(modes().map(([name]) => name));
    world.write("spool/a.json", JSON.stringify([lead("1"), lead("2"), { id: "3" }]));
    world.write("more.csv", "id,person.email\n7,x@example.com\n8,nothing\n");
    process.umask(mask);
    const commands = [
      ["sync", "--verbose"],
      ["import", "more.csv", "--rejects", "left.csv"],
      ["rejects", "--export", "rejects.jsonl"],
      ["export", "--out", "all.csv"],
      ["report", "--format", "html", "--out", "month.html"],
      ["reconcile", "--format", "html", "--out", "check.html"],
      ["reconcile", "--format", "csv", "--out", "check.csv"],
      ["status", "--prometheus", "status.prom", "--html", "status.html"],
      ["backup", "copy.db"],
      ["forget", "lead-1@example.com", "--yes"],
      ["init", "--yes", "--config", "other/crmledger.yaml", "--token-file", "token", "--force"],
    ];
    for (const args of commands) expect((await world.run(...args)).code, args.join(" ")).not.toBe(1);
    process.umask(writer);
    const made = modes().filter(([name]) => !madeByUser.has(name) && !["spool/a.json", "more.csv"].includes(name));
    const names = made.map(([name]) => name);
    for (const name of ["crmledger.db", "left.csv", "rejects.jsonl", "all.csv", "month.html", "check.csv", "copy.db"])
      expect(names).toContain(name);
    expect(names.some((name) => /\.archive\/[\d-]+\/a\.json$/.test(name))).toBe(true);
    expect(names.some((name) => /lock/.test(name))).toBe(true);
    const open = made.filter(([name, mode]) => !FOR_OTHERS.has(name) && !/00$/.test(mode) && !isWay(name, mode));
    expect(open).toEqual([]);
    expect(made.filter(([name, mode]) => FOR_OTHERS.has(name) && !/^6[04][04]$/.test(mode))).toEqual([]);
  });
});

/** Folders that another user's web server must get through on its way to a spool: passed, not listed. */
const isWay = (name: string, mode: string): boolean => mode === "711" && !name.includes(".archive");

describe("a secret that others can read", () => {
  it.each([
    ["by the group", 0o640],
    ["by all", 0o604],
    ["to write by the group", 0o620],
  ])("is refused: %s", async (_who, mode) => {
    world.config();
    chmodSync(world.path("token"), mode);
    world.write("spool/a.json", JSON.stringify([lead("1")]));
    const { code, json } = await world.run("sync", "--json");
    expect({ code, json }).toMatchObject({ code: 78, json: { error: { code: "secretExposed" } } });
    expect(world.simulator.requests.total).toBe(0);
    chmodSync(world.path("token"), 0o400);
    expect((await world.run("sync")).code).toBe(0);
  });

  it("in the config itself is refused too", async () => {
    world.write("spool/.keep", "");
    world.write(
      "crmledger.yaml",
      `crm: { type: pipedrive, baseUrl: ${world.url}, apiToken: "${world.simulator.tokens[0]}" }\n`,
    );
    chmodSync(world.path("crmledger.yaml"), 0o644);
    const { code, json, out, err } = await world.run("sync", "--json");
    expect({ code, json }).toMatchObject({ code: 78, json: { error: { code: "secretExposed" } } });
    expect(out + err).not.toContain(world.simulator.tokens[0]);
    chmodSync(world.path("crmledger.yaml"), 0o600);
    expect((await world.run("sync")).code).toBe(0);
  });
});
