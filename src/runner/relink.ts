/**
 * After the CRM refused a write that names other records: were they still there? A person or organization that was found
 * by the mirror and is gone is looked up anew, and a merged one is followed to its survivor, without costing a try.
 */
import { crmPersonKey } from "../domain/identity.ts";
import { chooseOrganization, choosePerson } from "../planner/choose-person.ts";
import type { Choice } from "../planner/planner.ts";
import { type DriveContext, freshRecord, planContext } from "./context.ts";
import { lease } from "./lease.ts";
import { ChainStop, deletedRecord, stepOf, type Work } from "./work.ts";

/** True where a link was mended and the write may be tried again. Throws a `ChainStop` where it can't be mended. */
export async function relink(context: DriveContext, work: Work, error: unknown): Promise<boolean> {
  if (!(error instanceof ChainStop) || error.verdict.type !== "failed") return false;
  const { step } = error.verdict;
  if (step === null || step === "organization") return false;
  let mended = false;
  for (const name of ["organization", "person", "deal"] as const) {
    if (name === step) break;
    if (await mend(context, work, name)) mended = true;
  }
  return mended;
}

async function mend(context: DriveContext, work: Work, name: "organization" | "person" | "deal"): Promise<boolean> {
  const step = stepOf(work, name);
  if (step?.state !== "done" || step.crmId === null) return false;
  const there = await freshRecord(context, [work], name, step.crmId);
  if (there) return false;
  const gone = step.crmId;
  await context.mirror.forget(name, gone);
  for (const key of name === "organization" ? (step.content.matchKeys ?? []) : []) context.organizations.forget(key);
  const choice = name === "deal" ? null : await lookAgain(context, work, name);
  if (choice?.record) {
    const { id } = choice.record;
    if (name === "person") await lease(context, work, crmPersonKey(id), "this person");
    step.crmId = id;
    const explanation = `${choice.explanation} Record ${gone}, used before, is gone from the CRM.`;
    const at = { claimId: work.claimId, stepId: step.id };
    context.wheel.record({ steps: [{ ...at, from: "done", to: "done", crmId: id, explanation }] });
    return true;
  }
  if (step.action !== "match" || step.content.amends) throw deletedRecord(name, gone);
  // Never ours: it is planned again as if it had not been found, in the next claim.
  const at = { claimId: work.claimId, stepId: step.id };
  Object.assign(step, { state: "open", action: null, crmId: null });
  context.wheel.record({ steps: [{ ...at, from: "done", to: "open", action: null, crmId: null }] });
  const detail = `${name} ${gone} is gone from the CRM; it is looked up again`;
  throw new ChainStop({ type: "later", dueAtMs: context.deps.clock.wallMs(), kind: "relink", detail });
}

async function lookAgain(context: DriveContext, work: Work, name: "organization" | "person"): Promise<Choice> {
  const { content } = stepOf(work, name)!;
  const lookup = { keys: content.matchKeys ?? [] };
  const plan = planContext(context, work.row.source);
  if (name === "organization") {
    const [answer] = await context.mirror.organizations([lookup]);
    return chooseOrganization(content, answer!.candidates);
  }
  const [answer] = await context.mirror.persons([lookup]);
  return choosePerson(content, answer!.candidates, plan);
}
