import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ALERT_KINDS, type AlertKind } from "../../src/domain/alert.ts";
import { type AlertWorld, createAlertWorld } from "../support/alert-world.ts";
import { deliver, difference, openCheck } from "../support/check-fixture.ts";
import { type Bench, bucket, claimed, finished, incoming, intent, take, turned } from "../support/ledger-fixture.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let world: AlertWorld;

beforeEach(async () => {
  world = await createAlertWorld();
});

afterEach(() => world.close());

async function close(exitCode: number): Promise<void> {
  const { ledger, run, now } = world.bench;
  await ledger.closeRun(run, { stopped: "drained", exitCode, summary: null, nowMs: now.wallMs });
}

/** A sync of its own, which ends at once. */
async function sync(exitCode = 0): Promise<void> {
  const { bench } = world;
  const start = { kind: "sync", pid: 7, host: "host", lockName: "sync", now: { ...bench.now } };
  bench.run = await bench.ledger.openRun(start);
  await close(exitCode);
}

const dayBucket = (remaining: number) =>
  bucket("daily", { kind: "day", windowMs: DAY_MS, limit: 1_000, remaining, readAtMs: world.bench.now.wallMs });
const burstBucket = (usedByOthers: number) =>
  bucket("burst", { limit: 100, usedByOthers, readAtMs: world.bench.now.wallMs });

async function requests(count: number, outcome: "applied" | "deferred"): Promise<void> {
  const { bench } = world;
  const begin = Array.from({ length: count }, (_, ref) => intent(ref));
  const { granted } = await turned(bench, { begin });
  await turned(bench, { finished: granted.map(({ requestId }) => finished(bench, requestId, { outcome })) });
}

const hold = (
  bench: Bench,
  kind: "outage" | "credentials" | "planCap",
  scope: "account" | "credential" | "group:deals",
) =>
  bench.ledger.openHold(
    bench.account,
    { kind, scope, untilMs: null, probe: true, message: "refused for ada@example.com" },
    bench.now.wallMs,
  );

const mend = (bench: Bench) => bench.ledger.closeHolds({}, bench.now.wallMs);

interface Scenario {
  begin(bench: Bench): Promise<unknown>;
  end(bench: Bench): Promise<unknown>;
  /** What is there already before it begins. */
  past?(bench: Bench): Promise<unknown>;
  /** Its end is not told. */
  silentEnd?: true;
}

const drift = ({ ledger, now }: Bench, overAtMs: number | null) => {
  const told = { count: 30, since: 5, before: null, after: null, mapped: true, lastKey: null, foundAtMs: now.wallMs };
  const vanished = { path: "phone", drift: "vanished" as const, begunNo: 30, ...told, overAtMs };
  return ledger.saveSourceShape("website", "tree", { records: 35, tooMany: false, members: [], drifts: [vanished] });
};

const EACH: Record<AlertKind, Scenario> = {
  failed: {
    begin: (bench) => deliver(bench, { person: { id: null } }, {}, FAILED),
    end: async (bench) => {
      for (const { id } of await bench.ledger.failed({})) await bench.ledger.drop(id, "spam", bench.now);
    },
  },
  rejects: {
    begin: ({ ledger, run, now }) =>
      ledger.ingest({ runId: run, submissions: [], rejects: [REJECT], progress: null, closesRejects: [] }, now),
    end: async ({ ledger, now }) => {
      for (const { id } of (await ledger.rejects(10)).rows) await ledger.closeReject(id, "dropped: spam", now);
    },
  },
  delay: {
    begin: (bench) => take(bench, incoming({ key: "late", submittedAtMs: bench.now.wallMs - 16 * MINUTE_MS })),
    end: async (bench) => {
      const [claim] = await claimed(bench);
      const { claimId, submissions } = claim!;
      const done = { claimId, submissionId: submissions[0]!.id, to: "done" as const };
      await turned(bench, { submissions: [done], release: [claimId] });
    },
  },
  hold: { begin: (bench) => hold(bench, "outage", "account"), end: mend },
  credentials: { begin: (bench) => hold(bench, "credentials", "credential"), end: mend },
  quota: {
    begin: (bench) => turned(bench, { buckets: [dayBucket(250)] }),
    end: (bench) => turned(bench, { buckets: [dayBucket(1_000)] }),
  },
  burst: {
    begin: (bench) => turned(bench, { buckets: [burstBucket(90)] }),
    end: (bench) => turned(bench, { buckets: [burstBucket(10)] }),
  },
  retryRate: {
    begin: async () => {
      await requests(17, "applied");
      await requests(3, "deferred");
    },
    end: async () => await requests(40, "applied"),
  },
  planCap: { begin: (bench) => hold(bench, "planCap", "group:deals"), end: mend },
  silent: {
    past: async (bench) => {
      const until = bench.now.wallMs;
      bench.pass(-21 * DAY_MS);
      for (; bench.now.wallMs <= until; bench.pass(HOUR_MS)) {
        if (isOffice(bench.now.wallMs)) await take(bench, unhurried(bench));
      }
      bench.pass(until - bench.now.wallMs);
    },
    // Monday, 12:00: nothing until the next day at noon.
    begin: async (bench) => {
      bench.pass(DAY_MS);
      await sync();
    },
    end: async (bench) => {
      await take(bench, unhurried(bench));
      await sync();
    },
  },
  noRun: {
    past: async (bench) => {
      const until = bench.now.wallMs;
      bench.pass(-3 * DAY_MS);
      for (; bench.now.wallMs <= until; bench.pass(HOUR_MS)) await sync();
      bench.pass(until - bench.now.wallMs);
    },
    begin: async (bench) => bench.pass(2 * HOUR_MS),
    end: () => sync(),
  },
  run: { begin: () => sync(74), end: () => sync() },
  breaks: {
    begin: (bench) => check(bench, [difference()]),
    end: (bench) => check(bench, []),
  },
  disk: {
    begin: async () => {
      world.freeBytes = 100_000_000;
    },
    end: async () => {
      world.freeBytes = 1e12;
    },
  },
  fieldEcho: {
    begin: async ({ now, account }) =>
      world.sql(
        `INSERT INTO field_findings VALUES (${account}, 'deal', 'Source', 'dropped', 3, ${now.wallMs}, ${now.wallMs}, NULL)`,
      ),
    end: async (bench) => bench.pass(DAY_MS),
    silentEnd: true,
  },
  sourceShape: {
    begin: (bench) => drift(bench, null),
    end: (bench) => drift(bench, bench.now.wallMs),
  },
  spool: {
    begin: async () => {
      world.closedFiles = [{ source: "website", files: 1 }];
    },
    end: async () => {
      world.closedFiles = [];
    },
  },
  crmNames: {
    begin: async ({ now }) => {
      const what = {
        subject: "sources.website.map.deal.pipeline pipeline 1 renamed",
        what: "pipeline",
        change: "renamed",
      };
      world.changedNames = [{ ...what, uses: ["sources.website.map.deal.pipeline"], waiting: 0, sinceMs: now.wallMs }];
    },
    end: async () => {
      world.changedNames = [];
    },
  },
};

const FAILED = { to: "failed" as const, error: { code: "ERR_SCHEMA", message: "no ada@example.com" } };
const REJECT = {
  ...{ source: "website", rawHash: "r1", raw: '{"email":"ada@example.com"}', reason: "nobody" },
  origin: { file: "ada@example.com.json", line: null },
};

const unhurried = ({ now }: Bench) => incoming({ submittedAtMs: now.wallMs, targetMs: 365 * DAY_MS });

function isOffice(ms: number): boolean {
  const at = new Date(ms);
  return at.getUTCDay() >= 1 && at.getUTCDay() <= 5 && at.getUTCHours() >= 8 && at.getUTCHours() < 18;
}

async function check(bench: Bench, found: ReturnType<typeof difference>[]): Promise<void> {
  const { id } = await openCheck(bench);
  await bench.ledger.saveDiscrepancies(id, found, bench.now.wallMs);
  await bench.ledger.finishCheck(id, {}, bench.now.wallMs);
}

/** Looks and tells every few minutes, until whatever had to last or be gone for a while has. */
async function watch(): Promise<void> {
  for (let times = 0; times < 4; times += 1) {
    expect(await world.tell()).toEqual([]);
    world.bench.pass(times === 0 ? 0 : 6 * MINUTE_MS);
  }
}

describe("each alert is told once when it begins and once when it is over", () => {
  test.each(ALERT_KINDS)("%s", async (kind) => {
    const { past, begin, end, silentEnd } = EACH[kind];
    await past?.(world.bench);
    await watch();
    expect(world.told()).toEqual([]);

    await begin(world.bench);
    await watch();
    const [opened, ...more] = world.told();
    expect(opened).toMatchObject({ event: "opened", kind, until: null, runbook: expect.any(String) });
    expect(more).toEqual([]);
    expect(world.commands()).toEqual([`${opened!.level} 1`]);

    await end(world.bench);
    await watch();
    const over = silentEnd ? [] : [{ event: "recovered", kind, subject: opened!.subject }];
    expect(world.told()).toMatchObject(over);
    expect(await world.bench.ledger.alerts()).toEqual([]);
    expect(world.commands()).toHaveLength(silentEnd ? 1 : 2);

    const sent = world.server.posts.map(({ body }) => body).join("\n");
    expect(sent).not.toMatch(/@|ada/);
  });
});
