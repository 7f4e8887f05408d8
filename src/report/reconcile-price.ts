import { count, counted } from "./human.ts";
import type { Style } from "./style.ts";

/** The document of `reconcile --dry-run`. */
export interface ReconcilePrice {
  dryRun: true;
  check: {
    entities: { entity: string; way: "walk" | "changed" | "none"; records: number; requests: number; tokens: number }[];
    requests: number;
    tokens: number;
  };
  repairs: {
    wish: string;
    repairs: { id: string; kind: string; repair: string; what: string; tokens: number }[];
    tokens: number;
    unknown: string[];
  };
}

const WAYS = {
  walk: "every list page",
  changed: "what changed since, and the rest by id",
  none: "nothing of ours in the time asked for",
} as const;

/** What a check will cost, and what the repairs of what is open would. */
export function renderReconcilePrice({ check, repairs }: ReconcilePrice, style: Style): string {
  const lines = [
    style.bold(`A check takes at least ${counted(check.requests, "request")} and ${count(check.tokens)} tokens`),
  ];
  for (const each of check.entities) {
    const name = `${each.entity}s`.padEnd(14);
    lines.push(
      `  ${name}${count(each.records)} of ours: ${WAYS[each.way]}, ${counted(each.requests, "request")}, ${count(each.tokens)} tokens`,
    );
  }
  lines.push("");
  if (repairs.repairs.length === 0) lines.push("Nothing that is open could be repaired this way.");
  else {
    const wish = repairs.wish === "safe" ? "--repair" : `--repair=${repairs.wish}`;
    lines.push(
      `${wish} would queue ${counted(repairs.repairs.length, "repair")}, about ${count(repairs.tokens)} tokens:`,
    );
    for (const { id, kind, what, tokens } of repairs.repairs)
      lines.push(`  ${id}  ${kind}  ${what}  (${count(tokens)} tokens)`);
  }
  for (const id of repairs.unknown) lines.push(`${id} is no open discrepancy that this could mend`);
  return `${lines.join("\n")}\n`;
}
