import type { Facts } from "./facts.ts";
import { type Finding, tenfold } from "./finding.ts";
import { silentSince } from "./rhythm.ts";
import { counted, span } from "./words.ts";

const HOUR_MS = 3_600_000;
/** Past this many times its target, waiting is no longer a warning. */
const CRITICAL_FACTOR = 3;
/** A cause is a machine word of ours or of the CRM; what does not look like one may be text of a record. */
const CAUSE = /^[\w.:-]{1,60}$/;

export function queueConditions(facts: Facts): Finding[] {
  return [...failed(facts), ...rejects(facts), ...delays(facts), ...silences(facts), ...drifts(facts)];
}

function failed({ ledger, settings }: Facts): Finding[] {
  const total = ledger.failed.reduce((sum, { count }) => sum + count, 0);
  if (total < settings.failed) return [];
  const causes = new Map<string, { count: number; firstAtMs: number }>();
  for (const { cause, count, firstAtMs } of ledger.failed) {
    const name = CAUSE.test(cause) ? cause : "other";
    const known = causes.get(name) ?? { count: 0, firstAtMs };
    causes.set(name, { count: known.count + count, firstAtMs: Math.min(known.firstAtMs, firstAtMs) });
  }
  return [...causes].map(([cause, { count, firstAtMs }]) => ({
    kind: "failed",
    subject: cause,
    level: count >= 10 * settings.failed ? "critical" : "warning",
    rank: tenfold(count / Math.min(count, settings.failed)),
    message: `${counted(count, "submission")} failed: ${cause}`,
    hint: "crmledger failed names the fix; then crmledger retry-failed",
    sinceMs: firstAtMs,
  }));
}

function rejects({ ledger }: Facts): Finding[] {
  return ledger.rejects.map(({ source, rejected, conflict }) => {
    const parts = [
      rejected > 0 && `${counted(rejected, "record")} rejected`,
      conflict > 0 && `${counted(conflict, "record")} in conflict`,
    ].filter((part) => part !== false);
    return {
      kind: "rejects",
      subject: source,
      level: "warning",
      rank: tenfold(rejected + conflict),
      message: `${source}: ${parts.join(" and ")}`,
      hint: "crmledger rejects shows them; mend and import them again, or take, keep or drop each",
    };
  });
}

/** Quiet hours are time that it was meant to wait. */
function delays({ nowMs, ledger, quietMs }: Facts): Finding[] {
  const awakeMs = (source: string, sinceMs: number) => nowMs - sinceMs - (quietMs?.(source, sinceMs, nowMs) ?? 0);
  const late = ledger.oldest
    .map((one) => ({ ...one, times: awakeMs(one.source, one.submittedAtMs) / one.targetMs }))
    .filter(({ times }) => times > 1)
    .sort((a, b) => b.times - a.times);
  // A source whose target was changed has several for a while: the worst tells.
  const worst = late.filter((one, index) => late.findIndex(({ source }) => source === one.source) === index);
  return worst.map(({ source, submittedAtMs, targetMs, times }) => ({
    kind: "delay",
    subject: source,
    level: times > CRITICAL_FACTOR ? "critical" : "warning",
    rank: times > CRITICAL_FACTOR ? 1 : 0,
    message: `${source}: the oldest submission has waited for ${span(nowMs - submittedAtMs)}; its target is ${span(targetMs)}`,
    hint: "crmledger status says what keeps it back; crmledger show ID tells its story",
    sinceMs: submittedAtMs + targetMs,
  }));
}

/** Silence is measured up to the newest run: what came since nobody has looked for. */
function silences({ ledger }: Facts): Finding[] {
  const lookedAtMs = ledger.runs.startedAtMs[0];
  if (lookedAtMs === undefined) return [];
  return ledger.arrivals.flatMap(({ source, hours }): Finding[] => {
    const last = silentSince(hours, Math.floor(lookedAtMs / HOUR_MS));
    if (last === null) return [];
    const sinceMs = (last + 1) * HOUR_MS;
    return [
      {
        kind: "silent",
        subject: source,
        level: "warning",
        rank: 0,
        message: `${source}: nothing came for ${span(lookedAtMs - sinceMs)}, and at these hours something usually does`,
        hint: "send a test through its form and look whether a file comes into the spool folder",
        sinceMs,
      },
    ];
  });
}

/** Members' names come from records: `status` has them. */
function drifts({ ledger }: Facts): Finding[] {
  return ledger.drifts.map(({ source, drift, members, firstAtMs }) => ({
    kind: "sourceShape",
    subject: `${source} ${drift}`,
    level: "warning",
    rank: tenfold(members),
    message: `${source}: ${counted(members, "member")} of its records ${members === 1 ? "has" : "have"} ${DRIFTED[drift] ?? "changed"}`,
    hint: "crmledger status names them; crmledger check-source FILE shows what the map makes of a record",
    sinceMs: firstAtMs,
  }));
}

const DRIFTED: Readonly<Record<string, string>> = {
  vanished: "vanished",
  retyped: "another type",
  added: "come that no map reads",
};
