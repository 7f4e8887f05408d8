/** Operations that the vendor took and works on: asked about with their handles, never sent again. */

import { conclude, concludeFor } from "./conclude.ts";
import type { DriveContext } from "./context.ts";
import { retryOf } from "./lane-retry.ts";
import { readTicket, stopFor, type Work } from "./work.ts";

export async function settlePending(context: DriveContext, works: readonly Work[]): Promise<void> {
  await Promise.all(works.filter((work) => !work.ended).map((work) => settleOne(context, work)));
}

async function settleOne(context: DriveContext, work: Work): Promise<void> {
  for (const step of work.steps) {
    if (step.state !== "pending" || step.handle === null || work.ended) continue;
    const at = { claimId: work.claimId, stepId: step.id };
    try {
      const ticket = readTicket([work]);
      const poll = { type: "poll" as const, key: context.readKey(), handle: step.handle };
      const { outcome } = await context.wheel.perform(poll, ticket);
      if (outcome.type === "applied") {
        const crmId = outcome.id ?? null;
        Object.assign(step, { state: "done", crmId });
        context.wheel.record({ steps: [{ ...at, from: "pending", to: "done", crmId, handle: null }] });
        continue;
      }
      const nowMs = context.deps.clock.wallMs();
      if (outcome.type === "refused") {
        Object.assign(step, { state: "open" });
        context.wheel.record({ steps: [{ ...at, from: "pending", to: "open", handle: null }] });
        throw stopFor(outcome, step.name, nowMs, 0);
      }
      const askAfterMs =
        outcome.type === "pending" ? outcome.askAfterMs : retryOf(context.deps.settings, work.row.lane).baseDelayMs;
      conclude(context, work, {
        type: "later",
        dueAtMs: nowMs + askAfterMs,
        kind: "pending",
        detail: "the CRM works on it",
      });
    } catch (error) {
      concludeFor(context, work, error);
    }
  }
}
