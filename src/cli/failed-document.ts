import { causeOf } from "../domain/cause.ts";
import type { StepError } from "../domain/chain.ts";
import { submissionName } from "../domain/submission.ts";
import type { FailedRow } from "../ledger/rows.ts";
import type { RetrySample } from "../ledger/samples.ts";
import type { FailedCause, FailedDocument } from "../report/failed-list.ts";
import { utcTime } from "../report/human.ts";
import { sampleDocument } from "./sample-documents.ts";

/** More values of one field than this are one cause: somebody fills free text into a list. */
const VALUES_MAX = 5;
const EXAMPLES_MAX = 5;

/** Groups by cause, the largest group first. Holds every submission, whatever a page shows of them. */
export function failedDocument(rows: readonly FailedRow[], samples: readonly RetrySample[]): FailedDocument {
  const groups = new Map<string, FailedRow[]>();
  const crowded = crowdedFields(rows);
  for (const row of rows) {
    const wide = causeOf(withoutValue(row.error));
    const cause = crowded.has(wide) ? wide : causeOf(row.error);
    const group = groups.get(cause);
    if (group === undefined) groups.set(cause, [row]);
    else group.push(row);
  }
  const causes = [...groups].map(([cause, group]) => causeDocument(cause, group, samples));
  return { total: rows.length, causes: causes.sort((a, b) => b.count - a.count) };
}

function withoutValue({ code, about }: StepError): Pick<StepError, "code" | "about"> {
  return { code, ...(about !== undefined && { about: { subject: about.subject } }) };
}

/** Causes without their value of which there are too many values to list each. */
function crowdedFields(rows: readonly FailedRow[]): Set<string> {
  const values = new Map<string, Set<string>>();
  for (const { error } of rows) {
    if (error.about?.value === undefined) continue;
    const wide = causeOf(withoutValue(error));
    values.set(wide, (values.get(wide) ?? new Set()).add(causeOf(error)));
  }
  return new Set([...values].filter(([, causes]) => causes.size > VALUES_MAX).map(([wide]) => wide));
}

function causeDocument(cause: string, group: readonly FailedRow[], samples: readonly RetrySample[]): FailedCause {
  const sampleOf = (row: FailedRow) => samples.find(({ sampleId }) => sampleId === row.sampleId);
  const { code, message, hint, about } = group[0]!.error;
  return {
    cause,
    code,
    about: about?.subject ?? null,
    count: group.length,
    message,
    hint: hint ?? hintFor(code),
    examples: [...new Set(group.map((row) => row.error.message))].slice(1, EXAMPLES_MAX),
    retry: `crmledger retry-failed --cause ${cause}`,
    waitingFor: samples.flatMap((sample) => {
      const waiting = group.filter((row) => sampleOf(row) === sample).length;
      return waiting === 0 ? [] : [{ ...sampleDocument(sample), waiting }];
    }),
    submissions: group.map((row) => {
      const { source, key, email, step, failedAtMs } = row;
      const sample = sampleOf(row);
      const waitsFor = sample === undefined ? null : submissionName(sample.source, sample.key);
      return { source, key, email, step, failedAt: utcTime(failedAtMs), waitsFor };
    }),
  };
}

/** For failures that bring no advice of their own. */
function hintFor(code: string): string {
  if (/^CRM_(UNAVAILABLE|UNSENT|LOOKUP|READ|CATALOG|BURST|DAILY)$/.test(code))
    return "The CRM gave no usable answer. See that it works (crmledger doctor), then retry.";
  if (code === "CRM_PERSON_VANISHED") return "Somebody deleted or merged the person meanwhile: retry.";
  return "crmledger show ID tells what was sent. Mend the record (crmledger failed edit ID), the map, or the CRM's field; then retry.";
}
