import { ALERT_KINDS, type AlertKind, type Condition } from "../domain/alert.ts";
import type { Clock } from "../domain/clock.ts";
import type { AlertMessage } from "../ledger/alerts.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { type Channel, type ChannelDeps, sendNotice } from "./channels.ts";
import { conditionsOf } from "./conditions.ts";
import { loadFacts, type Surroundings } from "./facts.ts";
import { noticeOf } from "./notice.ts";

export interface NotifierDeps extends ChannelDeps {
  ledger: Ledger;
  clock: Clock;
  host: string;
  channels: readonly Channel[];
}

/** A message that is being sent is nobody else's for so long: longer than any channel may take. */
const LEASE_MS = 60_000;
/** Then a channel that never took a message is given up on. */
const TRIED_FOR_MS = 24 * 3_600_000;

/**
 * Looks at everything and writes down what changed, with whom to tell. `only`: kinds that are judged now, where the rest can't
 * be yet. Gives what needs a person.
 */
export async function look(
  deps: Pick<NotifierDeps, "ledger" | "channels">,
  around: Surroundings,
  only?: readonly AlertKind[],
): Promise<Condition[]> {
  const facts = await loadFacts(deps.ledger, around);
  const conditions = conditionsOf(facts);
  const unjudged = new Set(only === undefined ? [] : ALERT_KINDS.filter((kind) => !only.includes(kind)));
  if (facts.freeBytes === null) unjudged.add("disk");
  // How the run that is at work will end nobody knows.
  if (facts.lastRun?.state === "working") unjudged.add("noRun").add("run");
  await deps.ledger.recordAlerts({
    nowMs: around.now.wallMs,
    conditions,
    unjudged: [...unjudged],
    channels: deps.channels.map(({ name }) => name),
  });
  return conditions;
}

/**
 * Tells each channel what it is still to be told, in one message, all channels at once. Gives what went wrong, for people. What
 * a channel did not take is tried again by the next run, for a day.
 */
export async function deliver(deps: NotifierDeps): Promise<string[]> {
  const { ledger, clock, channels } = deps;
  const nowMs = clock.wallMs();
  const names = channels.map(({ name }) => name);
  const leased = await ledger.leaseAlertMessages(names, nowMs, nowMs + LEASE_MS, nowMs - TRIED_FOR_MS);
  const given = leased.givenUp.flatMap(({ channel, count }) => {
    const label = channels.find(({ name }) => name === channel)?.label;
    return label === undefined ? [] : [`${label} took no alerts for a day: ${count} of them were given up`];
  });
  if (leased.messages.length === 0) return given;
  const account = (await ledger.account())?.name ?? null;
  const told = channels.map((channel) =>
    tell(
      channel,
      leased.messages.filter((message) => message.channel === channel.name),
      account,
      deps,
    ),
  );
  return [...given, ...(await Promise.all(told)).filter((trouble) => trouble !== null)];
}

async function tell(
  channel: Channel,
  messages: AlertMessage[],
  account: string | null,
  deps: NotifierDeps,
): Promise<string | null> {
  if (messages.length === 0) return null;
  const notice = noticeOf(messages, { host: deps.host, account, nowMs: deps.clock.wallMs() });
  const trouble = await sendNotice(channel, notice, deps);
  await deps.ledger.recordAlertMessages(messages, trouble === null, deps.clock.wallMs());
  return trouble === null ? null : `${channel.label} did not take the alerts (${trouble}); the next run tries again`;
}
