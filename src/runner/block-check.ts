/**
 * What stands before the API (a firewall, a proxy) may turn requests away for two reasons, and says neither: all of ours, for the token or the
 * address; or one alone, whose text looks like an attack (a spammer's SQL in a form's message) or is too long for it. The first must stop the
 * run. The second must not: one such submission would keep all others back for ever. So one cheap read is asked; answered, it was the request.
 */
import type { PackedRequest } from "../crm/adapter.ts";
import type { Operation, Outcome } from "../domain/operation.ts";
import { ownTicket, type Performed, type Ticket } from "./ticket.ts";

/** So many requests turned away without a write that went through are no texts: then it is all of ours, or all of a kind. */
const IN_ROW_MAX = 20;

/** What a submission says leaves in these alone. */
const CARRY_TEXT: ReadonlySet<Operation["type"]> = new Set(["create", "update", "search"]);

export class BlockCheck {
  readonly #perform: (operation: Operation, ticket: Ticket) => Promise<Performed>;
  #asking: Promise<boolean> | null = null;
  #asked = 0;
  #inRow = 0;

  constructor(perform: (operation: Operation, ticket: Ticket) => Promise<Performed>) {
    this.#perform = perform;
  }

  /** While it is not known which of the two it is, nothing else may leave. */
  get isAsking(): boolean {
    return this.#asking !== null;
  }

  /** Told of every reply: a write that goes through ends the row of those that were turned away. */
  see({ write }: Pick<PackedRequest, "write">, outcomes: readonly Outcome[]): void {
    if (write && outcomes.some(({ type }) => type === "applied")) this.#inRow = 0;
  }

  /** Whether these outcomes have to be judged: only what a submission says can be its own fault. */
  concerns({ operations }: Pick<PackedRequest, "operations">, outcomes: readonly Outcome[]): boolean {
    return outcomes.some(isBlock) && operations.some(({ type }) => CARRY_TEXT.has(type));
  }

  /** As they are to be taken: refused with the hold that ends the run, or put off, alone. */
  async judged(outcomes: readonly Outcome[]): Promise<Outcome[]> {
    this.#inRow += 1;
    if (this.#inRow >= IN_ROW_MAX || !(await this.#isAnswered())) return [...outcomes];
    return outcomes.map((outcome) => (isBlock(outcome) ? alone(outcome) : outcome));
  }

  #isAnswered(): Promise<boolean> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #ask(): Promise<boolean> {
    this.#asked += 1;
    const operation = { type: "describe", key: `probe#block${this.#asked}`, part: "account" } as const;
    try {
      const { outcome } = await this.#perform(operation, { ...ownTicket(), first: true });
      return outcome.type === "applied";
    } catch {
      // The run ends, whyever: the hold stands until the next one has asked.
      return false;
    }
  }
}

type Block = Extract<Outcome, { type: "refused" }>;

function isBlock(outcome: Outcome): outcome is Block {
  return outcome.type === "refused" && outcome.hold?.unsure === true;
}

function alone({ message }: Block): Outcome {
  const told = `${message}. Others are answered, so it is something in this one: a text that looks like an attack, or is too long`;
  return { type: "deferred", reason: "blocked", message: told, retryAfterMs: null };
}
