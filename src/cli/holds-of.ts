import { HELD_BACK_UNTIL_MS, type HoldRow, type Story } from "../ledger/rows.ts";

/** The open holds that stop a submission from being sent, or its chain from going on. */
export function holdsOf({ submission, steps, waits }: Story, holds: readonly HoldRow[]): HoldRow[] {
  const { state, lane, source, dueAtMs } = submission;
  if (!["pending", "waiting", "inProgress", "uncertain"].includes(state)) return [];
  const scopes: string[] = ["account", "credential", `lane:${lane}`, `source:${source}`];
  if (dueAtMs >= HELD_BACK_UNTIL_MS) scopes.push(`backfill:${source}`);
  for (const step of steps) if (step.state !== "done") scopes.push(`group:${step.entity}s`);
  // A look-up that it needs has no step of its own: what it waited for last tells.
  const last = waits.at(-1);
  return holds.filter(({ scope, kind, message }) => {
    return scopes.includes(scope) || (scope.startsWith("group:") && last?.kind === kind && last.detail === message);
  });
}
