/**
 * Per group of operations: the breaker and the holds that stop that group alone. A dead notes endpoint doesn't stop persons
 * and deals. State is the ledger's, so it survives runs and is shared; one operation of all processes is let through as
 * the probe.
 */
import type { Hold, HoldKind } from "../domain/hold.ts";
import { OPERATION_GROUPS, type OperationGroup, type Outcome } from "../domain/operation.ts";
import type { BreakerSettings } from "../domain/settings.ts";
import type { SavedBreaker } from "../ledger/breakers.ts";
import { closedBreaker, cooldownMs, recordOutcome } from "../pacer/breaker.ts";

/** Without a time of its own, a group's hold is tried again after this long: a plan's cap is lifted by people. */
const GROUP_HOLD_MS = 15 * 60_000;
/** A wall clock that was set back must not lengthen a hold: no probe is further away than this. */
const PROBE_AWAY_MAX_MS = 24 * 3_600_000;

/** A cap stops creates alone; an outage of writes lets reads through, and only a write shows that it is over. */
export type OperationKind = "read" | "update" | "create";

interface Gate {
  breaker: SavedBreaker;
  /** Stops the group; null: open for traffic. */
  hold: Hold | null;
  /** The one operation that may find out whether the hold still stands is on its way. */
  probing: boolean;
  /** The run began under this hold and has not asked yet: its next operation may, whatever the time. */
  unasked: boolean;
  /** Another process is asking: nothing is asked here before this. */
  elsewhereUntilMs: number;
  /** Which of them met the outage that the hold is for. */
  readsDown: boolean;
  writesDown: boolean;
}

export interface GateChange {
  breaker: SavedBreaker | null;
  opened: Hold | null;
  /** The hold that the probe found lifted. */
  closed: Hold | null;
  /** The probe said nothing about the group. */
  unsaid: boolean;
}

/** `probe`: it may go if no other process asks already. Null: it may go. */
export type Permission = { hold: Hold; dueAtMs: number } | "probe" | null;

export class Gates {
  readonly #gates = new Map<OperationGroup, Gate>();
  readonly #settings: BreakerSettings;
  /** Groups whose closed breakers remember more than was kept. */
  readonly #unkept = new Set<OperationGroup>();

  constructor(settings: BreakerSettings, saved: readonly SavedBreaker[], holds: readonly Hold[]) {
    this.#settings = settings;
    for (const group of OPERATION_GROUPS) {
      const hold = holdOf(group, holds, null);
      const breaker = breakerOf(group, saved);
      const asked = { probing: false, unasked: hold !== null, elsewhereUntilMs: 0 };
      this.#gates.set(group, { breaker, hold, ...asked, ...downOf(breaker, hold) });
    }
  }

  /** What keeps an operation of this group back, or whether it may be the probe: then it is on its way. */
  check(group: OperationGroup, kind: OperationKind, nowMs: number): Permission {
    const gate = this.#of(group);
    if (!gate.hold || isFree(gate, kind)) return null;
    const untilMs = Math.min(gate.hold.untilMs ?? nowMs + GROUP_HOLD_MS, nowMs + PROBE_AWAY_MAX_MS);
    const elsewhere = nowMs < gate.elsewhereUntilMs;
    if (!gate.probing && !elsewhere && (gate.unasked || nowMs >= untilMs)) {
      gate.probing = true;
      gate.unasked = false;
      return "probe";
    }
    const dueAtMs = elsewhere ? gate.elsewhereUntilMs : Math.max(untilMs, nowMs + 1_000);
    return { hold: gate.hold, dueAtMs };
  }

  /** An operation that was let through never left: the next one may be the probe. */
  withdraw(group: OperationGroup, kind: OperationKind): void {
    const gate = this.#of(group);
    if (isFree(gate, kind)) return;
    gate.unasked = gate.unasked || gate.probing;
    gate.probing = false;
  }

  /** Another process has the probe: asked again after `untilMs`. */
  leaveTo(group: OperationGroup, untilMs: number): void {
    this.#of(group).elsewhereUntilMs = untilMs;
  }

  /**
   * What the ledger has by now: holds that other processes opened, asked about or found lifted. Gives the holds that are over.
   */
  takeIn(saved: readonly SavedBreaker[], holds: readonly Hold[]): Hold[] {
    const over: Hold[] = [];
    for (const [group, gate] of this.#gates) {
      const hold = holdOf(group, holds, gate.hold);
      if (gate.probing || (hold?.kind === gate.hold?.kind && hold?.untilMs === gate.hold?.untilMs)) continue;
      if (gate.hold && hold?.kind !== gate.hold.kind) over.push(gate.hold);
      const breaker = breakerOf(group, saved);
      this.#unkept.delete(group);
      Object.assign(gate, { breaker, hold, unasked: false, elsewhereUntilMs: 0, ...downOf(breaker, hold) });
    }
    return over;
  }

  /** Memories of closed breakers that are to be kept, told once. */
  unkept(): SavedBreaker[] {
    const breakers = [...this.#unkept].map((group) => this.#of(group).breaker);
    this.#unkept.clear();
    return breakers.filter(({ state }) => state === "closed");
  }

  /** The hold of an outage that keeps this group's writes back at present. */
  outage(group: OperationGroup): Hold | null {
    const { hold } = this.#of(group);
    return hold?.kind === "outage" ? hold : null;
  }

  /** Whether any group has a hold of this kind at present. */
  isHeld(kind: HoldKind): boolean {
    return OPERATION_GROUPS.some((group) => this.#of(group).hold?.kind === kind);
  }

  /** Whether any group has an outage at present. */
  get isOutage(): boolean {
    return OPERATION_GROUPS.some((group) => this.outage(group) !== null);
  }

  /** Takes in what became of an operation of the group. */
  observe(group: OperationGroup, kind: OperationKind, outcome: Outcome, nowMs: number): GateChange {
    const gate = this.#of(group);
    const failed = outcome.type === "uncertain" || (outcome.type === "deferred" && isOutage(outcome.reason));
    const hold = "hold" in outcome ? outcome.hold : undefined;
    if (outcome.type === "refused" && hold?.scope === `group:${group}`) {
      return this.#raise(gate, { ...hold, untilMs: nowMs + (hold.forMs ?? GROUP_HOLD_MS), probe: true });
    }
    if ((outcome.type === "deferred" && !failed) || hold !== undefined) {
      // A 429, or a stop of the account, says nothing about the group: the next operation may be the probe.
      const unsaid = this.#isProbe(gate, kind);
      this.withdraw(group, kind);
      return { ...NOTHING, unsaid };
    }
    if (gate.hold?.kind === "outage" && !this.#isProbe(gate, kind)) {
      if (failed && kind === "read") gate.readsDown = true;
      return NOTHING;
    }
    return failed ? this.#failed(gate, kind, nowMs) : this.#succeeded(gate, kind, nowMs);
  }

  /** Not the probe: it was on its way when the hold was raised, or goes past it. */
  #isProbe(gate: Gate, kind: OperationKind): boolean {
    return gate.probing && !isFree(gate, kind);
  }

  #record(gate: Gate, failed: boolean, nowMs: number): void {
    const before = gate.breaker;
    gate.breaker = recordOutcome(before, failed, this.#settings, nowMs);
    const remembers = before.recent.includes(true) || failed;
    if (gate.breaker.state === "closed" && remembers) this.#unkept.add(before.group);
  }

  #failed(gate: Gate, kind: OperationKind, nowMs: number): GateChange {
    this.#record(gate, true, nowMs);
    if (!isFree(gate, kind)) gate.probing = false;
    if (gate.breaker.state !== "open") return NOTHING;
    if (kind === "read") gate.readsDown = true;
    else gate.writesDown = true;
    return this.#raise(gate, this.#outage(gate, nowMs));
  }

  #succeeded(gate: Gate, kind: OperationKind, nowMs: number): GateChange {
    const before = gate.breaker;
    const free = gate.hold !== null && isFree(gate, kind);
    if (!free) gate.probing = false;
    if (!free && gate.hold && kind === "read" && gate.writesDown) {
      // Reads are answered again; whether writes are is for the next write to find out.
      gate.readsDown = false;
      gate.unasked = true;
      gate.breaker = { ...before, state: "open", down: "writes" };
      return { ...NOTHING, breaker: gate.breaker };
    }
    this.#record(gate, false, nowMs);
    if (gate.hold && !free) return this.#lift(gate);
    return { ...NOTHING, breaker: before.state === gate.breaker.state ? null : gate.breaker };
  }

  #of(group: OperationGroup): Gate {
    return this.#gates.get(group)!;
  }

  #outage(gate: Gate, nowMs: number): Hold {
    const { group } = gate.breaker;
    return {
      kind: "outage",
      scope: `group:${group}`,
      untilMs: nowMs + cooldownMs(gate.breaker, this.#settings),
      probe: true,
      message: `the CRM does not answer ${group} requests usefully; what needs them waits`,
    };
  }

  #raise(gate: Gate, hold: Hold): GateChange {
    // A refusal is an answer: what was an outage is over, even where the plan's cap takes its place.
    const closed = gate.hold !== null && gate.hold.kind !== hold.kind ? gate.hold : null;
    const isOutage = hold.kind === "outage";
    const both = gate.readsDown && gate.writesDown;
    const down = !isOutage ? null : both ? "both" : gate.readsDown ? "reads" : "writes";
    gate.breaker = isOutage ? { ...gate.breaker, down } : closedBreaker(gate.breaker.group);
    Object.assign(gate, { hold, probing: false });
    return { ...NOTHING, breaker: gate.breaker, opened: hold, closed };
  }

  #lift(gate: Gate): GateChange {
    const closed = gate.hold;
    Object.assign(gate, { hold: null, readsDown: false, writesDown: false });
    return { ...NOTHING, breaker: gate.breaker, closed };
  }
}

const NOTHING: GateChange = { breaker: null, opened: null, closed: null, unsaid: false };

/** A group may have holds of two kinds: that which is known stays. */
function holdOf(group: OperationGroup, holds: readonly Hold[], known: Hold | null): Hold | null {
  const own = holds.filter(({ scope }) => scope === `group:${group}`);
  return own.find(({ kind }) => kind === known?.kind) ?? own[0] ?? null;
}

function breakerOf(group: OperationGroup, saved: readonly SavedBreaker[]): SavedBreaker {
  return saved.find((row) => row.group === group) ?? closedBreaker(group);
}

/** Where it is not known what is down, reads are tried. */
function downOf({ group, down }: SavedBreaker, hold: Hold | null): Pick<Gate, "readsDown" | "writesDown"> {
  if (hold === null) return { readsDown: false, writesDown: false };
  const readsOnly = group === "search" || group === "setup";
  if (!down) return { readsDown: readsOnly, writesDown: !readsOnly };
  return { readsDown: down !== "writes", writesDown: down !== "reads" };
}

/** Goes past the gate's hold, and says nothing about it. */
function isFree({ hold, readsDown }: Gate, kind: OperationKind): boolean {
  if (hold === null) return false;
  return hold.kind === "planCap" ? kind !== "create" : kind === "read" && !readsDown;
}

function isOutage(reason: string): boolean {
  return reason === "unsent" || reason === "unavailable";
}
