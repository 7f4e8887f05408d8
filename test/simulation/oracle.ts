/** Holds what the CRM really did, by its own log, against what was sent in. The ledger is asked for one thing: what it calls done. */
import { normalizeEmail, organizationKey } from "../../src/domain/identity.ts";
import { stampOf } from "../../src/domain/stamp.ts";
import type { LogEntry } from "../../src/simulator/log.ts";
import type { Sent } from "./workload.ts";
import type { World } from "./world.ts";

/** A record that the API made. */
interface Made {
  entry: LogEntry;
  /** `deal website/n1`, `note website/n1 2`. */
  name: string;
}

const partOf = (entry: LogEntry): string =>
  /\((\d+)\/\d+\)\s*(?:<[^>]*>\s*)*$/.exec(String(entry.body.content ?? ""))?.[1] ?? "1";

function madeBy(world: World): Made[] {
  return world.simulator.log
    .filter(({ action, via }) => action === "create" && via === "api")
    .map((entry) => ({
      entry,
      name: entry.entity === "note" ? `note ${entry.stamp} ${partOf(entry)}` : `${entry.entity} ${entry.stamp}`,
    }));
}

/** What is done by the ledger's word and not at the CRM by the CRM's. */
export function lost(world: World, done: ReadonlySet<string>): string[] {
  const made = madeBy(world);
  const names = new Set(made.map(({ name }) => name));
  const texts = made.filter(({ entry }) => entry.entity === "note").map(({ entry }) => String(entry.body.content));
  const people = world.simulator.log
    .filter(({ entity }) => entity === "person")
    .map(({ body }) => JSON.stringify(body).toLowerCase());
  const found: string[] = [];
  for (const sent of newest(world.given)) {
    const stamp = stampOf(sent.source, sent.key);
    if (!done.has(stamp)) continue;
    if (sent.content.deal && !hasDeal(world, sent, names)) found.push(`${stamp} deal`);
    for (const note of sent.content.notes ?? []) {
      if (!texts.some((text) => text.startsWith(note))) found.push(`${stamp} "${note}"`);
    }
    const { email, phone } = sent.content.person ?? {};
    const who = (email ? normalizeEmail(email) : null) ?? phone;
    if (who && !people.some((body) => body.includes(who))) found.push(`${stamp} person ${who}`);
  }
  return found;
}

/** Under a key, or of a person, one deal serves several submissions. */
function hasDeal({ choices, given }: World, sent: Sent, names: ReadonlySet<string>): boolean {
  const { match } = (choices.settings.plans[sent.source] ?? choices.settings.plans.default!).deals;
  const sharing = given.filter((other) => {
    if (match === "submission") return other.source === sent.source && other.key === sent.key;
    if (match === "key") return other.content.deal?.key === sent.content.deal?.key;
    return other.content.deal !== undefined;
  });
  return sharing.some(({ source, key }) => names.has(`deal ${stampOf(source, key)}`));
}

/** Of a record that came in several versions the last one. */
export function newest(given: readonly Sent[]): Sent[] {
  return given.filter(
    (sent) => !given.some((o) => o.source === sent.source && o.key === sent.key && o.version > sent.version),
  );
}

/** What was made more than once, and not because people took the first away or changed whose it is. */
export function twice(world: World): string[] {
  const made = madeBy(world);
  const found = repeated(made.map(({ name }) => name).filter((name) => !/ null( |$)/.test(name)));
  const nameless = made.filter(({ entry }) => entry.entity === "note" && entry.stamp === null);
  // On a person alone it is found by that person, who is another one once people merged them.
  const merged = world.simulator.log.some((entry) => entry.entity === "person" && entry.action === "merge");
  // Likewise on a deal that they merged into another one, where its notes then are.
  const mergedDeals = world.simulator.log.filter((entry) => entry.entity === "deal" && entry.action === "merge");
  const isMoved = ({ body }: LogEntry): boolean => mergedDeals.some(({ id }) => id === body.deal_id);
  const placed = nameless.filter(({ entry }) => (!merged || entry.body.deal_id != null) && !isMoved(entry));
  found.push(...repeated(placed.map(({ entry }) => `note "${entry.body.content}"`)));
  const persons = made.filter(({ entry }) => entry.entity === "person").map(({ entry }) => entry.body);
  const emails = persons.flatMap((body) => contacts(body.emails).map((email) => email.toLowerCase()));
  found.push(
    ...repeated(emails)
      .filter((name) => !world.deeds.emails.has(name.split(" ")[0]!))
      .map((name) => `person ${name}`),
  );
  const phones = persons.filter((body) => contacts(body.emails).length === 0).flatMap((body) => contacts(body.phones));
  if (!peopleTouched(world, "person")) found.push(...repeated(phones).map((name) => `person ${name}`));
  const companies = made
    .filter(({ entry }) => entry.entity === "organization")
    .map(({ entry }) => organizationKey(String(entry.body.name)));
  if (!peopleTouched(world, "organization")) found.push(...repeated(companies));
  const keyed = made.filter(({ entry }) => entry.entity === "deal").flatMap(({ entry }) => dealKeyOf(world, entry));
  if (!peopleTouched(world, "deal")) found.push(...repeated(keyed));
  return found;
}

function dealKeyOf({ choices, given }: World, { stamp }: LogEntry): string[] {
  if (choices.settings.plans.shop!.deals.match !== "key") return [];
  const sent = given.find(({ source, key }) => stampOf(source, key) === stamp);
  const key = sent?.source === "shop" ? sent.content.deal?.key : undefined;
  return key === undefined ? [] : [`deal of key ${key}`];
}

const contacts = (value: unknown): string[] =>
  ((value as { value: string }[] | undefined) ?? []).map((each) => each.value);

function repeated(names: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].filter(([, count]) => count > 1).map(([name, count]) => `${name} x${count}`);
}

/** Deleted, merged or renamed ones are looked for in vain, and then made anew. */
function peopleTouched({ simulator }: World, entity: string): boolean {
  return simulator.log.some((entry) => entry.via === "person" && entry.entity === entity);
}

/**
 * Persons whose name is not the one that the rule of order gives them: what a submission with a later `submittedAt` wrote stays. Only
 * of those that nobody else touched and that one source writes.
 */
export function outOfOrder(world: World, done: ReadonlySet<string>): string[] {
  const found: string[] = [];
  const { persons } = world.simulator.records;
  const byEmail = new Map<string, Sent[]>();
  for (const sent of world.given) {
    const email = sent.content.person?.email?.toLowerCase();
    if (email) byEmail.set(email, [...(byEmail.get(email) ?? []), sent]);
  }
  for (const [email, all] of byEmail) {
    // People took the person that had it away, or gave it another address: the next one is somebody new.
    if (world.deeds.emails.has(email)) continue;
    // What another lane sent and got no answer to yet counts as people's.
    if (new Set(all.map(({ lane }) => lane)).size > 1) continue;
    if (all.some((sent) => sent.source !== "desk" || !done.has(stampOf(sent.source, sent.key)))) continue;
    const [person, ...others] = persons.filter((each) =>
      each.emails.some(({ value }) => value.toLowerCase() === email),
    );
    if (person === undefined || others.length > 0 || person.is_deleted) continue;
    if (world.simulator.log.some(({ entity, id, via }) => entity === "person" && id === person.id && via !== "api"))
      continue;
    const last = [...all].sort((a, b) => b.submittedAtMs - a.submittedAtMs)[0]!;
    if (person.name !== last.content.person?.name)
      found.push(`${email} is called ${person.name}, not ${last.content.person?.name}`);
  }
  return found;
}

/** Deals of records that came in versions, whose value is not the newest one's. A person's open deal is other submissions' too. */
export function oldVersions(world: World, done: ReadonlySet<string>): string[] {
  if (world.choices.settings.plans.shop!.deals.match === "openDealOfPerson") return [];
  const { deals } = world.simulator.records;
  const changed = new Set(
    world.simulator.log.filter(({ entity, via }) => entity === "deal" && via !== "api").map(({ id }) => id),
  );
  return newest(world.given)
    .filter((sent) => sent.source === "events" && sent.content.deal && done.has(stampOf(sent.source, sent.key)))
    .flatMap((sent) => {
      const stamp = stampOf(sent.source, sent.key);
      const id = world.simulator.log.find(
        (entry) => entry.entity === "deal" && entry.stamp === stamp && entry.action === "create",
      )?.id;
      const deal = deals.find((each) => each.id === id);
      if (deal === undefined || deal.is_deleted || changed.has(deal.id)) return [];
      return deal.value === sent.content.deal!.value
        ? []
        : [`deal ${deal.id} of ${stamp}: ${deal.value}, not ${sent.content.deal!.value}`];
    });
}

/** Where nothing went wrong: deals of one person in one lane that were sent in another order than that of the submissions. */
export function overtaken({ choices, given, tap, counts }: World): string[] {
  // A source that people hold lets others pass, also those of the same person.
  const troubles = ["death", "pause", "held", "signal", "by hand"];
  const trouble = Object.keys(choices.faults).length > 0 || troubles.some((what) => counts[what]);
  if (trouble) return [];
  const sentAt = ({ source, key }: Sent): number | undefined => tap.firstSent.get(`${source}/${key}#deal`);
  // A later version that takes its record's place takes its own time along.
  const first = given.filter(
    ({ source, content }) => content.person?.email && source !== "shop" && source !== "events",
  );
  return first.flatMap((sent) =>
    first
      .filter((o) => o.waveNo === sent.waveNo && o.lane === sent.lane && o.submittedAtMs < sent.submittedAtMs)
      .filter((o) => o.content.person!.email!.toLowerCase() === sent.content.person!.email!.toLowerCase())
      .filter((o) => (sentAt(o) ?? 0) > (sentAt(sent) ?? Number.POSITIVE_INFINITY))
      .map((o) => `${sent.source}/${sent.key} was sent before ${o.source}/${o.key}`),
  );
}
