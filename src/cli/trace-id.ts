import type { SubmissionId } from "../domain/ids.ts";
import type { Ledger } from "../ledger/ledger.ts";

/** The id of a submission's trace, for whoever looks for it in a collector; null where this ledger never had traces. */
export async function traceIdIn(ledger: Pick<Ledger, "tracedAs">, id: SubmissionId): Promise<string | null> {
  const traced = await ledger.tracedAs(id);
  if (traced === null) return null;
  const { traceOfSubmission } = await import("../telemetry/trace-context.ts");
  return traceOfSubmission(traced.ledgerId, traced.submission).traceId;
}
