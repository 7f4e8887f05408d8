import { count, counted, span } from "./human.ts";
import { safeLine, shorten } from "./safe-text.ts";
import type { Style } from "./style.ts";
import { type Column, table } from "./table.ts";

/** The `plan` of `sync --dry-run --json`. */
export interface PlanDocument {
  submissions: number;
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

export function renderPlan(plan: PlanDocument, style: Style): string {
  const tokens = range(plan.tokensMin, plan.tokensMax);
  const lines = [
    style.bold(
      `Would send ${counted(plan.submissions, "submission")}: about ${counted(plan.requests, "request")}, ${tokens} tokens, ${span(plan.seconds * 1000)}.`,
    ),
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
  const head = `${style.cyan(name)}  ${write.step}: ${write.action} ${safeLine(write.target)}`;
  const fields = Object.entries(write.fields).map(([field, value]) => `    ${safeLine(field)}: ${valueText(value)}`);
  return [head, ...fields];
}

function valueText(value: unknown): string {
  return shorten(safeLine(typeof value === "string" ? value : JSON.stringify(value)), 160);
}

const range = (min: number, max: number): string => (min === max ? count(min) : `${count(min)} to ${count(max)}`);
