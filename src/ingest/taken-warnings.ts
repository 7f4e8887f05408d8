/** What is said of records as they are taken, and of their verdicts. */
import type { SubmissionContent } from "../domain/submission.ts";
import type { IncomingSubmission, Origin } from "../ledger/rows.ts";
import { isNobodys, shownMember, type Warnings } from "./warnings.ts";

/** What became of newer versions of known records, where `revisions` is `update`. The two last count as duplicates. */
const REVISIONS = {
  new: "revisions of known submissions; they amend what the earlier versions wrote",
  replaced: "records took the place of an earlier version that was not sent yet",
  late: "records are older versions than those that are known; they are kept and change nothing",
} as const;

function placeOf(line: number | null): string {
  return line === null ? "as a whole" : `in line ${line}`;
}

const records = (count: number): string => (count === 1 ? "1 record" : `${count} records`);

export function warnOfGuess(warnings: Warnings, shown: string, line: number | null): void {
  warnings.count(
    `guessed ${shown}`,
    placeOf(line),
    (count, first) =>
      `${shown}: ${records(count)} ${count === 1 ? "is" : "are"} no UTF-8, read as Windows-1252 (first ${first}); name the \`encoding\` if that is wrong`,
  );
}

/** Of values that could not be taken, and members that no submission has. */
export function warnOfValues(
  warnings: Warnings,
  { badValues = [] }: SubmissionContent,
  unknown: readonly string[],
  origin: Origin,
): void {
  const place = `${origin.file} ${placeOf(origin.line)}`;
  for (const { path, reason } of badValues) {
    const shown = isNobodys(path) ? path : "a field";
    warnings.count(
      `bad ${shown} ${reason}`,
      place,
      (count, first) =>
        `${shown}: ${count === 1 ? "1 value" : `${count} values`} could not be taken (${reason}); first in ${first}`,
    );
  }
  for (const name of unknown) {
    const shown = shownMember(name);
    warnings.count(
      `unknown ${shown}`,
      place,
      (count, first) =>
        `${shown} is no part of a submission and is left out of ${records(count)} (first in ${first}); a map or \`fields\` would take it`,
    );
  }
}

export function warnOfForgotten(warnings: Warnings, source: string): void {
  const say = (count: number): string =>
    `source ${source}: ${records(count)} of people who were forgotten ${count === 1 ? "is left out, and counts as a duplicate" : "are left out, and count as duplicates"}`;
  warnings.count(`forgotten ${source}`, "", say);
}

export function warnOfRevision(
  warnings: Warnings,
  { source, key }: IncomingSubmission,
  revision: keyof typeof REVISIONS,
): void {
  const say = (count: number, first: string): string =>
    `source ${source}: ${count} ${REVISIONS[revision]} (first: ${first})`;
  warnings.count(`revision ${revision} ${source}`, key, say);
}

export function warnOfRepeat(warnings: Warnings, { source, key }: IncomingSubmission, repeats: string): void {
  warnings.count(
    `repeats ${source}`,
    `${key} repeats ${repeats}`,
    (count, first) =>
      `source ${source}: ${records(count)} ${count === 1 ? "has" : "have"} person and content of another one within \`sameWithin\` and ${count === 1 ? "counts as a duplicate" : "count as duplicates"} (first: ${first})`,
  );
}
