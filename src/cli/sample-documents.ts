import { submissionName } from "../domain/submission.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Story } from "../ledger/rows.ts";
import type { RetrySample } from "../ledger/samples.ts";
import type { RetrySampleDocument } from "../report/retry-sample-words.ts";

export const sampleDocument = ({ source, key, cause, state, waiting }: RetrySample): RetrySampleDocument => {
  return { id: submissionName(source, key), cause, state, waiting };
};

/** The sample that a failed one waits for, or that it is itself. */
export async function sampleOf(ledger: Ledger, { submission }: Story): Promise<RetrySampleDocument | null> {
  const samples = await ledger.samples();
  if (samples.length === 0) return null;
  const [failed] = submission.state === "failed" ? await ledger.failed({ ids: [submission.id] }) : [];
  const sample =
    samples.find(({ sampleId }) => sampleId === failed?.sampleId) ??
    samples.find(({ sampleId }) => sampleId === submission.id);
  return sample === undefined ? null : sampleDocument(sample);
}
