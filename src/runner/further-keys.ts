/**
 * A claim leases the keys by which its submissions were known when they came in. What a plan seeks their person by may be more:
 * `persons.match` was changed since, or the CRM writes a value in another way ("007" is 7 in a field of numbers).
 */
import { concludeFor } from "./conclude.ts";
import type { DriveContext } from "./context.ts";
import { lease } from "./lease.ts";
import { personLookup } from "./person-step.ts";
import { soughtPerson, type Work } from "./work.ts";

/**
 * Leases what the claim does not have yet of the keys that its person is sought by: before the look-up, for two that look at
 * once would both make the person. Where another claim has one, the group waits for it.
 */
export async function leaseFurtherKeys(context: DriveContext, group: readonly Work[]): Promise<void> {
  const open = group.filter((work) => !work.ended && soughtPerson(work));
  if (open.length === 0) return;
  const held = new Set(group.flatMap(({ row }) => row.identityKeys));
  try {
    for (const key of personLookup(open).keys) if (!held.has(key)) await lease(context, open[0]!, key, "this person");
  } catch (error) {
    for (const work of open) concludeFor(context, work, error);
  }
}
