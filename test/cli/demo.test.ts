import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Invocation } from "../../src/cli/command.ts";
import { type DemoScript, playDemo, WHOLE_HOUR } from "../../src/cli/demo.ts";
import { createDemoClock, readDemoTime, writeDemoTime } from "../../src/cli/demo-clock.ts";
import { type DemoInput, inventHour, SLOT_MS } from "../../src/cli/demo-data.ts";
import { proveDemo } from "../../src/cli/demo-proof.ts";
import { processIo } from "../../src/cli/io.ts";
import { createTalk } from "../../src/cli/talk.ts";
import { type DemoDocument, renderDemo } from "../../src/report/demo-page.ts";
import { createStyle } from "../../src/report/style.ts";
import { createSeededRandom } from "../../src/simulator/random.ts";
import { createSimulator, type Simulator } from "../../src/simulator/simulator.ts";
import { createCliWorld } from "../support/cli-world.ts";
import { createSystemClock } from "../support/system-clock.ts";

const root = resolve(import.meta.dirname, "../..");
const START_MS = Date.UTC(2026, 10, 23, 9);
const PLAIN = createStyle({ isTTY: false, columns: undefined }, { color: false }, {});
const CALLED = { program: "npx crmledger", config: "demo/crmledger.yaml" };

/** Three rounds, the second one killed: as small as a demo with all its parts can be. */
const SMALL: DemoScript = {
  size: { slots: 2, backlog: 3, formsPerSlot: 4, callsPerSlot: 1, fairLeads: 8, fairSlot: 1, strangers: 10 },
  rounds: 2,
  roundsMore: 8,
  killAfterWrites: 12,
  factor: 60,
};

/** Starts the program from its sources, as the demo starts itself from what was built. */
function launcher(): string[] {
  const tsx = pathToFileURL(join(root, "node_modules/tsx/dist/esm/index.mjs")).href;
  const main = pathToFileURL(join(root, "src/cli/main.ts")).href;
  const code = `import(${JSON.stringify(main)}).then(async (m) => { process.exitCode = await m.main(process.argv.slice(1)); })`;
  return [process.execPath, "--import", tsx, "-e", code, "--"];
}

function invocation(heard: string[], stopped = new AbortController().signal): Invocation {
  const stderr = { write: (text: string) => heard.push(text) > 0 } as unknown as NodeJS.WritableStream;
  const globals = { json: false, quiet: false, verbose: false, color: true, progress: true };
  return {
    ...{ commands: [], args: [], flags: {}, globals, print: () => undefined },
    io: { ...processIo(), stderr, launcher: launcher() },
    talk: createTalk(stderr, PLAIN, globals),
    signals: { graceful: () => stopped, received: () => null },
  };
}

describe("a small demo with real processes", () => {
  const heard: string[] = [];
  let folder: string;
  let demo: DemoDocument;

  beforeAll(async () => {
    folder = join(mkdtempSync(join(tmpdir(), "crmledger-demo-test-")), "kept");
    demo = await playDemo(invocation(heard), SMALL, 3, folder);
  }, 180_000);

  afterAll(() => rmSync(resolve(folder, ".."), { recursive: true, force: true }));

  it("brings each submission into the CRM once, although a run was killed", () => {
    expect(demo.crm).toMatchObject({ lost: [], doubled: [], wrong: [] });
    expect(demo).toMatchObject({ proved: true, waiting: 0, failed: 0 });
    expect(demo.rounds.filter(({ killed }) => killed !== null)).toHaveLength(1);
    expect(demo.requests.refusedForOurPace).toBe(0);
  });

  it("accounts for every record that came in", () => {
    const { records, submissions, repeats, rejected } = demo.delivered;
    expect(submissions + repeats + rejected).toBe(records);
    expect(repeats).toBeGreaterThanOrEqual(SMALL.size.fairLeads);
    expect(demo.rejects).toHaveLength(5);
  });

  it("tells the story on standard error, in lines that fit on a terminal", () => {
    const story = heard.join("");
    expect(story).toContain("clock is accelerated: 60 times");
    expect(story).toContain("killed with SIGKILL");
    const long = `${story}\n${renderDemo({ ...demo, kept: null }, CALLED, PLAIN)}`.split("\n");
    expect(long.filter((line) => line.length > 79 && !line.includes(folder))).toEqual([]);
  });

  it("leaves the folder that was named, with a ledger that can be asked", () => {
    expect(existsSync(join(folder, "crmledger.db"))).toBe(true);
    expect(renderDemo(demo, CALLED, PLAIN)).toMatch(/npx crmledger show \w+\/\S+ --config demo\/crmledger.yaml/);
    expect(readFileSync(join(folder, "crmledger.yaml"), "utf8")).toContain("website:");
  });
});

describe("the demo's input", () => {
  const input = inventHour(WHOLE_HOUR.size, START_MS, createSeededRandom(7));

  it("is the same for a seed, and another for another", () => {
    expect(inventHour(WHOLE_HOUR.size, START_MS, createSeededRandom(7))).toEqual(input);
    expect(inventHour(WHOLE_HOUR.size, START_MS, createSeededRandom(8))).not.toEqual(input);
  });

  it("is a few hundred submissions, a fifth and more of the records repeated, five of them bad", () => {
    const sum = (of: "records" | "repeats" | "rejects") => input.slots.reduce((all, slot) => all + slot[of], 0);
    expect(input.submissions.length).toBeGreaterThan(200);
    expect(new Set(input.submissions.map(({ stamp }) => stamp)).size).toBe(input.submissions.length);
    expect(sum("records")).toBe(input.submissions.length + sum("repeats") + sum("rejects"));
    expect(sum("repeats") / sum("records")).toBeGreaterThan(0.2);
    expect(sum("rejects")).toBe(5);
  });

  it("knows nobody real: addresses of example domains, numbers kept for drama", () => {
    const text = input.slots.flatMap(({ files }) => files.map((file) => file.text)).join("\n");
    const emails = [...text.matchAll(/[\w.]+@[\w.-]+/g)].map(([email]) => email.toLowerCase());
    expect(emails.filter((email) => !/@example\.(com|org|net)$/.test(email))).toEqual([]);
    const phones = [...text.matchAll(/\+\d{6,}/g)].map(([phone]) => phone);
    expect(phones.filter((phone) => !/^\+447700900\d{3}$/.test(phone))).toEqual([]);
  });
});

describe("the demo's proof", () => {
  const person = { name: "Ada Abel", email: "ada@example.com", phone: null, company: null };
  const input: DemoInput = {
    slots: [],
    submissions: [
      { stamp: "website/wf_1", person, reachedBy: "email", company: null, deal: true, notes: 1 },
      {
        stamp: "website/wf_2",
        person: { ...person, email: "ben@example.com" },
        ...{ reachedBy: "email", company: null, deal: false, notes: 0 },
      },
    ],
    knownPersons: [{ ...person, email: "ben@example.com" }],
    knownCompanies: [],
  };

  function crm(): Simulator {
    const simulator = createSimulator({ clock: createSystemClock(), limits: null, withStampFields: true });
    simulator.addPerson({ name: "Ben", emails: [{ value: "ben@example.com" }] });
    return simulator;
  }

  async function post(simulator: Simulator, path: string, body: Record<string, unknown>): Promise<number> {
    const headers = { "x-api-token": simulator.tokens[0]!, "content-type": "application/json" };
    const url = `http://127.0.0.1${path}`;
    const sent = { method: "POST" as const, url, headers, body: JSON.stringify(body) };
    const result = await simulator.handle({ ...sent, timeoutMs: 1000, bytesMax: 100_000 });
    if (result.type !== "response" || result.status >= 300) throw new Error(JSON.stringify(result));
    return (JSON.parse(result.body) as { data: { id: number } }).data.id;
  }

  async function write(simulator: Simulator): Promise<{ person: number; deal: number }> {
    const stamp = (entity: "person" | "deal") => ({ [simulator.stampField(entity)!]: "website/wf_1" });
    const person_id = await post(simulator, "/api/v2/persons", {
      ...{ name: "Ada", emails: [{ value: "ada@example.com" }], custom_fields: stamp("person") },
    });
    const deal = { title: "Website", person_id, custom_fields: stamp("deal") };
    const deal_id = await post(simulator, "/api/v2/deals", deal);
    await post(simulator, "/api/v1/notes", { content: "Hello<br>Ref. website/wf_1", deal_id, person_id });
    return { person: person_id, deal: deal_id };
  }

  it("holds where everything is there once", async () => {
    const simulator = crm();
    await write(simulator);
    const proof = proveDemo(simulator, input);
    expect(proof).toMatchObject({ lost: [], doubled: [], wrong: [], persons: { created: 1, known: 1 } });
  });

  it("names what is not there", () => {
    const { lost, doubled } = proveDemo(crm(), input);
    expect(lost).toEqual([
      "deal of website/wf_1: 0 of 1",
      "notes of website/wf_1: 0 of 1",
      "person of website/wf_1: 0 of 1",
    ]);
    expect(doubled).toEqual([]);
  });

  it("names what is there twice, and what hangs on somebody else", async () => {
    const simulator = crm();
    const { deal } = await write(simulator);
    const { person } = await write(simulator);
    simulator.editDeal(deal, { person_id: simulator.records.persons[0]!.id });
    const { doubled, wrong } = proveDemo(simulator, input);
    expect(doubled).toContain("deal of website/wf_1: 2 instead of 1");
    expect(doubled).toContain("notes of website/wf_1: 2 instead of 1");
    expect(doubled).toContain("person of website/wf_1: 2 instead of 1");
    expect(person).toBeGreaterThan(0);
    expect(wrong).not.toEqual([]);
  });
});

describe("the demo's clock", () => {
  it("is one for all who know its text, runs faster, and never goes back", () => {
    let machineMs = 1000.5;
    const clock = createDemoClock({ wallMs: START_MS, monoMs: 0, machineMs, factor: 20 }, () => machineMs);
    machineMs += 100;
    expect(clock.wallMs()).toBe(START_MS + 2000);
    expect(clock.monoMs()).toBe(2000);
    clock.leapTo(START_MS + SLOT_MS);
    expect([clock.wallMs() - START_MS, clock.monoMs()]).toEqual([SLOT_MS, SLOT_MS]);
    clock.leapTo(START_MS);
    expect(clock.wallMs()).toBe(START_MS + SLOT_MS);
    const child = createDemoClock(readDemoTime(writeDemoTime(clock.time())), () => machineMs);
    machineMs += 7.25;
    expect([child.wallMs(), child.monoMs()]).toEqual([clock.wallMs(), clock.monoMs()]);
  });
});

describe("the command", () => {
  it("touches no folder that holds something, and hides how it calls itself", async () => {
    const world = await createCliWorld();
    try {
      writeFileSync(join(world.folder, "mine.txt"), "mine");
      const refused = await world.run("demo", "--keep", world.folder, "--json");
      expect(refused.code).toBe(64);
      expect(refused.json.error).toMatchObject({ code: "usage" });
      expect(readdirSync(world.folder)).toEqual(["mine.txt"]);
      expect((await world.run("demo", "--as-cron", "soon")).code).toBe(64);
      expect((await world.run("demo", "--help")).out).not.toContain("as-cron");
      expect((await world.run("completion", "bash")).out).not.toContain("as-cron");
    } finally {
      await world.close();
    }
  });

  it("stops before its end when it is told to, and removes its folder", async () => {
    const before = new Set(readdirSync(tmpdir()));
    const demo = playDemo(invocation([], AbortSignal.abort()), SMALL, 3, null);
    await expect(demo).rejects.toMatchObject({ code: "unexpected", message: expect.stringContaining("stopped") });
    const left = readdirSync(tmpdir()).filter((name) => name.startsWith("crmledger-demo-") && !before.has(name));
    expect(left.filter((name) => !name.startsWith("crmledger-demo-test-"))).toEqual([]);
  });
});
