import type { Random } from "../domain/clock.ts";
import { pick } from "./random.ts";

/**
 * What can go wrong, and where: `…Before` leaves the CRM as it was, `…After` has its effect. The order is that in which
 * chance asks for them.
 */
export const FAULT_KINDS = [
  /** 429 that is nobody's fault; with, without or with an absurd `retry-after`. */
  "rateLimit429",
  "error500Before",
  "error500After",
  "error503",
  "resetBefore",
  "resetAfter",
  /** No answer, ever. */
  "hang",
  "hangAfter",
  /** 504 now, the effect `ms` later. */
  "lateApply",
  /** Done, and the reply breaks off in its middle. */
  "truncated",
  /** Done, and the reply is 200 with a body that is no JSON. */
  "garbage2xx",
  "html2xx",
  /** The vendor's abuse block as an HTML page. */
  "html403",
  "unauthorized",
  /** 402: the company's account is not open. */
  "paymentRequired",
  /** 403 with a plan cap's code, for creates of deals and fields. */
  "planCap",
  /** Done, and the reply comes a byte each 100 ms. */
  "drip",
  "redirect",
  /** Done, and the reply never seems to end. */
  "hugeBody",
  /** The request arrives twice and is done twice; one reply. No client can prevent that: script it, don't dice it. */
  "duplicateDelivery",
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface FaultMatch {
  method?: string;
  /** Tested against the path without its query. */
  path?: RegExp;
}

/** Two dice: `on` decides once per seed whether the kind occurs at all (1 where absent), `perCall` for each request. */
export interface FaultOdds {
  on?: number;
  perCall: number;
  match?: FaultMatch;
  /** Of `lateApply`: how late at most. */
  ms?: number;
}
export type FaultPlan = Partial<Record<FaultKind, FaultOdds>>;

/** A fault by order: the next `times` requests that match get it. Scripts go before dice. */
export interface ScriptedFault {
  kind: FaultKind;
  match?: FaultMatch;
  times?: number;
  /** Of `lateApply`: how late exactly. */
  ms?: number;
  /** Of `rateLimit429` and `error503`: the header's text; null: no header. */
  retryAfter?: string | null;
}

export interface Fault {
  kind: FaultKind;
  ms: number;
  retryAfter: string | null;
}

/** Other clients: requests with our first credential, tokens from our company's budget. */
export interface OtherClients {
  requestsPerSecond: number;
  tokensPerSecond: number;
}

/** People who edit, move, merge, archive and delete what is there. */
export interface PeopleWhoEdit {
  perMinute: number;
}

export interface FaultPreset {
  description: string;
  faults: FaultPlan;
  others?: OtherClients;
  edits?: PeopleWhoEdit;
}

const noisy: FaultPlan = {
  rateLimit429: { on: 0.7, perCall: 0.02 },
  error500Before: { on: 0.7, perCall: 0.02 },
  error500After: { on: 0.7, perCall: 0.01 },
  error503: { on: 0.5, perCall: 0.01 },
  resetBefore: { on: 0.5, perCall: 0.01 },
  resetAfter: { on: 0.7, perCall: 0.01 },
  hangAfter: { on: 0.5, perCall: 0.005 },
  truncated: { on: 0.5, perCall: 0.005 },
  garbage2xx: { on: 0.5, perCall: 0.005 },
};

const storm: FaultPlan = {
  rateLimit429: { on: 0.8, perCall: 0.05 },
  error500Before: { on: 0.8, perCall: 0.05 },
  error500After: { on: 0.8, perCall: 0.04 },
  error503: { on: 0.8, perCall: 0.04 },
  resetBefore: { on: 0.8, perCall: 0.04 },
  resetAfter: { on: 0.8, perCall: 0.04 },
  hang: { on: 0.5, perCall: 0.01 },
  hangAfter: { on: 0.5, perCall: 0.02 },
  lateApply: { on: 0.7, perCall: 0.02, ms: 120_000 },
  truncated: { on: 0.7, perCall: 0.02 },
  garbage2xx: { on: 0.7, perCall: 0.02 },
  html2xx: { on: 0.5, perCall: 0.01 },
  drip: { on: 0.3, perCall: 0.005 },
  redirect: { on: 0.3, perCall: 0.005 },
  hugeBody: { on: 0.3, perCall: 0.002 },
};

/** By name, for `crmledger simulator --faults` and the tests. None of them breaks what crmledger promises to survive. */
export const FAULT_PRESETS = {
  calm: { description: "everything works", faults: {} },
  noisy: { description: "an ordinary bad day: a few 429s, 5xx, resets and garbled replies", faults: noisy },
  storm: {
    description: "many calls go wrong, people edit and other clients use the quota",
    faults: storm,
    others: { requestsPerSecond: 2, tokensPerSecond: 0.05 },
    edits: { perMinute: 2 },
  },
} as const satisfies Record<string, FaultPreset>;

/** Where a kind makes sense, for scripts that name no place. */
const DEFAULT_MATCH: Partial<Record<FaultKind, FaultMatch>> = {
  planCap: { method: "POST", path: /\/(deals|\w+Fields)$/ },
};

/** Draws faults: which kinds this seed has, then one die per request. */
export class FaultDice {
  private readonly random: Random;
  private readonly active: { kind: FaultKind; odds: FaultOdds }[] = [];
  private readonly scripts: ScriptedFault[] = [];

  constructor(plan: FaultPlan, random: Random) {
    this.random = random;
    for (const kind of FAULT_KINDS) {
      const odds = plan[kind];
      // One die for each kind, wanted or not: switching one kind on leaves the others as they were.
      const die = random.next();
      if (odds && die < (odds.on ?? 1)) this.active.push({ kind, odds });
    }
  }

  script(fault: ScriptedFault): void {
    this.scripts.push({ ...fault, match: fault.match ?? DEFAULT_MATCH[fault.kind] });
  }

  draw(method: string, path: string): Fault | null {
    const scripted = this.takeScript(method, path);
    if (scripted) return scripted;
    if (this.active.length === 0) return null;
    let die = this.random.next();
    for (const { kind, odds } of this.active) {
      if (!matches(odds.match, method, path)) continue;
      die -= odds.perCall;
      if (die < 0) return { kind, ms: this.random.next() * (odds.ms ?? 0), retryAfter: this.retryAfter() };
    }
    return null;
  }

  private takeScript(method: string, path: string): Fault | null {
    const index = this.scripts.findIndex((script) => matches(script.match, method, path));
    const script = this.scripts[index];
    if (!script) return null;
    script.times = (script.times ?? 1) - 1;
    if (script.times <= 0) this.scripts.splice(index, 1);
    return { kind: script.kind, ms: script.ms ?? 0, retryAfter: script.retryAfter ?? null };
  }

  private retryAfter(): string | null {
    return pick(this.random, [null, "2", "3", "999999999", "-1", "soon", "Wed, 21 Oct 2015 07:28:00 GMT"]);
  }
}

function matches(match: FaultMatch | undefined, method: string, path: string): boolean {
  return (!match?.method || match.method === method) && (!match?.path || match.path.test(path));
}
