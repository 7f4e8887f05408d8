import type { Step } from "../domain/chain.ts";
import { dealKey, type IdentityKey, openDealKey } from "../domain/identity.ts";
import type { DriveContext } from "./context.ts";
import { instant } from "./instant.ts";
import { Busy } from "./stops.ts";
import { stepOf, type Work } from "./work.ts";

/** Leases a further key for the work's claim. Throws `Busy` where somebody else has it; `what` names it for people. */
export async function lease(context: DriveContext, work: Work, key: IdentityKey, what: string): Promise<void> {
  // The claim has the key itself then, so the ledger would grant it, and the record would be made once more.
  if (work.claimed.some((other) => other !== work && other.steps.some((step) => isCreateInDoubt(other, step, key)))) {
    throw new Busy(what, true);
  }
  const { ledger, clock } = context.deps;
  const held = await ledger.leaseKeys(work.claimId, [key], instant(clock));
  // The ledger says 0 where no claim has it: it is kept for an uncertain create.
  if (held) throw new Busy(what, held.heldBy === 0);
}

function isCreateInDoubt(work: Work, step: Step, key: IdentityKey): boolean {
  if (step.state !== "uncertain" || step.action === "update") return false;
  const { matchKeys = [], dealKey: named, dealMatch } = step.content;
  if (matchKeys.includes(key) || (named !== undefined && dealKey(named) === key)) return true;
  const personId = dealMatch === "openDealOfPerson" ? stepOf(work, "person")?.crmId : null;
  return personId != null && openDealKey(personId) === key;
}
