import { endsRun, type HoldKind } from "../domain/hold.ts";
import type { HoldRow } from "../ledger/rows.ts";
import { dealCap } from "./deal-cap.ts";
import type { Facts } from "./facts.ts";
import type { Finding } from "./finding.ts";
import { HOLD_WORDS, scopeWords } from "./hold-words.ts";
import { counted, percent } from "./words.ts";

/** Nothing ends these but a person: nobody gains by waiting. */
const AT_ONCE = new Set<HoldKind>(["blocked", "staleLedger"]);
/** Somebody did it on purpose, and is told when it looks forgotten. */
const PAUSED_MS = 24 * 3_600_000;
/** They end by themselves, or were made by hand. */
const NEVER_CRITICAL = new Set<HoldKind>(["paused", "dailyQuota", "burst"]);
const BURST_LEFT_MIN = 0.2;
/** Fewer requests make no rate. */
const REQUESTS_MIN = 20;

export function crmConditions(facts: Facts): Finding[] {
  return [
    ...facts.holds.flatMap(held),
    ...quota(facts),
    ...burst(facts),
    ...retries(facts),
    ...dealCap(facts),
    ...echoes(facts),
    ...names(facts),
  ];
}

function held({ kind, scope, openedAtMs }: HoldRow): Finding[] {
  // `dealCap` tells of it, with what is known of the count.
  if (kind === "planCap" && scope === "group:deals") return [];
  const { message, hint } = HOLD_WORDS[kind];
  const critical = endsRun({ scope }) && !NEVER_CRITICAL.has(kind);
  return [
    {
      kind: kind === "credentials" ? "credentials" : "hold",
      subject: `${kind} ${scope}`,
      level: critical ? "critical" : "warning",
      rank: 0,
      message: message(scopeWords(scope)),
      hint,
      sinceMs: openedAtMs,
      ...(AT_ONCE.has(kind) && { lastsMs: 0 }),
      ...(kind === "paused" && { lastsMs: PAUSED_MS }),
    },
  ];
}

function quota({ dayUsed, settings }: Facts): Finding[] {
  if (dayUsed === null) return [];
  const passed = settings.quota.filter((part) => dayUsed >= part).length;
  if (passed === 0) return [];
  const isLast = passed === settings.quota.length;
  return [
    {
      kind: "quota",
      subject: "daily",
      level: isLast && passed > 1 ? "critical" : "warning",
      rank: passed - 1,
      message: `${percent(dayUsed)} of the company's API budget of the day is used, by us and others`,
      hint: "crmledger status shows who used it; what is left over waits for the next day",
    },
  ];
}

function burst({ burstLeft }: Facts): Finding[] {
  if (burstLeft === null || burstLeft >= BURST_LEFT_MIN) return [];
  return [
    {
      kind: "burst",
      subject: "burst",
      level: "warning",
      rank: 0,
      message: `other tools leave us ${percent(burstLeft)} of the requests that this token may make at a time`,
      hint: "give crmledger a token of its own, or slow the other tools down",
    },
  ];
}

function retries({ ledger, settings }: Facts): Finding[] {
  const { total, again } = ledger.requests;
  if (total < REQUESTS_MIN || again / total <= settings.retryRate) return [];
  return [
    {
      kind: "retryRate",
      subject: "requests",
      level: "warning",
      rank: 0,
      message: `${percent(again / total)} of the last ${counted(total, "request")} to the CRM must be made again`,
      hint: "nothing is lost; look at the CRM's status page, and at crmledger show ID for what it answers",
    },
  ];
}

function echoes({ ledger }: Facts): Finding[] {
  return ledger.echoes.map(
    ({ entity, field, finding, count }): Finding => ({
      kind: "fieldEcho",
      subject: `${entity} ${field} ${finding}`,
      level: "warning",
      rank: 0,
      message: `the CRM ${finding === "coerced" ? "changed" : finding} values of the ${entity} field ${field} (${counted(count, "time")} so far)`,
      hint: "look at the field's type and length at the CRM, and at the map",
    }),
  );
}

function names({ changedNames }: Facts): Finding[] {
  return changedNames.map(({ subject, what, change, uses, waiting, sinceMs }): Finding => {
    const users = [...uses.slice(0, 1), ...(waiting > 0 ? [counted(waiting, "waiting submission")] : [])];
    const use = users.length > 1 || waiting > 1 ? "use" : "uses";
    return {
      kind: "crmNames",
      subject,
      level: "warning",
      rank: 0,
      message: `at the CRM the ${what} that ${users.join(" and ")} ${use} ${CHANGES[change] ?? "was changed"}`,
      hint: "crmledger doctor says what it is called now, and which line of the config to change",
      sinceMs,
    };
  });
}

const CHANGES: Readonly<Record<string, string>> = {
  renamed: "was renamed",
  removed: "is not shown to this token any more",
  retyped: "was given another type",
  required: "was made required",
};
