/**
 * Per group of operations: the breaker and the holds that stop that group alone. A dead notes endpoint doesn't stop persons
 * and deals. State is the ledger's, so it survives runs; one operation is let through as the probe.
 */
import type { Hold } from "../domain/hold.ts";
import { OPERATION_GROUPS, type OperationGroup, type Outcome } from "../domain/operation.ts";
import type { BreakerSettings } from "../domain/settings.ts";
import type { BreakerRow } from "../ledger/rows.ts";
import { recordOutcome } from "../pacer/breaker.ts";

/** Without a time of its own, a group's hold is tried again after this long: a plan's cap is lifted by people. */
const GROUP_HOLD_MS = 15 * 60_000;
const COOLDOWN_DOUBLINGS_MAX = 5;

/** A cap stops creates alone; an outage of writes lets reads through, and only a write shows that it is over. */
export type OperationKind = "read" | "update" | "create";

interface Gate {
  breaker: BreakerRow;
  /** Stops the group; null: open for traffic. */
  hold: Hold | null;
  /** The one operation that may find out whether the hold still stands is on its way. */
  probing: boolean;
  /** The run began under this hold and has not asked yet: its next operation may, whatever the time. */
  unasked: boolean;
  /** Which of them met the outage that the hold is for. */
  readsDown: boolean;
  writesDown: boolean;
  /** Openings in a row, so that an outage that lasts is asked about ever more rarely. */
  openings: number;
}

export interface GateChange {
  breaker: BreakerRow | null;
  opened: Hold | null;
  /** The hold that the probe found lifted. */
  closed: Hold | null;
}

export class Gates {
  readonly #gates = new Map<OperationGroup, Gate>();
  readonly #settings: BreakerSettings;

  constructor(settings: BreakerSettings, saved: readonly BreakerRow[], holds: readonly Hold[]) {
    this.#settings = settings;
    for (const group of OPERATION_GROUPS) {
      const breaker = saved.find((row) => row.group === group) ?? {
        group,
        state: "closed",
        openedAtMs: null,
        recent: [],
      };
      const hold = holds.find((candidate) => candidate.scope === `group:${group}`) ?? null;
      const held = hold !== null;
      const writesDown = held && group !== "search" && group !== "setup";
      const asked = { probing: false, unasked: held, openings: held ? 1 : 0 };
      this.#gates.set(group, { breaker, hold, ...asked, readsDown: held && !writesDown, writesDown });
    }
  }

  /** The hold that keeps an operation of this group back; null lets it through (perhaps as the probe). */
  check(group: OperationGroup, kind: OperationKind, nowMs: number): { hold: Hold; dueAtMs: number } | null {
    const gate = this.#of(group);
    if (!gate.hold || isFree(gate, kind)) return null;
    const dueAtMs = gate.hold.untilMs ?? nowMs + GROUP_HOLD_MS;
    if (!gate.probing && (gate.unasked || nowMs >= dueAtMs)) {
      gate.probing = true;
      gate.unasked = false;
      return null;
    }
    return { hold: gate.hold, dueAtMs: Math.max(dueAtMs, nowMs + 1_000) };
  }

  /** An operation that was let through never left: the next one may be the probe. */
  withdraw(group: OperationGroup, kind: OperationKind): void {
    const gate = this.#of(group);
    if (isFree(gate, kind)) return;
    gate.unasked = gate.unasked || gate.probing;
    gate.probing = false;
  }

  /** The hold of an outage that keeps this group's writes back at present. */
  outage(group: OperationGroup): Hold | null {
    const { hold } = this.#of(group);
    return hold?.kind === "outage" ? hold : null;
  }

  /** Takes in what became of an operation of the group. */
  observe(group: OperationGroup, kind: OperationKind, outcome: Outcome, nowMs: number): GateChange {
    const gate = this.#of(group);
    const failed = outcome.type === "uncertain" || (outcome.type === "deferred" && isOutage(outcome.reason));
    const capped = outcome.type === "refused" && outcome.hold?.scope === `group:${group}`;
    if (capped)
      return this.#raise(gate, { ...outcome.hold!, untilMs: untilOf(outcome.hold!.forMs, nowMs), probe: true });
    if (outcome.type === "deferred" && !isOutage(outcome.reason)) {
      // A 429 says nothing about the group: the next operation may be the probe.
      this.withdraw(group, kind);
      return NOTHING;
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

  #failed(gate: Gate, kind: OperationKind, nowMs: number): GateChange {
    const before = gate.breaker;
    const { group } = before;
    gate.breaker = { ...before, ...recordOutcome(before, true, this.#settings, nowMs), group };
    if (!isFree(gate, kind)) gate.probing = false;
    if (gate.breaker.state !== "open") return NOTHING;
    if (kind === "read") gate.readsDown = true;
    else gate.writesDown = true;
    return this.#raise(gate, this.#outage(gate, nowMs));
  }

  #succeeded(gate: Gate, kind: OperationKind, nowMs: number): GateChange {
    const before = gate.breaker;
    const { group } = before;
    const free = gate.hold !== null && isFree(gate, kind);
    if (!free) gate.probing = false;
    if (!free && gate.hold && kind === "read" && gate.writesDown) {
      // Reads are answered again; whether writes are is for the next write to find out.
      gate.readsDown = false;
      gate.unasked = true;
      return NOTHING;
    }
    gate.breaker = { ...before, ...recordOutcome(before, false, this.#settings, nowMs), group };
    if (gate.hold && !free) return this.#lift(gate);
    return { breaker: before.state === gate.breaker.state ? null : gate.breaker, opened: null, closed: null };
  }

  #of(group: OperationGroup): Gate {
    return this.#gates.get(group)!;
  }

  #outage(gate: Gate, nowMs: number): Hold {
    const cooldownMs = this.#settings.cooldownMs * 2 ** Math.min(gate.openings, COOLDOWN_DOUBLINGS_MAX);
    gate.openings += 1;
    const group = gate.breaker.group;
    return {
      kind: "outage",
      scope: `group:${group}`,
      untilMs: nowMs + cooldownMs,
      probe: true,
      message: `the CRM does not answer ${group} requests usefully; what needs them waits`,
    };
  }

  #raise(gate: Gate, hold: Hold): GateChange {
    gate.hold = hold;
    gate.probing = false;
    return { breaker: gate.breaker, opened: hold, closed: null };
  }

  #lift(gate: Gate): GateChange {
    const closed = gate.hold;
    gate.hold = null;
    gate.openings = 0;
    gate.readsDown = false;
    gate.writesDown = false;
    return { breaker: gate.breaker, opened: null, closed };
  }
}

const NOTHING: GateChange = { breaker: null, opened: null, closed: null };

/** Goes past the gate's hold, and says nothing about it. */
function isFree({ hold, readsDown }: Gate, kind: OperationKind): boolean {
  if (hold === null) return false;
  return hold.kind === "planCap" ? kind !== "create" : kind === "read" && !readsDown;
}

function isOutage(reason: string): boolean {
  return reason === "unsent" || reason === "unavailable";
}

function untilOf(forMs: number | null, nowMs: number): number {
  return nowMs + (forMs ?? GROUP_HOLD_MS);
}
