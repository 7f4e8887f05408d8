import { canonicalJson } from "../domain/json.ts";
import type { SubmissionContent } from "../domain/submission.ts";

/**
 * The text by which two versions of a submission are compared. Lines of notes count in any order: what `restToNote` (or a
 * map over all members) makes of columns that were moved is the same answers.
 */
export function comparedContent(content: SubmissionContent): string {
  if (content.notes === undefined) return canonicalJson(content);
  const lines = content.notes.flatMap(linesOf);
  return canonicalJson({ ...content, notes: lines.sort() });
}

function linesOf(note: string): string[] {
  if (!note.includes("\n")) return note === "" ? [] : [note];
  return note.split(/\r?\n/).filter((line) => line !== "");
}
