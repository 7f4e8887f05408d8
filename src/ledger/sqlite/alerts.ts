/** Alerts: opened, worse, over; and who is still to be told. */
import type { AlertEvent, Condition } from "../../domain/alert.ts";
import type { AlertLook, AlertMessage, AlertRow } from "../alerts.ts";
import type { Store } from "./store.ts";

/** What is over is kept for so long. */
const KEPT_MS = 90 * 24 * 3_600_000;
/** Hours of more than ten weeks ago are not looked at. */
const RHYTHM_KEPT_HOURS = 75 * 24;
/** Facts of another process may be this much newer; more is a clock that was put back. */
const OLDER_MS = 60_000;
/** Looks that find nothing are remembered as often. */
const QUIET_MS = 3_600_000;
const LOOKED = "alerts_looked_at_ms";
const CHANNELS = "alert_channels";

interface OpenRow {
  id: number;
  kind: string;
  subject: string;
  rank: number;
  quietMs: number;
  recovers: number;
  seenAtMs: number;
  toldAtMs: number | null;
  goneAtMs: number | null;
}

const OPEN = `
  SELECT id, kind, subject, rank, quiet_ms AS quietMs, recovers, seen_at_ms AS seenAtMs, told_at_ms AS toldAtMs,
    gone_at_ms AS goneAtMs
  FROM alerts WHERE closed_at_ms IS NULL`;

export function alerts(store: Store): AlertRow[] {
  return store.all<AlertRow>(
    `SELECT kind, subject, level, since_ms AS sinceMs, told_at_ms AS toldAtMs FROM alerts
     WHERE closed_at_ms IS NULL ORDER BY since_ms, id`,
  );
}

export function recordAlerts(store: Store, look: AlertLook): void {
  if (isQuiet(store, look)) return;
  store.write(() => {
    if (isOlder(store, look.nowMs)) return;
    const open = new Map(store.all<OpenRow>(OPEN).map((row) => [nameOf(row), row]));
    const unjudged = new Set<string>(look.unjudged);
    tellAdded(store, [...open.values()], look);
    for (const condition of look.conditions) {
      if (unjudged.has(condition.kind)) continue;
      const row = open.get(nameOf(condition));
      open.delete(nameOf(condition));
      if (row === undefined) begin(store, condition, look);
      else goOn(store, row, condition, look);
    }
    for (const row of open.values()) if (!unjudged.has(row.kind)) fade(store, row, look);
    store.run("DELETE FROM alerts WHERE closed_at_ms < ? AND closed_at_ms IS NOT NULL", look.nowMs - KEPT_MS);
    store.run("DELETE FROM rhythm WHERE hour < ?", Math.floor(look.nowMs / 3_600_000) - RHYTHM_KEPT_HOURS);
  });
}

const nameOf = ({ kind, subject }: { kind: string; subject: string }): string => `${kind}\n${subject}`;

const lookedAtMs = (store: Store): number =>
  Number(store.one<{ value: string }>("SELECT value FROM meta WHERE name = ?", LOOKED)?.value ?? 0);

/** Nearly always nothing is the matter and nothing was: then nothing is written, but once an hour. */
function isQuiet(store: Store, { conditions, nowMs }: AlertLook): boolean {
  if (conditions.length > 0 || Math.abs(nowMs - lookedAtMs(store)) > QUIET_MS) return false;
  return store.one("SELECT 1 FROM alerts WHERE closed_at_ms IS NULL LIMIT 1") === undefined;
}

function isOlder(store: Store, nowMs: number): boolean {
  const last = lookedAtMs(store);
  if (nowMs < last && last - nowMs < OLDER_MS) return true;
  store.run(
    "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
    LOOKED,
    String(nowMs),
  );
  return false;
}

/** What began before a channel was there, or while its address was wrong, is told to it as well. */
function tellAdded(store: Store, open: readonly OpenRow[], look: AlertLook): void {
  const channels = addedChannels(store, look.channels);
  const standing = open.filter(({ toldAtMs, goneAtMs }) => toldAtMs !== null && goneAtMs === null);
  for (const { id } of standing) queue(store, id, "opened", { ...look, channels });
}

/** Channels that no look had before. */
function addedChannels(store: Store, channels: readonly string[]): string[] {
  const text = store.one<{ value: string }>("SELECT value FROM meta WHERE name = ?", CHANNELS)?.value;
  const known = text === undefined ? [] : (JSON.parse(text) as string[]);
  const added = channels.filter((channel) => !known.includes(channel));
  if (added.length > 0)
    store.run(
      "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
      CHANNELS,
      JSON.stringify([...known, ...added]),
    );
  return added;
}

const INSERT = `
  INSERT INTO alerts (kind, subject, level, rank, message, hint, quiet_ms, recovers, since_ms, seen_at_ms, told_at_ms)
  VALUES (@kind, @subject, @level, @rank, @message, @hint, @quietMs, @recovers, @sinceMs, @nowMs, @toldAtMs)`;

function begin(store: Store, condition: Condition, look: AlertLook): void {
  const { sinceMs, lastsMs, recovers, ...columns } = condition;
  const since = Math.min(sinceMs ?? look.nowMs, look.nowMs);
  const told = look.nowMs - since >= lastsMs;
  const values = { ...columns, recovers: recovers ? 1 : 0, sinceMs: since, nowMs: look.nowMs };
  const { id } = store.run(INSERT, { ...values, toldAtMs: told ? look.nowMs : null });
  if (told) queue(store, id, "opened", look);
}

function goOn(store: Store, row: OpenRow, condition: Condition, look: AlertLook): void {
  const { level, rank, message, hint, sinceMs, lastsMs, quietMs } = condition;
  const worse = rank > row.rank;
  const told = row.toldAtMs !== null || look.nowMs - (sinceMs ?? row.seenAtMs) >= lastsMs;
  store.run(
    `UPDATE alerts SET message = ?, hint = ?, quiet_ms = ?, gone_at_ms = NULL, told_at_ms = ? WHERE id = ?`,
    message,
    hint,
    quietMs,
    told ? (row.toldAtMs ?? look.nowMs) : null,
    row.id,
  );
  // What has become less bad stays as bad as it was told, so that going up and down is told once.
  if (worse) store.run("UPDATE alerts SET level = ?, rank = ? WHERE id = ?", level, rank, row.id);
  if (told && row.toldAtMs === null) queue(store, row.id, "opened", look);
  else if (told && worse) queue(store, row.id, "worse", look);
}

/** Not seen at this look. */
function fade(store: Store, row: OpenRow, look: AlertLook): void {
  if (row.toldAtMs === null) {
    store.run("DELETE FROM alerts WHERE id = ?", row.id);
    return;
  }
  const goneMs = row.goneAtMs === null ? 0 : look.nowMs - row.goneAtMs;
  const isOver = row.quietMs === 0 || (row.goneAtMs !== null && goneMs >= row.quietMs);
  if (!isOver) {
    store.run("UPDATE alerts SET gone_at_ms = coalesce(gone_at_ms, ?) WHERE id = ?", look.nowMs, row.id);
    return;
  }
  // It was over when it was gone, whenever that could be said.
  store.run(
    "UPDATE alerts SET gone_at_ms = coalesce(gone_at_ms, @nowMs), closed_at_ms = coalesce(gone_at_ms, @nowMs) WHERE id = @id",
    { id: row.id, nowMs: look.nowMs },
  );
  // Who was never told that it began is told of it with its end.
  store.run("DELETE FROM alert_messages WHERE alert_id = ?", row.id);
  if (row.recovers === 1) queue(store, row.id, "recovered", look);
}

const QUEUE = `
  INSERT INTO alert_messages (alert_id, channel, event, queued_at_ms, due_at_ms) VALUES (@id, @channel, @event, @nowMs, @nowMs)
  ON CONFLICT DO UPDATE SET queued_at_ms = excluded.queued_at_ms, due_at_ms = excluded.due_at_ms, tries = 0`;
/** A message tells how things stand when it leaves: one that has not left needs no second one. */
const UNSENT =
  "SELECT 1 FROM alert_messages WHERE alert_id = ? AND channel = ? AND event = 'opened' AND due_at_ms <= ?";

function queue(store: Store, id: number, event: AlertEvent, { channels, nowMs }: AlertLook): void {
  for (const channel of channels) {
    if (event === "worse" && store.one(UNSENT, id, channel, nowMs) !== undefined) continue;
    store.run(QUEUE, { id, channel, event, nowMs });
  }
}

const DUE = `
  SELECT m.alert_id AS alertId, m.channel, m.event, a.kind, a.subject, a.level, a.message, a.hint, a.since_ms AS sinceMs,
    a.closed_at_ms AS closedAtMs, @untilMs AS leaseUntilMs
  FROM alert_messages m JOIN alerts a ON a.id = m.alert_id
  WHERE m.due_at_ms <= @nowMs ORDER BY m.queued_at_ms, m.alert_id`;
const GIVE_UP = `
  DELETE FROM alert_messages
  WHERE queued_at_ms < @queuedSinceMs OR channel NOT IN (SELECT value FROM json_each(@channels)) RETURNING channel`;

export function leaseAlertMessages(
  store: Store,
  channels: readonly string[],
  nowMs: number,
  untilMs: number,
  queuedSinceMs: number,
): { messages: AlertMessage[]; givenUp: { channel: string; count: number }[] } {
  // Nearly always there is nothing, and then nothing is locked.
  if (store.one("SELECT 1 FROM alert_messages LIMIT 1") === undefined) return { messages: [], givenUp: [] };
  return store.write(() => {
    const given = store.all<{ channel: string }>(GIVE_UP, { queuedSinceMs, channels: JSON.stringify(channels) });
    const counts = new Map<string, number>();
    for (const { channel } of given) counts.set(channel, (counts.get(channel) ?? 0) + 1);
    const messages = store.all<AlertMessage>(DUE, { nowMs, untilMs });
    store.run("UPDATE alert_messages SET due_at_ms = ?, tries = tries + 1 WHERE due_at_ms <= ?", untilMs, nowMs);
    return { messages, givenUp: [...counts].map(([channel, count]) => ({ channel, count })) };
  });
}

/** The lease is part of the condition: what was queued anew meanwhile is still to be told. */
const LEASED = "WHERE alert_id = ? AND channel = ? AND event = ? AND due_at_ms = ?";

export function recordAlertMessages(
  store: Store,
  messages: readonly AlertMessage[],
  sent: boolean,
  nowMs: number,
): void {
  store.write(() => {
    for (const { alertId, channel, event, leaseUntilMs } of messages) {
      if (sent) store.run(`DELETE FROM alert_messages ${LEASED}`, alertId, channel, event, leaseUntilMs);
      else store.run(`UPDATE alert_messages SET due_at_ms = ? ${LEASED}`, nowMs, alertId, channel, event, leaseUntilMs);
    }
  });
}
