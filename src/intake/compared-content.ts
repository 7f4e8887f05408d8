import { canonicalJson } from "../domain/json.ts";
import type { SubmissionContent } from "../domain/submission.ts";

/**
 * The text by which two versions of a submission are compared, without the trace that each was sent in. Lines of notes count in
 * any order: what `restToNote` (or a map over all members) makes of columns that were moved is the same answers.
 */
export function comparedContent(content: SubmissionContent): string {
  const { notes, traceparent } = content;
  if (notes === undefined && traceparent === undefined) return canonicalJson(content);
  const lines = notes === undefined ? undefined : comparedNotes(notes);
  return canonicalJson({ ...content, notes: lines, traceparent: undefined });
}

export const comparedNotes = (notes: readonly string[]): string[] => notes.flatMap(linesOf).sort();

function linesOf(note: string): string[] {
  if (!note.includes("\n")) return note === "" ? [] : [note];
  return note.split(/\r?\n/).filter((line) => line !== "");
}
