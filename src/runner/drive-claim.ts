/**
 * Drives one claim: the submissions of one person in one lane, oldest first, from their first open step to the end. What
 * one of them fails on does not stop the others, unless it is the person that they share.
 */
import type { Ref } from "../domain/operation.ts";
import type { Answer } from "../mirror/mirror.ts";
import { groupByPerson } from "../planner/same-person.ts";
import { adoptNotes } from "./adopted-notes.ts";
import { conclude, concludeFor } from "./conclude.ts";
import { type DriveContext, freshRecord } from "./context.ts";
import { writeDeal } from "./deal-step.ts";
import { watchEcho } from "./echo-watch.ts";
import { writeNotes } from "./note-steps.ts";
import { writeOrganization } from "./organization-step.ts";
import { amendPerson, type ChainPerson, personLookup, writePerson } from "./person-step.ts";
import { relink } from "./relink.ts";
import { writeRepairs } from "./repairs.ts";
import { ChainStop, openStep, soughtPerson, stepOf, type Work } from "./work.ts";
import { Writer } from "./writer.ts";

/**
 * `answer` is the person's look-up, null where no work of the claim needs one. Works that share a phone number only may be of
 * several persons: then each person's works are driven in turn, with a look-up of their own that sees the one before.
 */
export async function driveClaim(context: DriveContext, works: readonly Work[], answer: Answer | null): Promise<void> {
  const claimId = works[0]!.claimId;
  const persons = worksByPerson(works);
  for (const own of persons) {
    try {
      const found = persons.length === 1 || answer === null ? answer : await ownAnswer(context, own);
      await drivePerson(context, own, found);
    } catch (error) {
      for (const work of own) if (!work.ended) concludeFor(context, work, error);
    }
  }
  context.wheel.record({ release: [claimId] });
}

function writerOf(context: DriveContext): Writer {
  const { deps, wheel, mirror } = context;
  return new Writer(deps, wheel, mirror, (request, record) => watchEcho(context, request, record));
}

/** Works whose person is known already come first, by themselves. */
function worksByPerson(works: readonly Work[]): Work[][] {
  const sought = works.filter((work) => !work.ended && soughtPerson(work));
  const groups = groupByPerson(sought.map((work) => soughtPerson(work)!.content));
  if (groups.length <= 1) return [[...works]];
  const others = works.filter((work) => !sought.includes(work));
  return [...(others.length > 0 ? [others] : []), ...groups.map((group) => group.map((index) => sought[index]!))];
}

async function ownAnswer(context: DriveContext, works: readonly Work[]): Promise<Answer | null> {
  const open = works.filter((work) => !work.ended && soughtPerson(work));
  if (open.length === 0) return null;
  await context.wheel.committed();
  const [found] = await context.locks.run("mirror", () => context.mirror.persons([personLookup(open)]));
  return found ?? null;
}

async function drivePerson(context: DriveContext, works: readonly Work[], answer: Answer | null): Promise<void> {
  let person = await sharedPerson(context, works, answer);
  for (const work of works) {
    if (work.ended) continue;
    await guarded(context, work, () => driveOne(context, work, person));
    // The first of them may have made the open deal that the next one means.
    if (person) person = { ...person, isNew: false };
  }
}

/** The organization of the first work that has one, then the person for all works with an open person step. */
async function sharedPerson(
  context: DriveContext,
  works: readonly Work[],
  answer: Answer | null,
): Promise<ChainPerson | null> {
  const open = works.filter((work) => !work.ended && soughtPerson(work));
  if (open.length === 0 || !answer) return null;
  const writer = writerOf(context);
  const named = open.find((work) => stepOf(work, "organization")) ?? open[0]!;
  let organization: Ref | null = null;
  try {
    organization = await writeOrganization(context, writer, named);
  } catch (error) {
    // A refused organization fails its own submission; the person's other submissions go on without it.
    if (!(error instanceof ChainStop) || error.verdict.type !== "failed" || open.length === 1) throw error;
    conclude(context, named, error.verdict);
    return await sharedPerson(context, works, answer);
  }
  const person = await writeLinkedPerson(context, writer, { works: open, named, organization }, answer);
  for (const work of open) if (work.refused) conclude(context, work, work.refused.verdict);
  if (!("op" in person.ref)) return person;
  context.writers.set(open[0]!, writer);
  return person;
}

interface Linked {
  works: readonly Work[];
  /** The work that names the organization. */
  named: Work;
  organization: Ref | null;
}

/** The person with its organization; one that is gone meanwhile is found anew first. */
async function writeLinkedPerson(
  context: DriveContext,
  writer: Writer,
  { works, named, organization }: Linked,
  answer: Answer,
): Promise<ChainPerson> {
  try {
    return await writePerson(context, writer, works, organization, answer);
  } catch (error) {
    if (organization === null || !(await relink(context, named, error))) throw error;
    for (const work of works) work.refused = null;
    return await writePerson(context, writer, works, await writeOrganization(context, writer, named), answer);
  }
}

async function driveOne(context: DriveContext, work: Work, shared: ChainPerson | null): Promise<void> {
  const writer = context.writers.get(work) ?? writerOf(context);
  context.writers.delete(work);
  for (let relinks = 0; ; relinks += 1) {
    const organization = await writeOrganization(context, writer, work);
    try {
      const person = openStep(work, "person")?.content.amends
        ? await amendPerson(context, writer, work, organization)
        : await personOf(context, work, shared);
      const deal = await writeDeal(context, writer, work, person, organization);
      await adoptNotes(context, work);
      await writeNotes(writer, work, person, deal);
      await writer.finish();
      break;
    } catch (error) {
      // A refusal of a write that names ids is judged only after those were read: a stale one costs no try.
      if (relinks > 0 || !(await relink(context, work, error))) throw error;
    }
  }
  await writeRepairs(context, writer, work);
  conclude(context, work, "done");
}

/** The person of a resumed chain is read only where its owner or its deals matter. */
async function personOf(context: DriveContext, work: Work, shared: ChainPerson | null): Promise<ChainPerson | null> {
  const step = stepOf(work, "person");
  if (!step) return null;
  if (step.crmId === null) return shared;
  if (shared && "id" in shared.ref && shared.ref.id === step.crmId) return shared;
  const deal = openStep(work, "deal");
  const record = deal?.content.ownerFromPerson ? await freshRecord(context, [work], "person", step.crmId) : null;
  return { ref: { id: step.crmId }, record, isNew: false };
}

async function guarded(context: DriveContext, work: Work, task: () => Promise<void>): Promise<void> {
  try {
    await task();
  } catch (error) {
    concludeFor(context, work, error);
  }
}
