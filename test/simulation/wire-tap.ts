/** Listens between every process and the CRM: what was sent, on what ground, and what came back. Asks nobody who could be wrong. */
import type { PackedRequest } from "../../src/crm/adapter.ts";
import type { CreateOperation, Operation } from "../../src/domain/operation.ts";
import type { HttpResult } from "../../src/domain/wire.ts";

interface SentCreate {
  sentAtMs: number;
  /** `lost` from the moment it left until an answer told otherwise. */
  fate: "lost" | "applied" | "refused";
  /** Reads of lists of its entity that ended since, with an answer. */
  looks: number;
  boot: string;
}

export interface TapDeps {
  nowMs: () => number;
  bootId: () => string;
  /** State of the step with this idempotency key as the ledger has it. */
  stepState: (key: string) => string | null;
  lastSettleMs: number;
  broken: (what: string) => void;
}

/** What a request costs and whether it came to be charged. */
export interface Spending {
  /** Of all that left and was not answered with 429. */
  sent: number;
  /** Answered with 429. */
  refused: number;
  /** The least and the most that the CRM can have charged. */
  chargedLeast: number;
  chargedMost: number;
  requests: number;
  /** Of `sent`, what asked whose token it is before there was an account to keep it under: only an answer is written down. */
  first: number;
  /** How many of those left. */
  firsts: number;
}

export class WireTap {
  readonly spending: Spending = {
    sent: 0,
    refused: 0,
    chargedLeast: 0,
    chargedMost: 0,
    requests: 0,
    first: 0,
    firsts: 0,
  };
  /** Answers of 429, and requests without an answer. */
  limited = 0;
  silent = 0;
  resends = 0;
  /** First time that a create left, by its step's key, in order. */
  readonly firstSent = new Map<string, number>();
  readonly #creates = new Map<string, SentCreate>();
  readonly #deps: TapDeps;

  constructor(deps: TapDeps) {
    this.#deps = deps;
  }

  leaves(request: PackedRequest): void {
    this.spending.requests += 1;
    for (const operation of request.operations) {
      if (operation.key === "first") this.spending.firsts += 1;
      if (request.write) this.#hasIntent(operation);
      if (operation.type === "create") this.#createLeaves(operation);
    }
  }

  /** `began`: when the request left. */
  ends(request: PackedRequest, result: HttpResult, began: number): void {
    const tokens = request.charges
      .filter(({ bucket }) => bucket === "day")
      .reduce((sum, { amount }) => sum + amount, 0);
    const status = result.type === "response" ? result.status : 0;
    for (const operation of request.operations) {
      if (operation.type === "create") this.#createEnds(operation, result);
    }
    if (status === 429) {
      this.limited += 1;
      this.spending.refused += tokens;
      return;
    }
    if (status === 0) this.silent += 1;
    const good = status >= 200 && status < 300;
    this.spending.sent += tokens;
    if (request.operations.some(({ key }) => key === "first")) this.spending.first += tokens;
    // Garbled to a 200, a refusal looks the same and cost nothing.
    if (good && readable(result)) this.spending.chargedLeast += tokens;
    if (good || status === 0 || status >= 500) this.spending.chargedMost += tokens;
    for (const operation of request.operations) {
      if (operation.type === "list" && good && readable(result)) this.#looked(operation.entity, began);
    }
  }

  #hasIntent(operation: Operation): void {
    const state = this.#deps.stepState(operation.key);
    // Uncertain: taken from a process that stood still, which may still send what it had begun.
    if (state === "begun" || state === "uncertain") return;
    this.#deps.broken(`I-D4 ${operation.type} ${operation.key} left while the ledger says ${state ?? "nothing"} of it`);
  }

  #createLeaves({ key, entity }: CreateOperation): void {
    const now = this.#deps.nowMs();
    if (!this.firstSent.has(key)) this.firstSent.set(key, now);
    const before = this.#creates.get(key);
    this.#creates.set(key, { sentAtMs: now, fate: "lost", looks: 0, boot: this.#deps.bootId() });
    if (before === undefined || before.fate === "refused") return;
    this.resends += 1;
    if (before.fate === "applied") return;
    const afterMs = now - before.sentAtMs;
    if (before.looks === 0) this.#deps.broken(`I-X1 ${key} (${entity}) was sent again without a look in between`);
    else if (afterMs < this.#deps.lastSettleMs && before.boot === this.#deps.bootId())
      this.#deps.broken(`I-X1 ${key} (${entity}) was sent again after ${Math.round(afterMs / 1000)} s`);
  }

  #createEnds({ key }: CreateOperation, result: HttpResult): void {
    const create = this.#creates.get(key);
    if (create === undefined || result.type === "failure") return;
    const { status } = result;
    if (status >= 200 && status < 300 && readable(result)) create.fate = "applied";
    else if (status >= 300 && status < 500 && status !== 408) create.fate = "refused";
  }

  #looked(entity: string, began: number): void {
    for (const [key, create] of this.#creates) {
      if (create.fate === "lost" && entityOf(key) === entity && create.sentAtMs <= began) create.looks += 1;
    }
  }
}

/** `SOURCE/KEY#note.2` is of a note. */
function entityOf(key: string): string {
  const step = key.slice(key.lastIndexOf("#") + 1);
  return step.startsWith("note.") ? "note" : step;
}

function readable(result: HttpResult): boolean {
  if (result.type === "failure") return false;
  try {
    return (JSON.parse(result.body) as { success?: boolean }).success === true;
  } catch {
    return false;
  }
}
