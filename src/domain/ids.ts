/** Branded ids, so that one kind of number can't be handed over as another. */

declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** Row id of a submission in the ledger. */
export type SubmissionId = Brand<number, "SubmissionId">;
/** Row id of a step of a submission's chain. */
export type StepId = Brand<number, "StepId">;
/** Row id of one HTTP request in the ledger; also its slot in the sliding log. */
export type RequestId = Brand<number, "RequestId">;
/** One claim on a person's submissions. It only grows, so it is also the fencing token of the lease. */
export type ClaimId = Brand<number, "ClaimId">;
/** Row id of one run (a `sync`, an `import`, ...). */
export type RunId = Brand<number, "RunId">;
/** The ledger's row of the CRM account it is bound to. */
export type AccountId = Brand<number, "AccountId">;
/** An id at the CRM. Text for every vendor: Salesforce's are, and numbers lose digits beyond 2^53. */
export type CrmId = string;
