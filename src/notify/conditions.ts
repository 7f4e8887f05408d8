import type { AlertKind, Condition } from "../domain/alert.ts";
import { crmConditions } from "./crm-conditions.ts";
import type { Facts } from "./facts.ts";
import { machineConditions } from "./machine-conditions.ts";
import { queueConditions } from "./queue-conditions.ts";

const MINUTE_MS = 60_000;

/** Rates go up and down: they must last, or be gone, for a while. What people mend is over at once. */
const DAMPING: Readonly<Record<AlertKind, Pick<Condition, "lastsMs" | "quietMs" | "recovers">>> = {
  failed: { lastsMs: 0, quietMs: 0, recovers: true },
  rejects: { lastsMs: 0, quietMs: 0, recovers: true },
  delay: { lastsMs: 0, quietMs: 5 * MINUTE_MS, recovers: true },
  hold: { lastsMs: 5 * MINUTE_MS, quietMs: 5 * MINUTE_MS, recovers: true },
  credentials: { lastsMs: 0, quietMs: 0, recovers: true },
  quota: { lastsMs: 0, quietMs: 10 * MINUTE_MS, recovers: true },
  burst: { lastsMs: 10 * MINUTE_MS, quietMs: 10 * MINUTE_MS, recovers: true },
  retryRate: { lastsMs: 0, quietMs: 10 * MINUTE_MS, recovers: true },
  planCap: { lastsMs: 0, quietMs: 0, recovers: true },
  silent: { lastsMs: 0, quietMs: 0, recovers: true },
  noRun: { lastsMs: 0, quietMs: 0, recovers: true },
  run: { lastsMs: 0, quietMs: 0, recovers: true },
  breaks: { lastsMs: 0, quietMs: 0, recovers: true },
  disk: { lastsMs: 0, quietMs: 10 * MINUTE_MS, recovers: true },
  fieldEcho: { lastsMs: 0, quietMs: 0, recovers: false },
  crmNames: { lastsMs: 0, quietMs: 0, recovers: true },
  sourceShape: { lastsMs: 0, quietMs: 0, recovers: true },
  spool: { lastsMs: 0, quietMs: 0, recovers: true },
};

/**
 * Everything of the facts that needs a person, the worst first. Pure: `status`, `status --check` and the messages come from
 * this one function. Subjects and messages hold names of the set-up, machine words and counts: nothing that a record or the
 * CRM wrote.
 */
export function conditionsOf(facts: Facts): Condition[] {
  const findings = [...queueConditions(facts), ...crmConditions(facts), ...machineConditions(facts)];
  return findings
    .map(({ sinceMs = null, lastsMs, ...finding }) => {
      const damping = DAMPING[finding.kind];
      return { ...finding, sinceMs, ...damping, lastsMs: lastsMs ?? damping.lastsMs };
    })
    .sort((a, b) => Number(b.level === "critical") - Number(a.level === "critical"));
}
