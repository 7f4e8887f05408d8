/** A drain rig that keeps what was really sent, and lets people act between two requests. */
import type { SubmissionId } from "../../src/domain/ids.ts";
import type { PlanSettings } from "../../src/domain/settings.ts";
import type { Story } from "../../src/ledger/rows.ts";
import { createRig, PLAN, type Rig, type RigOptions, SETTINGS } from "./drain-rig.ts";

export interface Call {
  method: string;
  path: string;
  query: URLSearchParams;
  /** Text as sent. */
  text: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: bodies are looked into by tests, which fail on what is not there.
  body: any;
  /** Monotonic ms at which it was sent. */
  atMs: number;
  /** 0: no reply. */
  status: number;
}

export interface WatchedRig extends Rig {
  readonly calls: Call[];
  /** Told of each request just before it leaves: the place for people who edit meanwhile. */
  onSend: (call: Call) => void;
  /** Told of each reply before the runner sees it. */
  onReply: (call: Call) => void;
  writes(path?: RegExp): Call[];
  story(key: string): Promise<Story>;
  /** Lets time pass and runs again until nothing remains; the number of runs. */
  runOut(stepMs?: number, runsMax?: number): Promise<number>;
}

export async function watchedRig(options: RigOptions = {}): Promise<WatchedRig> {
  const calls: Call[] = [];
  let watched: WatchedRig | null = null;
  const rig = await createRig({
    ...options,
    transport: async (request) => {
      const url = new URL(request.url);
      const call: Call = {
        method: request.method,
        path: url.pathname,
        query: url.searchParams,
        text: request.body,
        body: request.body === undefined ? null : JSON.parse(request.body),
        atMs: rig.clock.monoMs(),
        status: 0,
      };
      calls.push(call);
      watched?.onSend(call);
      const result = await (options.transport ?? rig.simulator.handle)(request);
      if (result.type === "response") call.status = result.status;
      watched?.onReply(call);
      return result;
    },
  });
  watched = {
    ...rig,
    calls,
    onSend: () => {},
    onReply: () => {},
    writes: (path = /./) => calls.filter((call) => call.method !== "GET" && path.test(call.path)),
    async story(key) {
      const [found] = await rig.ledger.findByName(key, []);
      const story = await rig.ledger.story(found?.id ?? (0 as SubmissionId));
      if (!story) throw new Error(`no submission ${key}`);
      return story;
    },
    async runOut(stepMs = 120_000, runsMax = 40) {
      for (let runs = 1; runs <= runsMax; runs += 1) {
        if ((await rig.run()).remaining === 0) return runs;
        await rig.clock.advance(stepMs);
      }
      throw new Error(`something remains after ${runsMax} runs`);
    },
  };
  return watched;
}

/** Settings with another plan for every source. */
export function withPlan(more: {
  persons?: Partial<PlanSettings["persons"]>;
  deals?: Partial<PlanSettings["deals"]>;
  notes?: Partial<PlanSettings["notes"]>;
  onBadValue?: PlanSettings["onBadValue"];
}): { plans: Record<string, PlanSettings> } {
  const plan: PlanSettings = {
    persons: { ...PLAN.persons, ...more.persons },
    deals: { ...PLAN.deals, ...more.deals },
    notes: { ...PLAN.notes, ...more.notes },
    onBadValue: more.onBadValue ?? PLAN.onBadValue,
  };
  return { plans: { ...SETTINGS.plans, default: plan } };
}
