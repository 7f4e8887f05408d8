/** The whole tool in one process on a virtual clock: real ledger, runner, mirror, pacer and adapter against the simulator. */

import type { CrmAdapter } from "../../src/crm/adapter.ts";
import { pipedriveAdapter } from "../../src/crm/pipedrive/adapter.ts";
import { withCredentials } from "../../src/crm/wrappers/credentials.ts";
import { createRedactor } from "../../src/crm/wrappers/redactor.ts";
import { emailKey, type PhoneNormalizer, phoneKey } from "../../src/domain/identity.ts";
import type { RunId } from "../../src/domain/ids.ts";
import { canonicalJson, sha256 } from "../../src/domain/json.ts";
import type { DrainLimits, DrainSettings, PlanSettings } from "../../src/domain/settings.ts";
import type { Lane, SubmissionContent } from "../../src/domain/submission.ts";
import type { Transport } from "../../src/domain/wire.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { drain } from "../../src/runner/drain.ts";
import type { DrainReport, RunnerDeps } from "../../src/runner/runner.ts";
import type { SimulatorOptions } from "../../src/simulator/options.ts";
import { createSimulator, type Simulator } from "../../src/simulator/simulator.ts";
import { CANARY_TOKEN } from "./canary.ts";
import { createVirtualClock, type VirtualClock } from "./virtual-clock.ts";

export const START_MS = Date.UTC(2026, 10, 24, 8, 0, 0);
export const TOKEN = CANARY_TOKEN;

/** Good enough for tests: what begins with + and digits. The real normaliser has its own. */
export const plainPhone: PhoneNormalizer = (text) => {
  const compact = text.replace(/[\s()-]/g, "");
  return /^\+\d{7,15}$/.test(compact) ? compact : null;
};

export const PLAN: PlanSettings = {
  persons: { match: ["email", "phone"], onMatch: "fillEmpty", country: null },
  deals: { match: "submission" },
  notes: { reference: true, format: "text" },
  onBadValue: "note",
};

export const SETTINGS: DrainSettings = {
  limits: {
    burst: null,
    dailyTokens: null,
    planDailyTokens: null,
    share: 0.8,
    operationalReserve: 0.2,
    concurrency: null,
    backfill: 1000,
  },
  retry: { maxAttempts: 5, baseDelayMs: 5_000, maxDelayMs: 300_000, settleMs: [60_000, 300_000] },
  breaker: { failureRate: 0.5, window: 20, cooldownMs: 30_000 },
  freshnessMs: 0,
  plans: { default: PLAN },
};

export const NO_LIMITS: DrainLimits = {
  submissionsMax: null,
  durationMaxMs: null,
  waitMaxMs: 30_000,
  tokensMax: null,
  source: null,
  lane: null,
};

export interface Given {
  source?: string;
  key: string;
  content: SubmissionContent;
  lane?: Lane;
  submittedAtMs?: number;
  targetMs?: number;
  /** A known key with other content amends what the first wrote. */
  revisions?: "update";
}

export interface RigOptions {
  ledger?: Ledger;
  clock?: VirtualClock;
  simulator?: Partial<SimulatorOptions>;
  settings?: Partial<DrainSettings>;
  adapter?: CrmAdapter;
  transport?: Transport;
  seed?: number;
}

export interface Rig {
  clock: VirtualClock;
  simulator: Simulator;
  ledger: Ledger;
  settings: DrainSettings;
  take(given: readonly Given[]): Promise<void>;
  deps(runId: RunId, more?: Partial<RunnerDeps>): RunnerDeps;
  /** One run: opens it, drains, closes it. */
  run(limits?: Partial<DrainLimits>, more?: Partial<RunnerDeps>, signal?: AbortSignal): Promise<DrainReport>;
}

export async function createRig(options: RigOptions = {}): Promise<Rig> {
  const clock = options.clock ?? createVirtualClock(START_MS);
  const simulator = createSimulator({
    clock,
    seed: options.seed ?? 1,
    tokens: [TOKEN],
    withStampFields: true,
    roundTripMs: 20,
    ...options.simulator,
  });
  const ledger = options.ledger ?? (await openSqliteLedger({ path: ":memory:", create: true, nowMs: clock.wallMs() }));
  const settings: DrainSettings = { ...SETTINGS, ...options.settings };
  const adapter = options.adapter ?? pipedriveAdapter;
  const now = () => ({ wallMs: clock.wallMs(), monoMs: clock.monoMs(), bootId: clock.bootId });
  const openRun = () => ledger.openRun({ kind: "sync", pid: 1, host: "test", lockName: "sync", now: now() });
  const rig: Rig = {
    clock,
    simulator,
    ledger,
    settings,
    async take(given) {
      const runId = await openRun();
      for (let at = 0; at < given.length; at += 500) {
        const submissions = given.slice(at, at + 500).map((one) => incoming(one, clock.wallMs()));
        await ledger.ingest({ runId, submissions, rejects: [], progress: null, closesRejects: [] }, now());
      }
      await ledger.closeRun(runId, { stopped: "drained", exitCode: 0, summary: null, nowMs: clock.wallMs() });
    },
    deps: (runId, more = {}) => ({
      ledger,
      adapter,
      send: withCredentials(options.transport ?? simulator.handle, adapter, TOKEN),
      clock,
      random: seeded(options.seed ?? 1),
      phone: plainPhone,
      baseUrl: "https://api.pipedrive.com",
      timeoutMs: 30_000,
      credential: sha256(TOKEN).slice(0, 16),
      runId,
      settings,
      redact: createRedactor([TOKEN]),
      observe: () => {},
      failpoint: () => {},
      ...more,
    }),
    run: (limits = {}, more = {}, signal = new AbortController().signal) =>
      clock.run(async () => {
        const runId = await openRun();
        const report = await drain(rig.deps(runId, more), { ...NO_LIMITS, ...limits }, signal);
        await ledger.closeRun(runId, { stopped: report.stopped, exitCode: 0, summary: report, nowMs: clock.wallMs() });
        return report;
      }),
  };
  return rig;
}

function incoming(given: Given, nowMs: number) {
  const { content, key, source = "website" } = given;
  const raw = canonicalJson({ key, ...content });
  const email = content.person?.email?.trim().toLowerCase();
  const phone = content.person?.phone ? plainPhone(content.person.phone) : null;
  return {
    source,
    key,
    rawHash: sha256(`${source}${raw}`),
    contentHash: sha256(canonicalJson(content)),
    raw,
    content,
    lane: given.lane ?? ("operational" as const),
    submittedAtMs: given.submittedAtMs ?? nowMs,
    targetMs: given.targetMs ?? 900_000,
    identityKeys: [...(email ? [emailKey(email)] : []), ...(phone ? [phoneKey(phone)] : [])],
    origin: { file: "test", line: 1 },
    history: false,
    ...(given.revisions === undefined ? {} : { revisions: given.revisions }),
  };
}

/** A small seeded source of chance (mulberry32). */
export function seeded(seed: number): { next(): number } {
  let state = seed >>> 0;
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
    },
  };
}

/** A plain lead: new person, deal and note. */
export function lead(number: number, more: Partial<SubmissionContent> = {}): Given {
  return {
    key: `wf_${number}`,
    content: {
      person: { name: `Lead ${number}`, email: `lead.${number}@example.com` },
      deal: { title: `Deal ${number}`, value: 100 + number, currency: "EUR" },
      notes: [`Note of lead ${number}`],
      ...more,
    },
  };
}
