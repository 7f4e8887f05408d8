import type { IdentityKey } from "../domain/identity.ts";
import type { DriveContext } from "./context.ts";
import { instant } from "./quota-desk.ts";
import { Busy } from "./stops.ts";
import type { Work } from "./work.ts";

/** Leases a further key for the work's claim. Throws `Busy` where somebody else has it; `what` names it for people. */
export async function lease(context: DriveContext, work: Work, key: IdentityKey, what: string): Promise<void> {
  const { ledger, clock } = context.deps;
  const held = await ledger.leaseKeys(work.claimId, [key], instant(clock));
  // The ledger says 0 where no claim has it: it is kept for an uncertain create.
  if (held) throw new Busy(what, held.heldBy === 0);
}
