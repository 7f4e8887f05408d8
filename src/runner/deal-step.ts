/** The deal step: one of its own, the one that a key names, or the person's open one. */
import type { EntityValues, Step } from "../domain/chain.ts";
import { dealKey, type IdentityKey, openDealKey } from "../domain/identity.ts";
import type { CrmRecord, Links, Ref } from "../domain/operation.ts";
import { chooseDeal } from "../planner/choose-deal.ts";
import { difference, missingLinks } from "../planner/difference.ts";
import type { Choice } from "../planner/planner.ts";
import { contentInOrder } from "./content-in-order.ts";
import { type DriveContext, freshRecord, planContext, read, refusal } from "./context.ts";
import { lease } from "./lease.ts";
import type { ChainPerson } from "./person-step.ts";
import { amendsNothing, ChainStop, deletedRecord, openStep, stampOfWork, stepOf, type Work } from "./work.ts";
import type { Writer } from "./writer.ts";

/** A person has no more open deals than this that anybody could mean. */
const DEAL_PAGES_MAX = 5;

export async function writeDeal(
  context: DriveContext,
  writer: Writer,
  work: Work,
  person: ChainPerson | null,
  organization: Ref | null,
): Promise<Ref | null> {
  const step = openStep(work, "deal");
  if (!step) {
    const known = stepOf(work, "deal")?.crmId;
    return known ? { id: known } : null;
  }
  const key = keyOf(step, person);
  if (key === null) return await resolveAndWrite(context, writer, work, step, person, organization);
  return await context.locks.run(key, async () => {
    await lease(context, work, key, "this deal");
    try {
      const ref = await resolveAndWrite(context, writer, work, step, person, organization);
      if ("op" in ref) await writer.finish();
      return step.crmId === null ? ref : { id: step.crmId };
    } finally {
      if (step.state !== "uncertain") {
        await context.wheel.committed().catch(() => {});
        await context.deps.ledger.releaseKeys(work.claimId, [key]).catch(() => {});
      }
    }
  });
}

/** What others may not look for meanwhile; null where the deal is the submission's own. */
function keyOf({ content }: Step, person: ChainPerson | null): IdentityKey | null {
  if (content.dealMatch === "key" && content.dealKey) return dealKey(content.dealKey);
  const isShared = content.dealMatch === "openDealOfPerson" && !content.amends;
  return isShared && person && "id" in person.ref ? openDealKey(person.ref.id) : null;
}

async function resolveAndWrite(
  context: DriveContext,
  writer: Writer,
  work: Work,
  step: Step,
  person: ChainPerson | null,
  organization: Ref | null,
): Promise<Ref> {
  if (amendsNothing(step, organization)) {
    const { id } = step.content.amends!;
    return match(context, work, step, id, `Deal ${id} is the one of the version before, and nothing of it changed.`);
  }
  const choice = await find(context, work, step, person);
  const links: Links = {};
  if (person) links.person = person.ref;
  if (organization) links.organization = organization;
  if (!choice.record) {
    const values = withOwner(step, person);
    const operation = {
      type: "create" as const,
      entity: "deal" as const,
      key: step.idempotencyKey,
      values,
      links,
      stamp: stampOfWork(work),
    };
    return (
      await writer.write({ operation, targets: [{ work, step }], action: "create", explanation: choice.explanation })
    ).ref;
  }
  return await update(context, writer, work, step, choice.record, links, choice.explanation);
}

/** `deal.owner: person`. A person of the same pack has no owner yet that we could know of, unless the plan names one. */
function withOwner(step: Step, person: ChainPerson | null): EntityValues {
  const ownerId = step.content.ownerFromPerson ? person?.record?.ownerId : null;
  return ownerId ? { ...step.content.values, ownerId } : step.content.values;
}

async function update(
  context: DriveContext,
  writer: Writer,
  work: Work,
  step: Step,
  seen: CrmRecord,
  links: Links,
  explanation: string,
): Promise<Ref> {
  const plan = planContext(context, work.row.source);
  const ids = {
    organizationId: links.organization && "id" in links.organization ? links.organization.id : null,
    personId: links.person && "id" in links.person ? links.person.id : null,
  };
  const wanted = async (record: CrmRecord) => {
    const content = await contentInOrder(context, work, step, record);
    return { values: difference(content, record, plan), links: missingLinks(content, record, ids) };
  };
  const first = await wanted(seen);
  if (first.values || first.links) {
    // A deal that was found in a list or a while ago is read anew; a revision's was read just now.
    const base = step.content.amends ? seen : await freshRecord(context, [work], "deal", seen.id);
    const now = base ? await wanted(base) : { values: null, links: null };
    if (base && (now.values || now.links)) {
      const values = now.values ?? {};
      const operation = {
        type: "update" as const,
        entity: "deal" as const,
        id: base.id,
        key: step.idempotencyKey,
        values,
        links: now.links ?? {},
        base,
      };
      return (await writer.write({ operation, targets: [{ work, step }], action: "update", explanation })).ref;
    }
  }
  return match(context, work, step, seen.id, explanation);
}

function match(context: DriveContext, work: Work, step: Step, crmId: string, explanation: string): Ref {
  const at = { claimId: work.claimId, stepId: step.id };
  Object.assign(step, { state: "done", action: "match", crmId });
  context.wheel.record({ steps: [{ ...at, from: "open", to: "done", action: "match", crmId, explanation }] });
  return { id: crmId };
}

async function find(context: DriveContext, work: Work, step: Step, person: ChainPerson | null): Promise<Choice> {
  const { content } = step;
  if (content.amends) {
    const { id } = content.amends;
    const record = await freshRecord(context, [work], "deal", id);
    if (!record) throw deletedRecord("deal", id);
    return { record, explanation: `Deal ${id} is the one of the version before.` };
  }
  if (content.dealMatch === "key" && content.dealKey)
    return chooseDeal(content, await byKey(context, work, content.dealKey));
  if (content.dealMatch !== "openDealOfPerson") return chooseDeal(content, []);
  // A person that this chain made a moment ago has no deals: the list page is saved.
  const known = person && !person.isNew && "id" in person.ref ? person.ref.id : null;
  return chooseDeal(content, known === null ? [] : await openDeals(context, work, known));
}

/** Which deal carries a key is known to the ledger only; the CRM is asked whether it is still there. */
async function byKey(context: DriveContext, work: Work, key: string): Promise<CrmRecord[]> {
  const id = dealKey(key);
  const hits = await context.deps.ledger.mirrorFind(context.session.accountId, "deal", [id]);
  const records: CrmRecord[] = [];
  for (const hit of hits.get(id) ?? []) {
    const record = await freshRecord(context, [work], "deal", hit.id);
    if (record) records.push(record);
  }
  return records;
}

async function openDeals(context: DriveContext, work: Work, personId: string): Promise<CrmRecord[]> {
  const deals: CrmRecord[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < DEAL_PAGES_MAX; page += 1) {
    const key = context.readKey();
    const outcome = await read(context, [work], {
      type: "list",
      key,
      entity: "deal",
      personId,
      openOnly: true,
      cursor,
    });
    if (outcome.type !== "applied") throw new ChainStop({ type: "failed", error: refusal(outcome), step: "deal" });
    deals.push(...(outcome.records ?? []).filter((deal) => deal.personId === personId));
    if (!outcome.next) break;
    cursor = outcome.next;
  }
  return deals;
}
