import { localTimeOf } from "./human.ts";
import { whatText } from "./reconcile-words.ts";
import { type RetrySampleDocument, sampleLine } from "./retry-sample-words.ts";
import { safeLine, safeText } from "./safe-text.ts";
import type { Style } from "./style.ts";
import { type HoldDocument, holdText } from "./sync-summary.ts";
import { pairs } from "./table.ts";

export interface AttemptDocument {
  /** RFC 3339. */
  at: string;
  method: string;
  path: string;
  status: number | null;
  tokens: number;
  latencyMs: number | null;
  outcome: string | null;
  error: string | null;
}

export interface StepDocument {
  step: string;
  state: string;
  action: string | null;
  crmId: string | null;
  link: string | null;
  explanation: string | null;
  error: string | null;
  attempts: AttemptDocument[];
}

/** The document of `show --json`. */
export interface StoryDocument {
  submission: {
    /** In the ledger, in the log and in traces. */
    number: number;
    source: string;
    key: string;
    state: string;
    lane: string;
    submittedAt: string;
    receivedAt: string;
    dueAt: string | null;
    failedAt: string | null;
    doneAt: string | null;
    attempts: number;
    /** `SOURCE/KEY` of the first version, of a revision. */
    revises: string | null;
    /** The versions that came after this one. */
    revisedBy: string[];
    origin: { file: string; line: number | null };
    error: { code: string; message: string; hint: string | null } | null;
    content: unknown;
    raw: unknown;
  };
  steps: StepDocument[];
  lookups: AttemptDocument[];
  waits: { at: string; kind: string; until: string | null; detail: string }[];
  /** The retry's sample that it waits for, or that it is itself; null: neither. */
  sample: RetrySampleDocument | null;
  /** The id of its OpenTelemetry trace; null where this ledger never had traces. */
  trace: string | null;
  /** Open holds that keep it back. */
  holds: HoldDocument[];
  /** Quiet hours that it waits for; null: none now. */
  quiet: { scope: string; until: string } | null;
  /** Earlier versions, oldest first; `by` is the user of this machine who replaced them, null: the program. `raw` where it was replaced too. */
  replaced: { at: string; by: string | null; content: unknown; raw: unknown }[];
  /** What the last checks found of it and is open or accepted. */
  discrepancies: StoryDiscrepancy[];
}

export interface StoryDiscrepancy {
  id: string;
  class: "break" | "edit";
  kind: string;
  state: string;
  crm: { type: string; id: string } | null;
  message: string;
  expected: unknown;
  actual: unknown;
  repair: string | null;
  repairs: number;
  why: string | null;
}

/** One submission's story: what it is, each step with its CRM record, and what happened in order. */
export function renderStory(story: StoryDocument, style: Style): string {
  const { submission } = story;
  const parts = [style.bold(safeLine(`${submission.source}/${submission.key}`)), factsText(story, style)];
  if (story.steps.length > 0) parts.push(story.steps.map((step) => stepText(step, style)).join("\n"));
  if (story.discrepancies.length > 0) {
    const lines = story.discrepancies.map((each) => discrepancyText(each, style));
    parts.push(`${style.bold("What reconcile found")}\n${lines.join("\n")}`);
  }
  const events = timeline(story);
  if (events.length > 0) parts.push(`${style.bold("What happened")}\n${events.join("\n")}`);
  parts.push(`${style.bold("Content")}\n${contentText(submission.content)}`);
  for (const { at, by, content, raw } of story.replaced.slice(-REPLACED_SHOWN)) {
    const who = by === null ? "" : ` by ${safeLine(by)}`;
    parts.push(`${style.bold(`Until ${localTimeOf(at)}, replaced${who}`)}\n${contentText(raw ?? content)}`);
  }
  return `${parts.join("\n\n")}\n`;
}

/** Of many earlier versions the newest; the document has them all. */
const REPLACED_SHOWN = 3;

function contentText(content: unknown): string {
  if (content === null || content === undefined) return "erased";
  const digits = (_: string, value: unknown) => (typeof value === "bigint" ? String(value) : value);
  return safeText(JSON.stringify(content, digits, 2));
}

function factsText({ submission, holds, quiet, sample, trace }: StoryDocument, style: Style): string {
  const { file, line } = submission.origin;
  const rows: [string, string][] = [
    ["state", stateText(submission, style)],
    ["lane", submission.lane],
    ["submitted", localTimeOf(submission.submittedAt)],
    [
      "received",
      `${localTimeOf(submission.receivedAt)} from ${safeLine(file)}${line === null ? "" : `, line ${line}`}`,
    ],
  ];
  if (submission.revises !== null) rows.push(["revises", safeLine(submission.revises)]);
  if (submission.revisedBy.length > 0) rows.push(["revised by", safeLine(submission.revisedBy.join(", "))]);
  if (submission.doneAt !== null) rows.push(["done", localTimeOf(submission.doneAt)]);
  if (submission.failedAt !== null) rows.push(["failed", localTimeOf(submission.failedAt)]);
  if (submission.dueAt !== null) rows.push(["due", localTimeOf(submission.dueAt)]);
  if (submission.error !== null) {
    rows.push(["error", safeLine(`${submission.error.code}: ${submission.error.message}`)]);
    if (submission.error.hint !== null) rows.push(["fix", safeLine(submission.error.hint)]);
  }
  if (sample !== null) rows.push(["sample", style.yellow(sampleLine(sample))]);
  if (quiet !== null)
    rows.push(["waits for", `the end of quiet hours of ${safeLine(quiet.scope)}, ${localTimeOf(quiet.until)}`]);
  if (trace !== null) rows.push(["trace", trace]);
  for (const hold of holds) rows.push(["on hold", style.yellow(holdText(hold))]);
  return pairs(rows, style);
}

function stateText({ state }: StoryDocument["submission"], style: Style): string {
  if (state === "done") return style.green(state);
  return state === "failed" ? style.red(state) : state;
}

function stepText(step: StepDocument, style: Style): string {
  const record = step.crmId === null ? "" : `  ${step.action ?? "in the CRM"} ${step.crmId}`;
  const link = step.link === null ? "" : `  ${style.cyan(step.link)}`;
  const lines = [`${style.bold(step.step.padEnd(12))}  ${step.state}${safeLine(record)}${link}`];
  if (step.explanation) lines.push(`              ${style.dim(safeLine(step.explanation))}`);
  if (step.error !== null) lines.push(`              ${style.red(safeLine(step.error))}`);
  return lines.join("\n");
}

function discrepancyText(each: StoryDiscrepancy, style: Style): string {
  const { id, kind, state, crm, why } = each;
  const record = crm === null ? "" : `  ${crm.type} ${crm.id}`;
  const accepted = state === "accepted" ? `  accepted: ${why ?? ""}` : "";
  const head = `${each.class === "break" ? style.red(kind) : style.yellow(kind)}`;
  return `${head}  ${safeLine(`ID ${id}${record}  ${whatText(each)}${accepted}`)}`;
}

/** What people did with it stands among its waits. */
const DECISIONS = new Set(["repair", "requeued", "dropped", "replaced", "mapped", "late", "echo", "sample"]);

function timeline(story: StoryDocument): string[] {
  const attempts = [
    ...story.steps.flatMap((step) => step.attempts.map((attempt) => ({ who: step.step, attempt }))),
    ...story.lookups.map((attempt) => ({ who: "look-up", attempt })),
  ].map(({ who, attempt }) => ({ at: attempt.at, text: `${who}: ${attemptText(attempt)}` }));
  const waits = story.waits.map((wait) => ({
    at: wait.at,
    text: `${DECISIONS.has(wait.kind) ? wait.kind : `waits (${wait.kind})`}${wait.until === null ? "" : ` until ${localTimeOf(wait.until)}`}: ${wait.detail}`,
  }));
  return [...attempts, ...waits]
    .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
    .map(({ at, text }) => `${localTimeOf(at)}  ${safeLine(text)}`);
}

function attemptText(attempt: AttemptDocument): string {
  const answer = attempt.status === null ? "no answer" : String(attempt.status);
  const time = attempt.latencyMs === null ? "" : ` in ${Math.round(attempt.latencyMs)} ms`;
  const error = attempt.error === null ? "" : `: ${attempt.error}`;
  return `${attempt.method} ${attempt.path} -> ${answer}${time}, ${attempt.outcome ?? "not closed"}, ${attempt.tokens} tokens${error}`;
}
