/** What submissions cost in tokens: the real runner on the virtual clock, counted by the simulator. */
import type { DealMatch, MatchMode } from "../../../src/domain/chain.ts";
import type { DrainSettings } from "../../../src/domain/settings.ts";
import { createRig, type Given, PLAN, type Rig, SETTINGS } from "../../support/drain-rig.ts";

/** Routes that tell how the account is set up: once a day, whatever is sent. */
const SET_UP = /Fields|\/pipelines|\/stages|\/users|\/dealFields/i;

export interface Measured {
  submissions: number;
  /** Without what the account's set-up takes. */
  tokens: number;
  /** The part of them that looks for what is there. */
  lookUps: number;
  setUp: number;
  requests: number;
}

export interface World {
  /** Persons that the CRM has beforehand: `lead1@example.com` and so on. */
  persons?: number;
  onMatch?: MatchMode;
  deals?: DealMatch;
  freshnessMs?: number;
  joinNotes?: boolean;
}

export async function openWorld({ persons = 0, onMatch, deals, freshnessMs, joinNotes }: World): Promise<Rig> {
  const plan = {
    ...PLAN,
    persons: { ...PLAN.persons, ...(onMatch && { onMatch }) },
    deals: { match: deals ?? PLAN.deals.match },
    notes: { ...PLAN.notes, join: joinNotes === true },
  };
  const settings: Partial<DrainSettings> = {
    limits: { ...SETTINGS.limits, burst: 2_000, share: 1 },
    plans: { default: plan },
    ...(freshnessMs !== undefined && { freshnessMs }),
  };
  const rig = await createRig({ simulator: { limits: null }, settings });
  if (persons > 0) rig.simulator.seedPersons(persons);
  return rig;
}

/** Tokens of everything that `work` sends, in parts. */
export async function measure(rig: Rig, submissions: number, work: () => Promise<void>): Promise<Measured> {
  const { requests } = rig.simulator;
  const before = { ...requests.tokensByRoute };
  const total = requests.total;
  await work();
  let [tokens, lookUps, setUp] = [0, 0, 0];
  for (const [route, now] of Object.entries(requests.tokensByRoute)) {
    const spent = now - (before[route] ?? 0);
    if (SET_UP.test(route)) setUp += spent;
    else tokens += spent;
    if (!SET_UP.test(route) && route.startsWith("GET")) lookUps += spent;
  }
  return { submissions, tokens, lookUps, setUp, requests: requests.total - total };
}

/** One run over all of them, done or it is no figure. */
export async function send(rig: Rig, given: readonly Given[]): Promise<void> {
  await rig.take(given);
  const { drained, stopped } = await rig.run();
  if (stopped !== "drained" || drained.done !== given.length)
    throw new Error(`not all were sent: ${stopped}, ${JSON.stringify(drained)}`);
}
