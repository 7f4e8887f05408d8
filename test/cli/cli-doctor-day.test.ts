import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
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

describe("doctor on the day's budget", () => {
  const FIX = "Set crm.plan and crm.seats, or limits.dailyTokens.";

  it("warns where neither the config nor the CRM tells it, once, and status says how to", async () => {
    world.config();
    const { code, ok, named } = await doctor();
    expect([code, ok]).toEqual([0, true]);
    expect(named("daily budget")).toEqual([expect.objectContaining({ status: "warn", fix: FIX })]);
    await world.run("sync");
    expect((await world.run("status")).out).toContain("crm.plan and crm.seats, or limits.dailyTokens");
    world.config(`${WEBSITE}    dailyShare: 0.1\n`);
    expect((await doctor()).named("daily budget")).toEqual([]);
    world.config(WEBSITE, ", dailyTokens: 1000");
    expect((await doctor()).named("daily budget")).toEqual([]);
    expect((await world.run("status")).out).not.toContain("limits.dailyTokens");
  });

  it("is content where the plan and seats, or the CRM's headers, tell it", async () => {
    world.config();
    const text = readFileSync(world.path("crmledger.yaml"), "utf8");
    world.write("crmledger.yaml", text.replace("crm:\n", "crm:\n  plan: lite\n"));
    expect((await doctor()).named("daily budget")).toHaveLength(1);
    world.write("crmledger.yaml", text.replace("crm:\n", "crm:\n  plan: lite\n  seats: 2\n"));
    expect((await doctor()).named("daily budget")).toEqual([]);
    const telling = await createCliWorld({ limits: { burst: 200, dailyTokens: 30_000 } });
    try {
      telling.config();
      const { json } = await telling.run("doctor", "--json");
      expect(json.checks.map(({ name }: Check) => name)).toContain("CRM");
      expect(json.checks.map(({ name }: Check) => name)).not.toContain("daily budget");
    } finally {
      await telling.close();
    }
  });
});

describe("doctor on a source's part of the day", () => {
  const shares = (dailyShare: number, limits = "") => world.config(`${WEBSITE}    dailyShare: ${dailyShare}\n`, limits);

  it("says what it pays for, and warns where that is less than a submission", async () => {
    shares(0.1, ", dailyTokens: 1000");
    expect((await doctor()).named("dailyShare")).toEqual([
      expect.objectContaining({ status: "ok", message: expect.stringContaining("100 tokens a day: 4 submissions") }),
    ]);
    shares(0.01, ", dailyTokens: 1000");
    const { code, named } = await doctor();
    expect(code).toBe(0);
    expect(named("dailyShare")[0]).toMatchObject({
      status: "warn",
      message:
        "source website may spend 10 tokens a day, and one submission costs up to 25: it takes days, or never arrives",
      fix: expect.stringContaining("sources.website.dailyShare"),
    });
  });

  it("warns where nobody knows the day that it is a part of", async () => {
    shares(0.1);
    expect((await doctor()).named("dailyShare")[0]).toMatchObject({
      status: "warn",
      fix: expect.stringContaining("limits.dailyTokens"),
    });
    world.config();
    expect((await doctor()).named("dailyShare")).toEqual([]);
  });

  it("tells it in the hold, too", async () => {
    shares(0.004, ", dailyTokens: 1000");
    world.write("spool/a.json", JSON.stringify(lead("1")));
    const { hold } = (await world.run("sync", "--json", "--max-wait", "0s")).json;
    expect(hold.message).toContain(
      "(4). Its submissions wait; others go on. A new person, deal and note cost up to 25",
    );
  });
});
