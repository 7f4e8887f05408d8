/** The adapter's pure functions, called so that a bug which one operation brings to light is that one's alone. */
import type { CrmAdapter, CrmSession, PackedRequest } from "../crm/adapter.ts";
import type { Operation, Outcome } from "../domain/operation.ts";
import type { HttpResult } from "../domain/wire.ts";
import type { Job } from "./queues.ts";

export interface Packed {
  request: PackedRequest;
  jobs: Job[];
}

/** Requests for these jobs. One that can't be packed is rejected with the error; the others leave without it. */
export function packJobs(adapter: CrmAdapter, jobs: readonly Job[], session: CrmSession): Packed[] {
  const jobOf = new Map(jobs.flatMap((job) => job.operations.map((operation) => [operation, job] as const)));
  try {
    return adapter.pack([...jobOf.keys()], session).map((request) => ({
      request,
      jobs: [...new Set(request.operations.map((operation) => jobOf.get(operation)!))],
    }));
  } catch (error) {
    if (jobs.length > 1) return jobs.flatMap((job) => packJobs(adapter, [job], session));
    jobs[0]?.reject(error);
    return [];
  }
}

/** Pages that all submissions need: a bug of theirs is everybody's, and ends the run. */
const EVERYBODYS: ReadonlySet<Operation["type"]> = new Set(["list", "readMany", "describe"]);

/** What became of the operations. A reply that can't be made out says nothing: of a write it is looked for, as of any lost one. */
export function classified(
  adapter: CrmAdapter,
  request: PackedRequest,
  result: HttpResult,
  session: CrmSession,
): Outcome[] {
  try {
    return adapter.classify(request, result, session);
  } catch (error) {
    if (request.operations.some(({ type }) => EVERYBODYS.has(type))) throw error;
    const message = `the CRM's reply could not be made out, by a bug of crmledger (${error instanceof Error ? error.name : "?"})`;
    return request.operations.map(() => ({ type: "uncertain", code: "UNREADABLE_REPLY", message }));
  }
}
