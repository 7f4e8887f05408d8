/** Submissions of a seed: persons who come again, shared phones, companies, named deals, versions of one record. */
import { emailKey, phoneKey } from "../../src/domain/identity.ts";
import { canonicalJson, sha256 } from "../../src/domain/json.ts";
import type { Lane, SubmissionContent } from "../../src/domain/submission.ts";
import type { IncomingSubmission } from "../../src/ledger/rows.ts";
import { plainPhone } from "../support/drain-rig.ts";
import { type Choices, SOURCES, type Source } from "./choices.ts";
import { type Dice, dice } from "./dice.ts";

export interface Sent {
  source: Source;
  key: string;
  content: SubmissionContent;
  lane: Lane;
  /** On the true clock of the world's start; each its own. */
  submittedAtMs: number;
  targetMs: number;
  /** Of a record that comes again with other content: counted from 1. */
  version: number;
  /** Those of one wave come in at one instant. */
  waveNo: number;
}

/** Waves in the order in which they come in. */
export function workload(choices: Choices, startMs: number): Sent[][] {
  const die = dice(choices.seed, "workload");
  const persons = Math.max(2, Math.round(choices.submissions * (0.3 + 0.6 * die.next())));
  const waves: Sent[][] = Array.from({ length: choices.waves }, () => []);
  const all: Sent[] = [];
  for (let number = 1; number <= choices.submissions; number += 1) {
    const wave = Math.floor(((number - 1) * choices.waves) / choices.submissions);
    const old = all.filter(
      (sent) => sent.source === "events" && all.every((o) => o.key !== sent.key || o.version <= sent.version),
    );
    const again = old.length > 0 && die.chance(0.25) ? die.pick(old) : null;
    const sent = again === null ? fresh(die, number, persons) : nextVersion(die, again, number);
    // Not in the order in which they come in, but never two at one instant.
    sent.submittedAtMs +=
      startMs - 600_000 + number * 1_000 + die.between(0, 999) - (die.chance(0.2) && sent.version === 1 ? 300_500 : 0);
    sent.waveNo = wave;
    all.push(sent);
    waves[wave]!.push(sent);
  }
  return waves;
}

function fresh(die: Dice, number: number, persons: number): Sent {
  const source = die.pick(SOURCES);
  const who = die.between(1, persons);
  const phoneOnly = die.chance(0.1);
  const phone = die.chance(0.35) ? `+3725000${String(die.between(1, 3)).padStart(3, "0")}` : undefined;
  const mail = die.chance(0.2) ? `PERSON${who}@Example.com` : `person${who}@example.com`;
  const person = {
    name: `Person ${who} as of ${number}`,
    ...(phoneOnly
      ? { phone: `+3726000${String(die.between(1, 3)).padStart(3, "0")}` }
      : { email: mail, ...(phone && { phone }) }),
  };
  const notes = Array.from(
    { length: die.pick([0, 1, 1, 2, 3]) },
    (_, index) => `Note ${index + 1} of number ${number}`,
  );
  const withDeal = die.chance(0.85);
  const content: SubmissionContent = {
    person,
    ...(die.chance(0.35) && { organization: { name: `Company ${die.between(1, 3)}` } }),
    ...(withDeal && {
      deal: {
        title: `Deal ${number}`,
        value: number * 1_000,
        currency: "EUR",
        ...(source === "shop" && { key: `order-${die.between(1, 4)}` }),
      },
    }),
    ...((notes.length > 0 || !withDeal) && { notes: notes.length > 0 ? notes : [`Only note of number ${number}`] }),
  };
  return {
    source,
    key: `n${number}`,
    content,
    lane: die.chance(0.75) ? "operational" : "background",
    submittedAtMs: 0,
    targetMs: die.pick([60_000, 900_000, 86_400_000]),
    version: 1,
    waveNo: 0,
  };
}

/** The same record with another value, and perhaps one more note. */
function nextVersion(die: Dice, before: Sent, number: number): Sent {
  const { deal, notes = [] } = before.content;
  const version = before.version + 1;
  const more = die.chance(0.5) ? [`Note of version ${version}, number ${number}`] : [];
  const content: SubmissionContent = {
    ...before.content,
    ...(deal && { deal: { ...deal, value: number * 1_000 } }),
    ...((deal === undefined || more.length > 0 || notes.length > 0) && {
      notes: [...notes, ...(deal === undefined && more.length === 0 ? [`Added in number ${number}`] : more)],
    }),
  };
  return { ...before, content, version, submittedAtMs: 0 };
}

export function incoming(sent: Sent): IncomingSubmission {
  const { content, key, source } = sent;
  const raw = canonicalJson({ key, version: sent.version, ...content });
  const email = content.person?.email?.trim().toLowerCase();
  const phone = content.person?.phone ? plainPhone(content.person.phone) : null;
  return {
    source,
    key,
    rawHash: sha256(`${source}${raw}`),
    contentHash: sha256(canonicalJson(content)),
    raw,
    content,
    lane: sent.lane,
    submittedAtMs: sent.submittedAtMs,
    targetMs: sent.targetMs,
    identityKeys: [...(email ? [emailKey(email)] : []), ...(phone ? [phoneKey(phone)] : [])],
    origin: { file: `${source}.jsonl`, line: 1 },
    history: false,
    ...(source === "events" && { revisions: "update" as const }),
  };
}
