/** A packed request with the jobs that it carries, as it is offered to the ledger for its slots. */
import type { PackedRequest } from "../crm/adapter.ts";
import type { Outcome } from "../domain/operation.ts";
import type { HttpResult } from "../domain/wire.ts";
import type { FinishedRequest, RequestIntent } from "../ledger/rows.ts";
import type { Job } from "./queues.ts";
import type { Ticket } from "./ticket.ts";

export interface Offer {
  ref: number;
  request: PackedRequest;
  jobs: Job[];
  intent: RequestIntent;
}

export function toOffer(ref: number, request: PackedRequest, jobs: Job[]): Offer {
  const tickets = ticketsOf(request, jobs);
  return {
    ref,
    request,
    jobs,
    intent: {
      ref,
      lane: jobs[0]!.lane,
      group: request.group,
      method: request.http.method,
      route: request.route,
      write: request.write,
      charges: request.charges,
      timeoutMs: request.http.timeoutMs,
      steps: tickets.flatMap((ticket) => ticket.steps),
      onBehalfOf: [...new Set(tickets.flatMap((ticket) => ticket.onBehalfOf))],
    },
  };
}

function ticketsOf(request: PackedRequest, jobs: readonly Job[]): Ticket[] {
  return request.operations.map((operation) => {
    const job = jobs.find((candidate) => candidate.operations.includes(operation))!;
    return job.tickets[job.operations.indexOf(operation)]!;
  });
}

/** What a request takes out of the day's budget. */
export function dayTokens(request: PackedRequest): number {
  return request.charges.filter((charge) => charge.bucket === "day").reduce((sum, charge) => sum + charge.amount, 0);
}

/** How many of them, from the first, so many tokens of the day pay for. */
export function affordable(offers: readonly Offer[], tokens: number): number {
  let left = tokens;
  const over = offers.findIndex(({ request }) => {
    left -= dayTokens(request);
    return left < 0;
  });
  return over === -1 ? offers.length : over;
}

/** One word for all outcomes of a request, for the attempts' history. */
export function summaryOf(outcomes: readonly Outcome[]): FinishedRequest["outcome"] {
  const types = new Set(outcomes.map((outcome) => outcome.type));
  return types.size === 1 ? [...types][0]! : "mixed";
}

export function errorOf(outcomes: readonly Outcome[]): string | null {
  const told = outcomes.find((outcome) => "message" in outcome);
  return told && "message" in told ? told.message : null;
}

/** Takes the token out of everything that a person may get to read. */
export function redactOutcome(outcome: Outcome, redact: (text: string) => string): Outcome {
  return "message" in outcome ? { ...outcome, message: redact(outcome.message) } : outcome;
}

/** In place of the reply to a request that was not sent any more. */
export const TOO_LATE: HttpResult = {
  type: "failure",
  sent: "no",
  code: "PAUSED",
  message: "this process was paused before the request could leave",
};
