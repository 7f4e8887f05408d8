/** Rows of submissions and steps as the contract's shapes. */
import type { Step, StepContent, StepError } from "../../domain/chain.ts";
import type { IdentityKey } from "../../domain/identity.ts";
import type { SubmissionId } from "../../domain/ids.ts";
import type { SubmissionContent } from "../../domain/submission.ts";
import type { SubmissionRow } from "../rows.ts";
import type { Store } from "./store.ts";

const SUBMISSION = `
  SELECT id, source, key, state, lane, submitted_at_ms AS submittedAtMs, received_at_ms AS receivedAtMs,
    target_ms AS targetMs, due_at_ms AS dueAtMs, attempts, planned, error, failed_at_ms AS failedAtMs,
    done_at_ms AS doneAtMs, file, line, revises, identity_keys AS keys, content
  FROM submissions WHERE id = ?`;
const KEYS = "SELECT identity_keys AS keys FROM submissions WHERE id = ?";
const SAVE_KEYS = "UPDATE submissions SET identity_keys = ? WHERE id = ?";
const STEPS = `
  SELECT id, submission_id AS submissionId, name, entity, position, state, action, idempotency_key AS idempotencyKey,
    crm_id AS crmId, attempts, lost_at_ms AS lostAtMs, sent_at_ms AS sentAtMs, probes, handle, explanation, error, content
  FROM steps WHERE submission_id = ? AND dropped = 0 ORDER BY position, id`;

const SENT_CLOCK = `
  SELECT r.begun_mono_ms AS monoMs, r.boot_id AS bootId FROM attempts a JOIN requests r ON r.id = a.request_id
  WHERE a.step_id = ? ORDER BY a.request_id DESC LIMIT 1`;

type SentClock = NonNullable<Step["sentClock"]>;

interface RawSubmission
  extends Omit<SubmissionRow, "content" | "planned" | "error" | "steps" | "identityKeys" | "origin"> {
  content: string | null;
  planned: number;
  error: string | null;
  file: string;
  line: number | null;
  keys: string;
}

interface RawStep extends Omit<Step, "content" | "error"> {
  content: string;
  error: string | null;
}

export function parseError(text: string | null): StepError | null {
  return text === null ? null : (JSON.parse(text) as StepError);
}

export function loadKeys(store: Store, id: SubmissionId): IdentityKey[] {
  return keysOf(store.one<{ keys: string }>(KEYS, id)?.keys ?? "[]");
}

export const keysOf = (text: string): IdentityKey[] => JSON.parse(text) as IdentityKey[];

/** Each key once, as the column has them. */
export function keysText(keys: readonly IdentityKey[]): string {
  return JSON.stringify(keys.length < 2 ? keys : [...new Set(keys)]);
}

/** Triggers take it out of where it was found by its old keys, and put it there by these. */
export function saveKeys(store: Store, id: SubmissionId, keys: readonly IdentityKey[]): void {
  store.run(SAVE_KEYS, keysText(keys), id);
}

/** The chain's steps in order, without those that a later plan dropped. */
export function loadSteps(store: Store, id: SubmissionId): Step[] {
  return store.all<RawStep>(STEPS, id).map(({ content, error, ...step }) => ({
    ...step,
    content: JSON.parse(content) as StepContent,
    error: parseError(error),
    ...(step.state === "uncertain" ? { sentClock: store.one<SentClock>(SENT_CLOCK, step.id) ?? null } : {}),
  }));
}

export function loadSubmission(store: Store, id: SubmissionId): SubmissionRow | null {
  const row = store.one<RawSubmission>(SUBMISSION, id);
  if (row === undefined) return null;
  const { content, planned, error, file, line, keys, ...rest } = row;
  return {
    ...rest,
    content: content === null ? null : (JSON.parse(content) as SubmissionContent),
    planned: planned === 1,
    error: parseError(error),
    identityKeys: keysOf(keys),
    steps: loadSteps(store, id),
    origin: { file, line },
  };
}
