/** The holds of a run: raised in the ledger and for this run at once, and the breakers' changes that lead to them. */
import type { PackedRequest } from "../crm/adapter.ts";
import { endsRun, type Hold, type HoldKind } from "../domain/hold.ts";
import type { AccountId } from "../domain/ids.ts";
import type { Outcome } from "../domain/operation.ts";
import { LANES, type Lane } from "../domain/submission.ts";
import type { Gates, OperationKind, Permission } from "./gates.ts";
import { instant } from "./instant.ts";
import type { Job } from "./queues.ts";
import type { RunnerDeps } from "./runner.ts";
import { Held } from "./stops.ts";

/** A lane's hold without a time of its own is looked at again after this. */
const LANE_HOLD_MS = 15 * 60_000;
/** How often a run looks at what other processes found out about the groups. */
const LOOK_MS = 5_000;
/** A probe is waited for as long as its request and its place in the queue may take. */
const PROBE_MS = 90_000;

type Deps = Pick<RunnerDeps, "ledger" | "clock" | "redact" | "observe" | "runId">;
type Gated = Pick<PackedRequest, "group" | "write" | "operations">;

export class HoldBoard {
  /** Lesser holds that kept work of this run back, by scope. */
  readonly heldBack = new Map<string, Hold>();
  readonly gates: Gates;
  readonly #deps: Deps;
  readonly #accountId: AccountId;
  readonly #end: (hold: Hold) => void;
  /** Kinds of groups' holds that this run found lifted. */
  readonly #lifted = new Set<HoldKind>();
  #writes: Promise<unknown>[] = [];
  #lookedAtMs: number;

  /** `end` is told of a hold that ends the run. */
  constructor(deps: Deps, accountId: AccountId, gates: Gates, end: (hold: Hold) => void) {
    this.#deps = deps;
    this.#accountId = accountId;
    this.gates = gates;
    this.#end = end;
    this.#lookedAtMs = deps.clock.monoMs();
  }

  raise(hold: Hold): void {
    const { ledger, clock, redact, observe } = this.#deps;
    const told = { ...hold, message: redact(hold.message) };
    this.#keep(ledger.openHold(this.#accountId, told, clock.wallMs()));
    observe({ type: "hold", hold: told });
    if (endsRun(told)) this.#end(told);
    else if (told.scope.startsWith("lane:") || told.kind === "dailyQuota") this.heldBack.set(told.scope, told);
  }

  /** Raises a hold, and stops what it keeps back. */
  stop(jobs: readonly Pick<Job, "reject">[], hold: Hold): void {
    if (!this.heldBack.has(hold.scope)) this.raise(hold);
    const dueAtMs = hold.untilMs ?? this.#deps.clock.wallMs() + LANE_HOLD_MS;
    for (const job of jobs) job.reject(new Held(hold, dueAtMs));
  }

  /** Remembers a lesser hold of an answer; a group's gate has given it a time by now. */
  keepBack(hold: Hold): void {
    if (this.heldBack.get(hold.scope)?.kind !== hold.kind) this.heldBack.set(hold.scope, hold);
  }

  /** What keeps a lane's operations back; null: nothing. */
  lane(lane: Lane): Held | null {
    const hold = this.heldBack.get(`lane:${lane}`);
    return hold ? new Held(hold, hold.untilMs ?? this.#deps.clock.wallMs() + LANE_HOLD_MS) : null;
  }

  /** What keeps a group's operations back; null lets this one through, perhaps as the probe of all processes. */
  group(request: Gated): Held | null | Promise<Held | null> {
    const permission = this.gates.check(request.group, kindOf(request), this.#deps.clock.wallMs());
    return permission === "probe" ? this.#probe(request) : this.#held(permission);
  }

  #held(permission: Exclude<Permission, "probe">): Held | null {
    if (permission === null) return null;
    this.heldBack.set(permission.hold.scope, permission.hold);
    return new Held(permission.hold, permission.dueAtMs);
  }

  /** Others may have asked meanwhile, or be asking. */
  async #probe(request: Gated): Promise<Held | null> {
    const { ledger, clock, runId } = this.#deps;
    const { group } = request;
    const kind = kindOf(request);
    this.withdraw(request);
    await this.#look();
    const permission = this.gates.check(group, kind, clock.wallMs());
    if (permission !== "probe") return this.#held(permission);
    const nowMs = clock.wallMs();
    if (await ledger.takeProbe(this.#accountId, group, runId, nowMs, nowMs + PROBE_MS)) return null;
    this.withdraw(request);
    this.gates.leaveTo(group, nowMs + LOOK_MS);
    const held = this.gates.check(group, kind, nowMs);
    return held === "probe" ? null : this.#held(held);
  }

  /** Now and then, what other processes found out. */
  async look(): Promise<void> {
    if (this.#deps.clock.monoMs() - this.#lookedAtMs >= LOOK_MS) await this.#look();
  }

  async #look(): Promise<void> {
    const { ledger, clock } = this.#deps;
    this.#lookedAtMs = clock.monoMs();
    await this.written();
    const over = this.gates.takeIn(await ledger.breakers(this.#accountId), await ledger.holds());
    for (const { scope } of over) this.heldBack.delete(scope);
  }

  /** A request that was let through never left. */
  withdraw(request: Gated): void {
    this.gates.withdraw(request.group, kindOf(request));
  }

  /** Takes in an outcome: its hold, and what the group's breaker makes of it. */
  observe(request: Gated, outcome: Outcome): void {
    const { ledger, clock, runId } = this.#deps;
    const nowMs = clock.wallMs();
    const hold = "hold" in outcome ? outcome.hold : undefined;
    if (hold && !hold.scope.startsWith("group:")) {
      const { kind, scope, forMs, message } = hold;
      this.raise({ kind, scope, message, untilMs: forMs === null ? null : nowMs + forMs, probe: true });
    }
    const change = this.gates.observe(request.group, kindOf(request), outcome, nowMs);
    if (change.breaker) this.#keep(ledger.saveBreaker(this.#accountId, change.breaker));
    if (change.unsaid) this.#keep(ledger.giveProbeBack(this.#accountId, request.group, runId));
    if (change.closed) {
      const { kind, scope } = change.closed;
      this.heldBack.delete(scope);
      this.#keep(ledger.closeHolds({ kind, scope }, nowMs));
      this.#lifted.add(kind);
      this.#keep(this.#endWaits(kind));
    }
    if (change.opened) {
      this.heldBack.set(change.opened.scope, change.opened);
      this.raise(change.opened);
    }
  }

  /** What was on its way to wait when a group's hold was lifted: due too. Asked for where nothing is in hand. */
  async endLateWaits(): Promise<void> {
    for (const kind of this.#lifted) await this.#endWaits(kind);
    this.#lifted.clear();
  }

  /** What waited for it was given a time at which it might be over. Of several groups the last one's end lets all go. */
  async #endWaits(kind: HoldKind): Promise<void> {
    if (this.gates.isHeld(kind)) return;
    const { ledger, clock } = this.#deps;
    for (const lane of LANES) await ledger.endWaits({ lane }, kind, instant(clock));
  }

  /** Waited for in `written`; until then its failure must not end the process as an error that nobody caught. */
  #keep(write: Promise<unknown>): void {
    write.catch(() => {});
    this.#writes.push(write);
  }

  /** Everything raised so far is in the ledger, and what the breakers remember. */
  async written(): Promise<void> {
    for (const { group, recent } of this.gates.unkept())
      this.#keep(this.#deps.ledger.saveBreakerMemory(this.#accountId, group, recent));
    await Promise.all(this.#writes.splice(0));
  }
}

function kindOf({ write, operations }: Gated): OperationKind {
  if (!write) return "read";
  return operations.some(({ type }) => type === "create" || type === "createField") ? "create" : "update";
}
