/**
 * Prepares a batch of claims: settles what was uncertain, plans what is not planned, and asks the mirror for all persons
 * and organizations at once, which is what makes look-ups cheap.
 */
import type { CatalogPart } from "../domain/catalog.ts";
import type { PlannedStep } from "../domain/chain.ts";
import type { Claim } from "../ledger/rows.ts";
import type { Answer } from "../mirror/mirror.ts";
import { notesAsBegun } from "../planner/join-notes.ts";
import { planChain } from "../planner/plan-chain.ts";
import type { PlanResult } from "../planner/planner.ts";
import { conclude, concludeFor } from "./conclude.ts";
import { type DriveContext, planContext, settingsOf } from "./context.ts";
import { earlierSteps } from "./earlier-steps.ts";
import { leaseFurtherKeys } from "./further-keys.ts";
import { needCatalog } from "./need-catalog.ts";
import { personLookup } from "./person-step.ts";
import { settleUncertain } from "./uncertain.ts";
import { ChainStop, isLookupFailed, isRepair, openStep, soughtPerson, stepOf, type Work } from "./work.ts";

/** A source whose map names what the CRM lacks is looked at again after this long, or when somebody resumes it. */
export const SOURCE_HOLD_MS = 15 * 60_000;
/** A catalog older than this is fetched anew before a name is believed to be missing. */
const NAME_AGE_MAX_MS = 60_000;
/** Each round fetches a part of the catalog, of which there are seven. */
const PLAN_ROUNDS_MAX = 10;

export interface Prepared {
  works: Work[];
  answer: Answer | null;
}

export async function prepare(context: DriveContext, claims: readonly Claim[]): Promise<Prepared[]> {
  const groups = claims.map(worksOf);
  const works = groups.flat();
  if (await settleUncertain(context, works)) {
    // What was adopted must be in the ledger's mirror before others of the same person are looked up there.
    await context.wheel.committed();
  }
  for (const group of groups) waitForPerson(context, group);
  await Promise.all(works.filter((work) => !work.ended && isToPlan(work)).map((work) => planOne(context, work)));
  for (const group of groups) await leaseFurtherKeys(context, group);
  const answers = await lookUp(context, groups);
  return groups.map((group, index) => ({ works: group, answer: answers[index]! }));
}

/** What was adopted without a payload has nothing to plan from, and its repairs need none. */
function isToPlan({ row, steps }: Work): boolean {
  return !row.planned && (row.content !== null || !steps.some(isRepair));
}

function worksOf(claim: Claim): Work[] {
  const works: Work[] = [];
  for (const row of claim.submissions) {
    const steps = row.steps.map((step) => ({ ...step }));
    works.push({ claimId: claim.claimId, row, claimed: works, steps, ended: false, refused: null });
  }
  return works;
}

/** Where one submission's create of the person is still in doubt, the others must not make the person once more. */
function waitForPerson(context: DriveContext, group: readonly Work[]): void {
  const doubtful = group.some((work) => stepOf(work, "person")?.state === "uncertain");
  if (!doubtful) return;
  const dueAtMs = context.deps.clock.wallMs() + (context.deps.settings.retry.settleMs[0] ?? 0);
  const detail = "an earlier create of the same person is uncertain";
  for (const work of group) {
    const step = stepOf(work, "person");
    if (!work.ended && (!work.row.planned || step?.state === "open")) {
      conclude(context, work, { type: "later", dueAtMs, kind: "settle", detail });
    }
  }
}

async function planOne(context: DriveContext, work: Work): Promise<void> {
  try {
    const result = await planFully(context, work);
    if (result.type === "planned") {
      for (const bad of result.badValues) context.tally.badValue(work.row.source, bad);
      const plan = { claimId: work.claimId, submissionId: work.row.id, steps: result.steps satisfies PlannedStep[] };
      work.steps = await context.wheel.plan(plan);
    } else if (result.type === "unknownName") holdSource(context, work, result);
    else if (result.type === "unplannable") {
      const { type: _, ...error } = result;
      conclude(context, work, { type: "failed", error, step: null });
    }
  } catch (error) {
    concludeFor(context, work, error);
  }
}

async function planFully(context: DriveContext, work: Work): Promise<PlanResult> {
  const { source, key, content } = work.row;
  if (!content) {
    const message = "its payload is not in the ledger any more";
    return { type: "unplannable", code: "PAYLOAD_ERASED", message, hint: "It was erased or thinned; import it again." };
  }
  const earlier = await earlierSteps(context.deps.ledger, work.row);
  const settings = notesAsBegun(settingsOf(context, source), work.row.steps);
  const input = { source, key, content, settings, earlier };
  let refetched = false;
  for (let round = 0; round < PLAN_ROUNDS_MAX; round += 1) {
    const result = planChain(input, planContext(context, source));
    if (result.type === "needs") await needCatalog(context, result.parts);
    else {
      const parts = partsThatLack(result);
      if (refetched || parts.length === 0) return result;
      refetched = true;
      await needCatalog(context, parts, NAME_AGE_MAX_MS);
    }
  }
  const error = { code: "CRM_CATALOG", message: "the CRM's set-up was read, and still lacks what the plan needs" };
  throw new ChainStop({ type: "again", error, step: null });
}

/** Where a name that the plan wants may stand by now. */
function partsThatLack(result: PlanResult): readonly CatalogPart[] {
  if (result.type === "unknownName") return result.what === "field" ? FIELD_PARTS : ["pipelines", "stages"];
  if (result.type !== "unplannable" || result.about?.value === undefined) return [];
  const { subject } = result.about;
  return FIELD_PARTS.filter((part) => subject.startsWith(`${part.slice("fields:".length)}.`));
}

const FIELD_PARTS = ["fields:person", "fields:organization", "fields:deal"] as const satisfies readonly CatalogPart[];

/** Holds the source and fails nobody: its submissions go back to the queue as they were. */
function holdSource(context: DriveContext, work: Work, unknown: { message: string; hint: string }): void {
  const { source } = work.row;
  const { wheel, tally, deps } = context;
  if (!tally.heldSources.has(source)) {
    tally.heldSources.add(source);
    const untilMs = deps.clock.wallMs() + SOURCE_HOLD_MS;
    const message = `source ${source}: ${unknown.message} ${unknown.hint}`;
    wheel.raise({ kind: "source", scope: `source:${source}`, untilMs, probe: true, message });
    tally.warnings.add(message);
  }
  conclude(context, work, "halted");
}

/** After so many in a row that were not answered by themselves, it is not them: the rest waits. */
const FAILED_ALONE_MAX = 3;

/** One answer for each group, null where it needs none. A look-up that can't be had concludes the works that need it. */
async function lookUp(context: DriveContext, groups: readonly Work[][]): Promise<(Answer | null)[]> {
  const answers: (Answer | null)[] = groups.map(() => null);
  const asking = groups
    .map((group, index) => ({ index, open: group.filter((work) => !work.ended && soughtPerson(work)) }))
    .filter(({ open }) => open.length > 0);
  if (asking.length === 0) return answers;
  try {
    await lookUpTogether(context, asking, answers);
  } catch (error) {
    if (asking.length > 1 && isLookupFailed(error)) await lookUpEach(context, asking, answers);
    else for (const work of asking.flatMap(({ open }) => open)) concludeFor(context, work, error);
  }
  return answers;
}

interface Asking {
  index: number;
  open: Work[];
}

async function lookUpTogether(
  context: DriveContext,
  asking: readonly Asking[],
  answers: (Answer | null)[],
): Promise<void> {
  await context.locks.run("mirror", async () => {
    const found = await context.mirror.persons(asking.map(({ open }) => personLookup(open)));
    await lookUpOrganizations(
      context,
      asking.flatMap(({ open }) => open),
    );
    for (const [at, { index }] of asking.entries()) answers[index] = found[at]!;
  });
}

/** What one person is sought by may be more than the CRM can answer: the others must not fail with it. */
async function lookUpEach(context: DriveContext, asking: readonly Asking[], answers: (Answer | null)[]): Promise<void> {
  let failedInRow = 0;
  let last: unknown;
  for (const each of asking) {
    if (failedInRow >= FAILED_ALONE_MAX) {
      const error = { code: "CRM_LOOKUP", message: last instanceof Error ? last.message : "a look-up failed" };
      for (const work of each.open) conclude(context, work, { type: "again", error, step: null, spared: true });
      continue;
    }
    try {
      await lookUpTogether(context, [each], answers);
      failedInRow = 0;
    } catch (error) {
      last = error;
      if (isLookupFailed(error)) failedInRow += 1;
      for (const work of each.open) concludeFor(context, work, error);
    }
  }
}

async function lookUpOrganizations(context: DriveContext, works: readonly Work[]): Promise<void> {
  const keys = works.flatMap((work) => openStep(work, "organization")?.content.matchKeys ?? []);
  const sought = [...new Set(keys)].filter((key) => !context.organizations.has(key));
  if (sought.length === 0) return;
  const answers = await context.mirror.organizations(sought.map((key) => ({ keys: [key] })));
  for (const [at, key] of sought.entries()) context.organizations.ahead(key, answers[at]!);
}
