import { count, counted, span } from "./human.ts";
import { safeLine, shownLines } from "./safe-text.ts";
import type { Style } from "./style.ts";
import { type Column, table } from "./table.ts";

/** The `plan` of `sync --dry-run --json`. */
export interface PlanDocument {
  submissions: number;
  byLane: Record<string, number>;
  requests: number;
  tokensMin: number;
  tokensMax: number;
  seconds: number;
  why: string[];
  byStep: Record<string, { create: number; update: number; unknown: number; tokensMin: number; tokensMax: number }>;
  writes: {
    source: string;
    key: string;
    step: string;
    action: string;
    target: string;
    fields: Record<string, unknown>;
  }[];
}

const STEP_COLUMNS: Column[] = [
  { title: "STEP" },
  { title: "CREATE", align: "right" },
  { title: "UPDATE", align: "right" },
  { title: "TO BE SEEN", align: "right" },
  { title: "TOKENS", align: "right" },
];
const WRITES_SHOWN = 50;
const VALUE_LINES_SHOWN = 12;

/** `forecast`: when it will be in the CRM, in words; null where nothing is known of that. */
export function renderPlan(plan: PlanDocument, style: Style, forecast: string | null = null): string {
  const tokens = range(plan.tokensMin, plan.tokensMax);
  const lines = [
    style.bold(
      `Would send ${counted(plan.submissions, "submission")}: about ${counted(plan.requests, "request")}, ${tokens} tokens, ${span(plan.seconds * 1000)}.`,
    ),
    ...(forecast === null ? [] : [forecast]),
    ...plan.why.map((reason) => style.dim(safeLine(reason))),
  ];
  const steps = Object.entries(plan.byStep).map(([name, step]) => [
    name,
    step.create,
    step.update,
    step.unknown,
    range(step.tokensMin, step.tokensMax),
  ]);
  if (steps.length > 0) lines.push("", table(STEP_COLUMNS, steps, style));
  for (const write of plan.writes.slice(0, WRITES_SHOWN)) lines.push("", ...writeLines(write, style));
  if (plan.writes.length > WRITES_SHOWN) {
    lines.push("", `and ${count(plan.writes.length - WRITES_SHOWN)} more writes; all of them with --json`);
  }
  return `${lines.join("\n")}\n\nNothing was sent and nothing was written.\n`;
}

function writeLines(write: PlanDocument["writes"][number], style: Style): string[] {
  const name = safeLine(`${write.source}/${write.key}`);
  const action = write.action === "createOrUpdate" ? "create or update" : write.action;
  const head = `${style.cyan(name)}  ${write.step}: ${action} ${safeLine(write.target)}`;
  return [head, ...Object.entries(write.fields).flatMap(([field, value]) => fieldLines(field, value))];
}

/** A text of several lines keeps them, below its field's name. */
function fieldLines(field: string, value: unknown): string[] {
  const isList = Array.isArray(value) && value.every((item) => item === null || typeof item !== "object");
  const text = typeof value === "string" ? value : isList ? value.join(", ") : JSON.stringify(value);
  const lines = shownLines(text, VALUE_LINES_SHOWN, 160);
  const name = `    ${safeLine(field)}:`;
  return lines.length === 1 ? [`${name} ${lines[0]}`] : [name, ...lines.map((line) => `      ${line}`.trimEnd())];
}

const range = (min: number, max: number): string => (min === max ? count(min) : `${count(min)} to ${count(max)}`);
