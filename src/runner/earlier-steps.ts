import type { EarlierStep } from "../domain/chain.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { SubmissionRow } from "../ledger/rows.ts";
import { isRepair } from "./work.ts";

/** What the versions before a revision have at the CRM, oldest first. Nothing for a submission that revises none. */
export async function earlierSteps(
  ledger: Pick<Ledger, "versions">,
  { id, revises }: Pick<SubmissionRow, "id" | "revises">,
): Promise<EarlierStep[]> {
  if (revises == null) return [];
  return (await ledger.versions(id))
    .filter((version) => version.id < id)
    .flatMap(({ steps }) => steps.filter((step) => !isRepair(step)));
}
