/** The holds of a run: raised in the ledger and for this run at once, and the breakers' changes that lead to them. */
import type { PackedRequest } from "../crm/adapter.ts";
import { endsRun, type Hold } from "../domain/hold.ts";
import type { AccountId } from "../domain/ids.ts";
import type { Outcome } from "../domain/operation.ts";
import type { Lane } from "../domain/submission.ts";
import type { Gates, OperationKind } from "./gates.ts";
import type { RunnerDeps } from "./runner.ts";
import { Held } from "./stops.ts";

/** A lane's hold without a time of its own is looked at again after this. */
const LANE_HOLD_MS = 15 * 60_000;

type Gated = Pick<PackedRequest, "group" | "write" | "operations">;

export class HoldBoard {
  /** Lesser holds that kept work of this run back, by scope. */
  readonly heldBack = new Map<string, Hold>();
  readonly gates: Gates;
  readonly #deps: Pick<RunnerDeps, "ledger" | "clock" | "redact" | "observe">;
  readonly #accountId: AccountId;
  readonly #end: (hold: Hold) => void;
  #writes: Promise<unknown>[] = [];

  /** `end` is told of a hold that ends the run. */
  constructor(
    deps: Pick<RunnerDeps, "ledger" | "clock" | "redact" | "observe">,
    accountId: AccountId,
    gates: Gates,
    end: (hold: Hold) => void,
  ) {
    this.#deps = deps;
    this.#accountId = accountId;
    this.gates = gates;
    this.#end = end;
  }

  raise(hold: Hold): void {
    const { ledger, clock, redact, observe } = this.#deps;
    const told = { ...hold, message: redact(hold.message) };
    this.#keep(ledger.openHold(this.#accountId, told, clock.wallMs()));
    observe({ type: "hold", hold: told });
    if (endsRun(told)) this.#end(told);
    else if (told.scope.startsWith("lane:")) this.heldBack.set(told.scope, told);
  }

  /** What keeps a lane's operations back; null: nothing. */
  lane(lane: Lane): Held | null {
    const hold = this.heldBack.get(`lane:${lane}`);
    return hold ? new Held(hold, hold.untilMs ?? this.#deps.clock.wallMs() + LANE_HOLD_MS) : null;
  }

  /** What keeps a group's operations back; null lets this one through, perhaps as the probe. */
  group(request: Gated): Held | null {
    const held = this.gates.check(request.group, kindOf(request), this.#deps.clock.wallMs());
    if (!held) return null;
    this.heldBack.set(held.hold.scope, held.hold);
    return new Held(held.hold, held.dueAtMs);
  }

  /** A request that was let through never left. */
  withdraw(request: Gated): void {
    this.gates.withdraw(request.group, kindOf(request));
  }

  /** Takes in an outcome: its hold, and what the group's breaker makes of it. */
  observe(request: Gated, outcome: Outcome): void {
    const { ledger, clock } = this.#deps;
    const nowMs = clock.wallMs();
    const hold = "hold" in outcome ? outcome.hold : undefined;
    if (hold && !hold.scope.startsWith("group:")) {
      const { kind, scope, forMs, message } = hold;
      this.raise({ kind, scope, message, untilMs: forMs === null ? null : nowMs + forMs, probe: true });
    }
    const change = this.gates.observe(request.group, kindOf(request), outcome, nowMs);
    if (change.breaker) this.#keep(ledger.saveBreaker(this.#accountId, change.breaker));
    if (change.opened) {
      this.heldBack.set(change.opened.scope, change.opened);
      this.raise(change.opened);
    }
    if (change.closed) {
      const { kind, scope } = change.closed;
      this.heldBack.delete(scope);
      this.#keep(ledger.closeHolds({ kind, scope }, nowMs));
    }
  }

  /** Waited for in `written`; until then its failure must not end the process as an error that nobody caught. */
  #keep(write: Promise<unknown>): void {
    write.catch(() => {});
    this.#writes.push(write);
  }

  /** Everything raised so far is in the ledger. */
  async written(): Promise<void> {
    await Promise.all(this.#writes.splice(0));
  }
}

function kindOf({ write, operations }: Gated): OperationKind {
  if (!write) return "read";
  return operations.some(({ type }) => type === "create" || type === "createField") ? "create" : "update";
}
