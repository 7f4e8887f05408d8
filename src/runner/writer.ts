/**
 * Sends a chain's writes. One by one where each needs the ids that the one before yields; or gathered, with references
 * inside, where the adapter takes whole chains in one request. A driver reads the same either way.
 */
import type { Step, StepAction } from "../domain/chain.ts";
import type { CrmRecord, Ref, RemoveOperation, UpdateOperation, WriteOperation } from "../domain/operation.ts";
import type { SentValues } from "../ledger/checks.ts";
import type { Mirror } from "../mirror/mirror.ts";
import type { RunnerDeps } from "./runner.ts";
import type { Performed, Ticket } from "./ticket.ts";
import type { Wheel } from "./wheel.ts";
import { blockedStop, type ChainStop, hasBegun, stopFor, type Work } from "./work.ts";

/** A step of a work that a write is for. */
export interface Target {
  work: Work;
  step: Step;
}

export interface WriteRequest {
  operation: WriteOperation | RemoveOperation;
  /** All steps that this write fulfils; the first one's stamp is on it. */
  targets: Target[];
  action: StepAction;
  explanation: string;
}

export interface Written {
  ref: Ref;
  /** As the CRM echoed it; null where it did not, or where the write is still gathered. */
  record: CrmRecord | null;
}

/** Told of each record that an answer to a write showed. */
type Echoed = (request: WriteRequest, record: CrmRecord) => void;

export class Writer {
  readonly #deps: RunnerDeps;
  readonly #wheel: Wheel;
  readonly #mirror: Mirror;
  readonly #echoed: Echoed;
  readonly #gather: boolean;
  #gathered: WriteRequest[] = [];

  constructor(deps: RunnerDeps, wheel: Wheel, mirror: Mirror, echoed: Echoed) {
    this.#deps = deps;
    this.#wheel = wheel;
    this.#mirror = mirror;
    this.#echoed = echoed;
    this.#gather = deps.adapter.capabilities.dependentOperations;
  }

  /** Throws a `ChainStop` where the write was not applied. */
  async write(request: WriteRequest): Promise<Written> {
    if (this.#gather && request.operation.type === "create") {
      this.#gathered.push(request);
      return { ref: { op: request.operation.key }, record: null };
    }
    this.#announce(request);
    const performed = await this.#wheel.perform(request.operation, ticketOf(request));
    const stop = await this.#settle(request, performed);
    if (stop) throw stop;
    const id = request.targets[0]!.step.crmId ?? "";
    return { ref: { id }, record: performed.outcome.type === "applied" ? (performed.outcome.record ?? null) : null };
  }

  /** Sends what was gathered. Throws the first `ChainStop`, after all outcomes were taken in. */
  async finish(): Promise<void> {
    const requests = this.#gathered;
    this.#gathered = [];
    if (requests.length === 0) return;
    const operations = requests.map((request) => request.operation);
    const performed = await this.#wheel.performAll(operations, requests.map(ticketOf));
    let first: ChainStop | null = null;
    for (const [index, request] of requests.entries()) {
      const stop = await this.#settle(request, performed[index]!);
      // What was refused or lost says more than a child that was not tried because of it.
      if (stop && (!first || (first.verdict.type === "again" && stop.verdict.type !== "again"))) first = stop;
    }
    if (first) throw first;
  }

  /** An uncertain update is settled by reading the record, so its id must be durable before the update leaves. */
  #announce(request: WriteRequest): void {
    const { operation } = request;
    if (operation.type !== "update") return;
    this.#wheel.record({
      steps: request.targets.map(({ work, step }) => ({
        claimId: work.claimId,
        stepId: step.id,
        from: "open",
        to: "open",
        crmId: operation.id,
        explanation: request.explanation,
      })),
    });
    for (const { step } of request.targets) step.crmId = operation.id;
  }

  async #settle(request: WriteRequest, performed: Performed): Promise<ChainStop | null> {
    const { outcome } = performed;
    const { operation, targets, action } = request;
    if (outcome.type === "applied") {
      const id = outcome.id ?? (operation.type === "update" ? operation.id : null);
      for (const { step } of targets) Object.assign(step, { state: "done", crmId: id, action });
      this.#remember(request, outcome.record ?? null);
      return null;
    }
    const state = outcome.type === "uncertain" ? "uncertain" : outcome.type === "pending" ? "pending" : "open";
    for (const { step } of targets) Object.assign(step, { state, action });
    const { id, name } = targets[0]!.step;
    if (outcome.type === "deferred" && outcome.reason === "blocked") {
      const areOthers = await this.#deps.ledger.othersWritten(id);
      return blockedStop(outcome.message, name, this.#deps.clock.wallMs(), areOthers);
    }
    const settleMs = this.#deps.settings.retry.settleMs[0] ?? 0;
    return stopFor(outcome, name, this.#deps.clock.wallMs(), settleMs);
  }

  #remember(request: WriteRequest, record: CrmRecord | null): void {
    const { operation, targets } = request;
    if (record) this.#echoed(request, record);
    if (!record || operation.entity === "note") return;
    const keys = this.#mirror.keysOf(record);
    const dealKey = targets[0]!.step.content.dealKey;
    if (operation.entity === "deal" && dealKey) keys.push(`deal:${dealKey}`);
    // A deal is looked up by its key alone.
    if (operation.entity === "deal" && keys.length === 0) return;
    this.#wheel.record({ mirror: [{ record, keys }] });
  }
}

/** What left where the step's own content does not tell: an update's part of it, or what a create made of several submissions. */
function sentOf({ operation, targets }: WriteRequest): SentValues | null {
  if (operation.type === "update") return sentBy(operation);
  const own = operation.type === "create" && operation.values === targets[0]!.step.content.values;
  return operation.type !== "create" || own ? null : { values: operation.values };
}

function sentBy({ values, links }: UpdateOperation): SentValues {
  const idOf = (ref: Ref | undefined) => (ref && "id" in ref ? ref.id : undefined);
  const [organizationId, personId] = [idOf(links.organization), idOf(links.person)];
  return { values, ...(organizationId && { organizationId }), ...(personId && { personId }) };
}

function ticketOf(request: WriteRequest): Ticket {
  const first = request.targets[0]!;
  const sent = sentOf(request);
  const { explanation } = request;
  return {
    lane: first.work.row.lane,
    steps: request.targets.map(({ work, step }) => ({
      claimId: work.claimId,
      stepId: step.id,
      action: request.action,
      ...(sent && { sent }),
      // An update's was announced before it left.
      ...(request.operation.type !== "update" && { explanation }),
    })),
    onBehalfOf: [],
    continues: request.targets.some(({ work }) => hasBegun(work)),
    claimId: first.work.claimId,
    retried: request.targets.some(({ work, step }) => step.attempts > 0 || work.row.attempts > 0),
  };
}
