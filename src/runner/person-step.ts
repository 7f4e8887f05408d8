/**
 * The person step of a claim: its submissions are one person's, so they share one look-up and one create or update. The
 * create carries the stamp of the first; the others then match it.
 */
import type { EntityValues, Step } from "../domain/chain.ts";
import { crmPersonKey } from "../domain/identity.ts";
import type { CrmRecord, Links, Ref } from "../domain/operation.ts";
import type { Answer, Lookup } from "../mirror/mirror.ts";
import { choosePerson } from "../planner/choose-person.ts";
import { missingLinks } from "../planner/difference.ts";
import { mergePersonContents, sharedDifference } from "../planner/merge-persons.ts";
import { contentInOrder } from "./content-in-order.ts";
import { type DriveContext, freshRecord, planContext } from "./context.ts";
import { lease } from "./lease.ts";
import { amendsNothing, ChainStop, deletedRecord, openStep, stampOfWork, type Work } from "./work.ts";
import type { Target, Writer } from "./writer.ts";

/** Looks again when what was found is gone when it is needed: at most this often. */
const LOOKUPS_MAX = 3;

export function personLookup(works: readonly Work[]): Lookup {
  const keys = works.flatMap((work) => openStep(work, "person")?.content.matchKeys ?? []);
  return { keys: [...new Set(keys)] };
}

/** The person of a claim as far as it is known: for the deals' owner and matching. */
export interface ChainPerson {
  ref: Ref;
  record: CrmRecord | null;
  /** Made by this very claim, so it can have no deals yet. */
  isNew: boolean;
}

/** Writes the open person steps of `works` (at least one). `answer` is the look-up's, made for all of them. */
export async function writePerson(
  context: DriveContext,
  writer: Writer,
  works: readonly Work[],
  organization: Ref | null,
  answer: Answer,
): Promise<ChainPerson> {
  try {
    return await writeShared(context, writer, works, organization, answer);
  } catch (error) {
    const refused = error instanceof ChainStop && error.verdict.type === "failed";
    if (!refused || works.length === 1) throw error;
    // Somebody's value spoils the shared write: alone, only that submission fails.
    let person: ChainPerson | null = null;
    let first: unknown = null;
    for (const work of works) {
      try {
        person = await writeShared(context, writer, [work], organization, await lookAgain(context, [work]));
      } catch (alone) {
        if (!(alone instanceof ChainStop) || alone.verdict.type !== "failed") throw alone;
        work.refused = alone;
        first ??= alone;
      }
    }
    if (!person) throw first;
    return person;
  }
}

async function writeShared(
  context: DriveContext,
  writer: Writer,
  works: readonly Work[],
  organization: Ref | null,
  answer: Answer,
): Promise<ChainPerson> {
  const targets = works.map((work) => ({ work, step: openStep(work, "person")! }));
  const contents = inTime(targets).map(({ step }) => step.content);
  const plan = planContext(context, works[0]!.row.source);
  const merged = mergePersonContents(contents, plan);
  let found = answer;
  for (let looks = 1; ; looks += 1) {
    const choice = choosePerson(merged, found.candidates, plan);
    const explanation = `${choice.explanation} ${found.explanation}`.trim();
    if (!choice.record) return await create(context, writer, targets, merged.values, organization, explanation);
    await lease(context, works[0]!, crmPersonKey(choice.record.id), "this person");
    const matched = await update(context, writer, targets, choice.record, organization, explanation);
    if (matched) return matched;
    await context.mirror.forget("person", choice.record.id);
    if (looks >= LOOKUPS_MAX) throw new ChainStop({ type: "again", error: VANISHING, step: "person" });
    found = await lookAgain(context, works);
  }
}

const VANISHING = {
  code: "CRM_PERSON_VANISHED",
  message: "the persons that were found were gone when they were needed",
};

async function lookAgain(context: DriveContext, works: readonly Work[]): Promise<Answer> {
  const [answer] = await context.mirror.persons([personLookup(works)]);
  return answer!;
}

async function create(
  context: DriveContext,
  writer: Writer,
  targets: Target[],
  values: EntityValues,
  organization: Ref | null,
  explanation: string,
): Promise<ChainPerson> {
  const [first, ...others] = targets;
  const operation = {
    type: "create" as const,
    entity: "person" as const,
    key: first!.step.idempotencyKey,
    values,
    links: organization ? { organization } : {},
    stamp: stampOfWork(first!.work),
  };
  const written = await writer.write({ operation, targets: [first!], action: "create", explanation });
  if (others.length > 0 && "op" in written.ref) await writer.finish();
  const id = first!.step.crmId;
  if (id !== null) match(context, others, id, `Made together with ${first!.work.row.source}/${first!.work.row.key}.`);
  return { ref: id === null ? written.ref : { id }, record: written.record, isNew: true };
}

/** Null where the record is gone. */
async function update(
  context: DriveContext,
  writer: Writer,
  targets: Target[],
  seen: CrmRecord,
  organization: Ref | null,
  explanation: string,
): Promise<ChainPerson | null> {
  const wanted = (record: CrmRecord) => wantedOf(context, targets, record, organization);
  const first = await wanted(seen);
  if (!first.values && !first.links) {
    match(context, targets, seen.id, explanation);
    return { ref: { id: seen.id }, record: seen, isNew: false };
  }
  // People edit meanwhile, and arrays are replaced whole: what is sent is computed from the record as it is now.
  const base = await freshRecord(
    context,
    targets.map(({ work }) => work),
    "person",
    seen.id,
  );
  return base && (await writeOnto(context, writer, targets, base, await wanted(base), explanation));
}

interface Wanted {
  values: EntityValues | null;
  links: Links | null;
}

/** What an update would send, or null in both where the record has it all. */
async function wantedOf(
  context: DriveContext,
  targets: readonly Target[],
  record: CrmRecord,
  organization: Ref | null,
): Promise<Wanted> {
  const plan = planContext(context, targets[0]!.work.row.source);
  const organizationId = organization && "id" in organization ? organization.id : null;
  const contents = await Promise.all(
    inTime(targets).map(({ work, step }) => contentInOrder(context, work, step, record)),
  );
  const links = missingLinks(contents[0]!, record, { organizationId });
  return { values: sharedDifference(contents, record, plan), links };
}

/** By the time of their submission: one whose create was lost goes first, whatever came before it. */
function inTime(targets: readonly Target[]): Target[] {
  const at = ({ work: { row } }: Target): number => row.submittedAtMs;
  return [...targets].sort((a, b) => at(a) - at(b) || a.work.row.id - b.work.row.id);
}

async function writeOnto(
  context: DriveContext,
  writer: Writer,
  targets: Target[],
  base: CrmRecord,
  { values, links }: Wanted,
  explanation: string,
): Promise<ChainPerson> {
  if (!values && !links) {
    match(context, targets, base.id, explanation);
    return { ref: { id: base.id }, record: base, isNew: false };
  }
  const key = targets[0]!.step.idempotencyKey;
  const operation = {
    type: "update" as const,
    entity: "person" as const,
    id: base.id,
    key,
    values: values ?? {},
    links: links ?? {},
    base,
  };
  const written = await writer.write({ operation, targets, action: "update", explanation });
  return { ref: { id: base.id }, record: written.record ?? base, isNew: false };
}

/**
 * The person of the earlier versions, with what this revision changes of it. A merged one is followed; one that people
 * deleted stays deleted.
 */
export async function amendPerson(
  context: DriveContext,
  writer: Writer,
  work: Work,
  organization: Ref | null,
): Promise<ChainPerson> {
  const step = openStep(work, "person")!;
  const { id } = step.content.amends!;
  const targets = [{ work, step }];
  const deal = openStep(work, "deal");
  const needsOwner = deal?.content.ownerFromPerson && !deal.content.amends;
  if (!needsOwner && amendsNothing(step, organization)) {
    match(context, targets, id, `Person ${id} is the one of the version before, and nothing of it changed.`);
    return { ref: { id }, record: null, isNew: false };
  }
  const there = await freshRecord(context, [work], "person", id);
  if (!there) await context.mirror.forget("person", id);
  const record = there ?? (await survivorOf(context, work, step));
  if (!record) throw deletedRecord("person", id);
  await lease(context, work, crmPersonKey(record.id), "this person");
  const why = there ? "" : `; person ${id}, used before, is gone from the CRM`;
  const explanation = `Person ${record.id} is the one of the version before${why}.`;
  const wanted = await wantedOf(context, targets, record, organization);
  return await writeOnto(context, writer, targets, record, wanted, explanation);
}

/** By an e-mail address or match field; a phone number alone may be somebody else's where there was an e-mail address. */
async function survivorOf(context: DriveContext, work: Work, step: Step): Promise<CrmRecord | null> {
  const known = step.content.matchKeys ?? [];
  const hasEmail = known.some((key) => key.startsWith("email:"));
  const matchKeys = hasEmail ? known.filter((key) => !key.startsWith("phone:")) : known;
  const [answer] = await context.mirror.persons([{ keys: matchKeys }]);
  const plan = planContext(context, work.row.source);
  return choosePerson({ ...step.content, matchKeys }, answer!.candidates, plan).record;
}

function match(context: DriveContext, targets: readonly Target[], id: string, explanation: string): void {
  context.wheel.record({
    steps: targets.map(({ work, step }) => ({
      claimId: work.claimId,
      stepId: step.id,
      from: "open" as const,
      to: "done" as const,
      action: "match" as const,
      crmId: id,
      explanation,
    })),
  });
  for (const { step } of targets) Object.assign(step, { state: "done", action: "match", crmId: id });
}
