import type { AlertKind, AlertLevel } from "../domain/alert.ts";
import type { AlertMessage } from "../ledger/alerts.ts";
import { counted, span } from "./words.ts";

/** More than these are counted. */
const SHOWN_MAX = 20;
/** A second wall: no text of an alert is made of what a record holds, and if one ever were, its address would not leave. */
const ADDRESS = /[^\s@<>"'(),;:]+@[^\s@<>"'(),;:]+/g;

/** One event as the JSON of webhooks and commands has it. Instants are RFC 3339 in UTC. */
export interface NoticeAlert {
  event: "opened" | "worse" | "recovered" | "test";
  kind: string;
  subject: string;
  level: AlertLevel;
  message: string;
  hint: string;
  since: string;
  /** Of a recovered one. */
  until: string | null;
  /** How long it has lasted. */
  seconds: number;
  /** Section of the runbook. */
  runbook: string;
}

/** One message: everything that a channel is to be told at a time. */
export interface Notice {
  tool: "crmledger";
  /** The machine, and the CRM's name for the account; null before the first contact. */
  host: string;
  account: string | null;
  sentAt: string;
  /** The worst of those that are not over; `ok` where all are. */
  level: AlertLevel | "ok";
  title: string;
  alerts: NoticeAlert[];
}

export interface Sender {
  host: string;
  account: string | null;
  nowMs: number;
}

/** Of several events of one alert the last one tells. */
export function noticeOf(messages: readonly AlertMessage[], sender: Sender): Notice {
  const latest = new Map(messages.map((message) => [message.alertId, message]));
  const alerts = [...latest.values()].map((message) => alertOf(message, sender.nowMs));
  const open = alerts.filter(({ event }) => event !== "recovered");
  const over = alerts.length - open.length;
  const counts = [open.length > 0 && counted(open.length, "alert"), over > 0 && `${over} over`].filter(Boolean);
  return noticeWith(alerts, counts.join(", "), sender);
}

/** What `doctor --alerts` sends. */
export function testNotice(sender: Sender): Notice {
  const at = new Date(sender.nowMs).toISOString();
  const alert: NoticeAlert = {
    event: "test",
    kind: "test",
    subject: "channels",
    level: "warning",
    message: "this is a test: alerts of crmledger arrive here",
    hint: "nothing needs doing",
    ...{ since: at, until: at, seconds: 0, runbook: "runbook.md" },
  };
  return { ...noticeWith([alert], "a test", sender), level: "ok" };
}

function noticeWith(alerts: NoticeAlert[], what: string, { host, account, nowMs }: Sender): Notice {
  const open = alerts.filter(({ event }) => event !== "recovered");
  const level = open.some((alert) => alert.level === "critical") ? "critical" : open.length > 0 ? "warning" : "ok";
  const place = account === null ? host : `${account}, ${host}`;
  const title = safe(`crmledger (${place}): ${what}`);
  return { tool: "crmledger", host, account, sentAt: new Date(nowMs).toISOString(), level, title, alerts };
}

function alertOf(message: AlertMessage, nowMs: number): NoticeAlert {
  const { event, kind, subject, level, sinceMs, closedAtMs } = message;
  return {
    event,
    kind,
    subject: safe(subject),
    level,
    message: safe(message.message),
    hint: safe(message.hint),
    since: new Date(sinceMs).toISOString(),
    until: closedAtMs === null ? null : new Date(closedAtMs).toISOString(),
    seconds: Math.max(0, Math.round(((closedAtMs ?? nowMs) - sinceMs) / 1000)),
    runbook: `runbook.md#${runbookSection(kind, subject)}`,
  };
}

/** A hold has a section of its own. */
export function runbookSection(kind: AlertKind, subject: string): string {
  const isHold = kind === "hold" || kind === "credentials";
  return (isHold ? `hold-${subject.split(" ")[0]}` : kind).toLowerCase();
}

const safe = (text: string): string => text.replace(/\p{Cc}+/gu, " ").replace(ADDRESS, "[address]");

/** The message as text: a title, then a line and its hint for each alert. `mark` makes every piece fit for the channel. */
export function textOf(
  { title, alerts }: Notice,
  mark: { title(text: string): string; part(text: string): string },
): string {
  const lines = alerts.slice(0, SHOWN_MAX).map((alert) => mark.part(lineOf(alert)));
  const more = alerts.length - lines.length;
  if (more > 0) lines.push(mark.part(`and ${more} more; see: crmledger status`));
  return [mark.title(title), ...lines].join("\n");
}

function lineOf({ event, level, message, hint, seconds, runbook }: NoticeAlert): string {
  const time = span(seconds * 1000);
  if (event === "recovered") return `over: ${message} (lasted ${time})`;
  if (event === "test") return message;
  return `${event === "worse" ? "worse, " : ""}${level}: ${message} (for ${time})\n    ${hint} (docs/${runbook})`;
}
