/** Each kind of hold is opened by what opens it, shown by `status` and `show`, and ended by what ends it. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HOLD_KINDS, type HoldKind, type HoldScope } from "../../src/domain/hold.ts";
import type { OperationGroup } from "../../src/domain/operation.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { type CliWorld, createCliWorld, WEBSITE } from "../support/cli-world.ts";
import { type Given, lead, PLAN, type RigOptions, SETTINGS, START_MS } from "../support/drain-rig.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";
import { type WatchedRig, watchedRig } from "../support/watched-rig.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const leads = (count: number, from = 1, more: Partial<Given> = {}) =>
  Array.from({ length: count }, (_, n) => ({ ...lead(from + n), ...more }));

interface Bench {
  rig: WatchedRig;
  world: CliWorld;
  /** A group whose requests get no useful answer. */
  dead: RegExp | null;
}

interface Scenario {
  name: string;
  kind: HoldKind;
  scope: HoldScope;
  options?: RigOptions;
  /** Before the run that opens it. */
  begin(bench: Bench): Promise<unknown>;
  /** A submission that it keeps back. */
  waits: string;
  end(bench: Bench): Promise<unknown>;
}

const nothing = async (): Promise<void> => {};
const take = (given: Given[], more?: (bench: Bench) => unknown) => async (bench: Bench) => {
  await bench.rig.take(given);
  await more?.(bench);
};
const advance =
  (ms: number, more?: (bench: Bench) => unknown) =>
  async (bench: Bench): Promise<void> => {
    await more?.(bench);
    await bench.rig.clock.advance(ms);
  };
const command =
  (...args: string[]) =>
  ({ world, rig }: Bench) =>
    world.runWith({ clock: rig.clock }, ...args);

const SCENARIOS: Scenario[] = [
  {
    ...{ name: "the share of the day's budget is spent", kind: "dailyQuota", scope: "account" },
    options: { simulator: { limits: { dailyTokens: 500, dailyHeaders: true } } },
    ...{ begin: take(leads(30)), waits: "wf_1", end: advance(2 * DAY_MS) },
  },
  {
    ...{ name: "what the day's budget has for background is spent", kind: "dailyQuota", scope: "lane:background" },
    options: { simulator: { limits: { dailyTokens: 500, dailyHeaders: true } } },
    ...{ begin: take(leads(20, 1, { lane: "background" })), waits: "wf_1", end: advance(2 * DAY_MS) },
  },
  {
    ...{ name: "the CRM asks for a long rest", kind: "burst", scope: "credential" },
    begin: take(leads(2), ({ rig }) => rig.simulator.failNext({ kind: "rateLimit429", retryAfter: "600", times: 3 })),
    ...{ waits: "wf_1", end: advance(11 * MINUTE_MS) },
  },
  {
    ...{ name: "the CRM's front answers 403 with a page", kind: "blocked", scope: "account" },
    begin: take(leads(2), ({ rig }) => rig.simulator.failNext({ kind: "html403", times: 2 })),
    ...{ waits: "wf_1", end: nothing },
  },
  {
    ...{ name: "the token is refused", kind: "credentials", scope: "credential" },
    begin: take(leads(2), ({ rig }) => rig.simulator.failNext({ kind: "unauthorized" })),
    ...{ waits: "wf_1", end: nothing },
  },
  {
    ...{ name: "the plan has no room for more deals", kind: "planCap", scope: "group:deals" },
    begin: take(leads(2), ({ rig }) => rig.simulator.setPlanCaps({ deals: 1 })),
    waits: "wf_1",
    end: advance(16 * MINUTE_MS, ({ rig }) => rig.simulator.setPlanCaps({})),
  },
  {
    ...{ name: "nobody answers what leads to another host", kind: "outage", scope: "account" },
    begin: take(leads(2), ({ rig }) => rig.simulator.failNext({ kind: "redirect" })),
    ...{ waits: "wf_1", end: nothing },
  },
  ...(["persons", "organizations", "deals", "notes"] as const).map(
    (group): Scenario => ({
      ...{ name: `${group} are not answered`, kind: "outage", scope: `group:${group}` },
      begin: take(
        leads(25).map((one, n) => ({ ...one, content: { ...one.content, organization: { name: `Acme ${n}` } } })),
        (bench) => {
          bench.dead = new RegExp(`/${group}`);
        },
      ),
      waits: "wf_1",
      end: advance(20 * MINUTE_MS, (bench) => {
        bench.dead = null;
      }),
    }),
  ),
  {
    ...{ name: "a map names a pipeline that the CRM lacks", kind: "source", scope: "source:website" },
    begin: take([lead(1, { deal: { title: "Deal", pipeline: "Nowhere" } })]),
    waits: "wf_1",
    end: advance(16 * MINUTE_MS, ({ rig }) => rig.simulator.addPipeline("Nowhere", ["New"])),
  },
  {
    ...{ name: "somebody paused everything", kind: "paused", scope: "account" },
    begin: take(leads(1), command("pause", "--why", "clean-up")),
    ...{ waits: "wf_1", end: command("resume") },
  },
  {
    ...{ name: "somebody paused a source", kind: "paused", scope: "source:website" },
    begin: take(leads(1), command("pause", "--why", "clean-up", "--source", "website")),
    ...{ waits: "wf_1", end: command("resume", "--source", "website") },
  },
  {
    ...{ name: "the CRM has stamps that the ledger does not know", kind: "staleLedger", scope: "account" },
    begin: take(leads(1), async ({ rig }) => {
      // Only a ledger that was not at work for an hour looks.
      await rig.clock.advance(61 * MINUTE_MS);
      const field = rig.simulator.stampField("deal")!;
      rig.simulator.addDeal({ title: "Of another ledger", custom_fields: { [field]: "website/wf_later" } });
    }),
    ...{ waits: "wf_1", end: command("resume") },
  },
];

let bench: Bench;
let ledger: Ledger;

it("each kind of hold has its scenario", () => {
  expect([...new Set(SCENARIOS.map(({ kind }) => kind))].sort()).toEqual([...HOLD_KINDS].sort());
});

async function start(options: RigOptions = {}): Promise<void> {
  const world = await createCliWorld();
  world.config(WEBSITE);
  const clock = createVirtualClock(START_MS);
  ledger = await openSqliteLedger({ path: world.path("crmledger.db"), create: true, nowMs: clock.wallMs() });
  const rig = await watchedRig({
    settings: { ...SETTINGS, plans: { default: PLAN, website: PLAN } },
    ...options,
    ...{ clock, ledger },
    transport: async (request) => {
      if (!bench.dead?.test(request.url)) return await rig.simulator.handle(request);
      await clock.sleep(20);
      return { type: "response", status: 503, headers: {}, body: "" };
    },
  });
  bench = { rig, world, dead: null };
}

const json = async (...args: string[]) => (await command(...args, "--json")(bench)).json;

async function end(): Promise<void> {
  await ledger.close();
  await bench.world.close();
}

describe("a hold", () => {
  afterEach(end);

  it.each(SCENARIOS)("$kind ($scope): $name", async ({ kind, scope, options, begin, waits, end: over }) => {
    await start(options);
    // An account that is known: most holds begin in the middle of an ordinary life.
    await bench.rig.take([lead(900)]);
    await bench.rig.run();
    await begin(bench);
    const report = await bench.rig.run();
    expect(report).toMatchObject({ drained: { failed: 0 } });
    const open = { kind, scope };
    expect(await ledger.holds()).toMatchObject([open]);
    if (!scope.startsWith("source:")) expect(report.hold).toMatchObject(open);

    const status = await json("status");
    expect(status.holds).toMatchObject([open]);
    expect((await command("status")(bench)).out).toContain(`${kind} (${scope})`);
    expect((await json("show", waits)).holds).toMatchObject([open]);
    const breaker = scope.startsWith("group:") && kind === "outage" ? scope.slice("group:".length) : null;
    const opened = status.breakers.filter(({ state }: { state: string }) => state === "open");
    expect(opened.map(({ group }: { group: string }) => group)).toEqual(breaker === null ? [] : [breaker]);

    await over(bench);
    await bench.rig.runOut(20 * MINUTE_MS);
    expect(await ledger.holds()).toEqual([]);
    expect(await ledger.failed({})).toEqual([]);
    expect((await json("status")).holds).toEqual([]);
    expect((await json("show", waits)).submission.state).toBe("done");
  });
});

describe("a breaker's state", () => {
  beforeEach(() => start());
  afterEach(end);

  const shown = async (group: OperationGroup) =>
    (await json("status")).breakers.find((one: { group: string }) => one.group === group);
  const line = async () => /breaker +(.*)/.exec((await command("status")(bench)).out)?.[1] ?? null;

  it.each(["persons", "deals", "notes"] as const)("of %s is shown: closed, open, half open, closed", async (group) => {
    expect((await json("status")).breakers).toEqual([]);
    await bench.rig.take([lead(900)]);
    await bench.rig.run();
    expect(await shown(group)).toEqual({
      ...{ group, state: "closed", since: null, requests: 0, failures: 0, down: null, nextProbe: null },
    });
    expect(await line()).toBeNull();
    await bench.rig.take(leads(25));
    bench.dead = new RegExp(`/${group}`);
    await bench.rig.run();
    const open = await shown(group);
    expect(open).toMatchObject({ state: "open", since: expect.any(String), nextProbe: expect.any(String) });
    expect(open.failures / open.requests).toBeGreaterThanOrEqual(0.5);
    expect(await line()).toMatch(
      new RegExp(`^${group}: open since .* requests failed\\); .* one request tries it from`),
    );

    await bench.rig.clock.advance(10 * MINUTE_MS);
    const account = (await ledger.account())!.id;
    const { wallMs } = { wallMs: bench.rig.clock.wallMs() };
    const now = { wallMs, monoMs: bench.rig.clock.monoMs(), bootId: bench.rig.clock.bootId };
    const run = await ledger.openRun({ kind: "sync", pid: 1, host: "test", lockName: null, now });
    expect(await ledger.takeProbe(account, group, run, wallMs, wallMs + MINUTE_MS)).toBe(true);
    expect(await shown(group)).toMatchObject({ state: "halfOpen", nextProbe: null });
    expect(await line()).toContain(`${group}: half open since`);
    await ledger.closeRun(run, { stopped: "drained", exitCode: 0, summary: null, nowMs: wallMs });

    bench.dead = null;
    await bench.rig.runOut(10 * MINUTE_MS);
    expect(await shown(group)).toMatchObject({ state: "closed", since: null, failures: 0 });
    expect(await line()).toBeNull();
  });
});
