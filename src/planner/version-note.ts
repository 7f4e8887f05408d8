import type { StepContent } from "../domain/chain.ts";
import type { CrmRecord } from "../domain/operation.ts";
import { noteReference } from "../domain/stamp.ts";

/** More parts than any note was ever cut into. */
const PARTS_MAX = 20;

/**
 * Whether a note at the CRM has the text of a note step under the reference of another version of the same submission
 * (`wf_1`, `wf_1~r2`): a lost ledger may have written it with that one. `stamp` is the step's own. Pure.
 */
export function isVersionsNote(
  record: Pick<CrmRecord, "stamp" | "stampPart" | "text">,
  content: StepContent,
  stamp: string,
  sameNote: (stored: string, text: string, format: "text" | "html") => boolean,
): boolean {
  const { reference, format = "text", values } = content;
  if (record.stamp === null || record.text === null || !reference) return false;
  if (firstVersion(record.stamp) !== firstVersion(stamp)) return false;
  const part = record.stampPart ?? 1;
  const most = record.stampPart == null ? 1 : PARTS_MAX;
  for (let parts = part; parts <= most; parts += 1) {
    const named = noteReference(record.stamp, part, parts);
    if (
      sameNote(
        record.text,
        (values.text ?? "").replace(reference, () => named),
        format,
      )
    )
      return true;
  }
  return false;
}

const firstVersion = (stamp: string): string => stamp.replace(/~r\d+$/, "");
