/**
 * The plan of a drain: each write with its values, calls, tokens from-to and time. Sends nothing and writes nothing: what
 * the ledger does not know of the CRM is said to be unknown.
 */

import { CATALOG_PARTS, type Entity } from "../domain/catalog.ts";
import type { EarlierStep, PlannedStep, Step } from "../domain/chain.ts";
import type { SubmissionId } from "../domain/ids.ts";
import type { DrainLimits } from "../domain/settings.ts";
import type { Lane, SubmissionContent } from "../domain/submission.ts";
import type { IncomingSubmission } from "../ledger/rows.ts";
import { initialBucket } from "../pacer/bucket.ts";
import { secondsFor } from "../pacer/concurrency.ts";
import { type QuietNow, quietNow } from "../pacer/quiet-hours.ts";
import { notesAsBegun } from "../planner/join-notes.ts";
import { planChain } from "../planner/plan-chain.ts";
import type { PlanContext } from "../planner/planner.ts";
import { earlierSteps } from "./earlier-steps.ts";
import { instant } from "./instant.ts";
import type { DrainPlan, PlannedWrite, RunnerDeps } from "./runner.ts";
import { CATALOG_AGE_MAX_MS, Session } from "./session.ts";
import { contentFields, stepFields } from "./shown-fields.ts";
import { isRepair } from "./work.ts";

export type PreviewDeps = Omit<RunnerDeps, "send" | "runId" | "random" | "observe" | "failpoint" | "redact">;

/** What most CRMs take for an answer, for the time that a plan names. */
export const ROUND_TRIP_MS = 250;
/** The same bound as one look at the queue; a plan of more is no longer read by anybody. */
export const PREVIEW_MAX = 10_000;

interface Entry {
  source: string;
  key: string;
  lane: Lane;
  /** Null: its chain is at the CRM. */
  content: SubmissionContent | null;
  /** What `reconcile --repair` queued. */
  repairs: PlannedStep[];
  /** Names of steps that are in the CRM already. */
  done: Set<string>;
  /** Of a revision: what earlier versions have at the CRM. */
  earlier: EarlierStep[];
  /** Of its own plan. */
  steps?: readonly Step[];
}

type Known = "known" | "new" | "unknown";

/**
 * `extra`: submissions of files that are not ingested yet. `remapped`: contents that the run would put in the place of those
 * that wait, because a map was mended.
 */
export async function previewDrain(
  deps: PreviewDeps,
  limits: DrainLimits,
  extra: readonly IncomingSubmission[],
  remapped: ReadonlyMap<SubmissionId, SubmissionContent> = new Map(),
): Promise<DrainPlan> {
  const quiet = quietNow(deps.settings.quiet, deps.clock.wallMs());
  const all = await entriesOf(deps, limits, extra, remapped);
  const entries = all.filter(({ source, lane }) => !quiet.sources.has(source) && !quiet.lanes.has(lane));
  const session = new Session(deps);
  const account = await deps.ledger.account();
  if (account) await session.remember(account.id);
  const plan = emptyPlan();
  const remarks: Remarks = { names: new Set(), failing: new Map() };
  for (const entry of entries) {
    const { content } = entry;
    if (content && !(await addEntry(plan, deps, session, { ...entry, content }, remarks))) continue;
    plan.submissions += 1;
    plan.byLane[entry.lane] += 1;
  }
  plan.why.push(...quietRemarks(quiet, all));
  await addLookups(plan, deps, session);
  // Behind the look-ups: a repair names its record, nobody has to be sought for it.
  for (const entry of entries) for (const step of entry.repairs) addRepair(plan, deps, session, entry, step);
  plan.why.push(...remarks.names, ...failingRemarks(remarks));
  await addTime(plan, deps, session);
  return plan;
}

interface Remarks {
  names: Set<string>;
  /** Number of submissions that would fail, by source and cause. */
  failing: Map<string, number>;
}

const failingRemarks = ({ failing }: Remarks): string[] =>
  [...failing].map(
    ([why, submissions]) => `${submissions} ${submissions === 1 ? "submission" : "submissions"} would fail: ${why}`,
  );

/** Why some of what waits is not in the plan. */
function quietRemarks({ sources, lanes }: QuietNow, all: readonly Entry[]): string[] {
  const remark = (what: string, untilMs: number, waits: number): string[] =>
    waits === 0
      ? []
      : [`${what} has quiet hours until ${new Date(untilMs).toISOString()}: ${waits} of its submissions wait`];
  return [
    ...[...sources].flatMap(([name, untilMs]) =>
      remark(`source ${name}`, untilMs, all.filter(({ source }) => source === name).length),
    ),
    ...[...lanes].flatMap(([name, untilMs]) => {
      const own = all.filter(({ source, lane }) => lane === name && !sources.has(source));
      return remark(`the ${name} lane`, untilMs, own.length);
    }),
  ];
}

function emptyPlan(): DrainPlan {
  const nothing = { submissions: 0, requests: 0, tokensMin: 0, tokensMax: 0, seconds: 0 };
  return { ...nothing, byLane: { operational: 0, background: 0 }, why: [], byStep: {}, writes: [] };
}

async function entriesOf(
  deps: PreviewDeps,
  limits: DrainLimits,
  extra: readonly IncomingSubmission[],
  remapped: ReadonlyMap<SubmissionId, SubmissionContent>,
): Promise<Entry[]> {
  const most = Math.min(limits.submissionsMax ?? PREVIEW_MAX, PREVIEW_MAX);
  const filter = { source: limits.source, lane: limits.lane };
  const rows = await deps.ledger.peek(most, deps.clock.wallMs(), filter);
  const queued: Entry[] = [];
  for (const row of rows) {
    const { source, key, lane, steps } = row;
    const chain = steps.filter((step) => !isRepair(step));
    const done = new Set<string>(chain.filter((step) => step.state === "done").map((step) => step.name));
    const content = row.planned && done.size === chain.length ? null : (remapped.get(row.id) ?? row.content);
    const repairs = steps.filter((step) => isRepair(step) && step.state === "open");
    if (content || repairs.length > 0)
      queued.push({
        source,
        key,
        lane,
        content,
        repairs,
        done,
        earlier: await earlierSteps(deps.ledger, row),
        steps: row.steps,
      });
  }
  const fresh = extra
    .filter((one) => !one.history && (!limits.source || one.source === limits.source))
    .filter((one) => !limits.lane || one.lane === limits.lane)
    .map(({ source, key, lane, content }) => {
      return { source, key, lane, content, repairs: [], done: new Set<string>(), earlier: [] };
    });
  return [...queued, ...fresh].slice(0, most);
}

type Planned = { steps: PlannedStep[]; context: PlanContext } | null;
const FAILS = "fails";

type ChainEntry = Entry & { content: SubmissionContent };

function contextOf({ adapter, phone, settings }: PreviewDeps, session: Session, source: string) {
  const plan = settings.plans[source] ?? settings.plans.default!;
  const context: PlanContext = {
    catalog: session.catalog,
    codec: adapter.codec,
    phone,
    noteLengthMax: adapter.capabilities.noteLengthMax,
    country: plan.persons.country,
  };
  return { plan, context };
}

/** Null where the CRM's set-up was never read, or lacks a name: then the values are shown as the submission has them. */
function planned(
  deps: PreviewDeps,
  session: Session,
  entry: ChainEntry,
  { names, failing }: Remarks,
): Planned | typeof FAILS {
  const { plan, context } = contextOf(deps, session, entry.source);
  const { source, key, content, earlier, steps = [] } = entry;
  const result = planChain({ source, key, content, settings: notesAsBegun(plan, steps), earlier }, context);
  if (result.type === "planned") return { steps: result.steps, context };
  if (result.type === "needs") {
    names.add(`The CRM's ${result.parts.join(", ")} were not read yet: names are shown as given, not checked.`);
    return null;
  }
  const why = `${source}: ${result.message} ${result.hint}`;
  if (result.type === "unplannable") {
    failing.set(why, (failing.get(why) ?? 0) + 1);
    return FAILS;
  }
  names.add(why);
  return null;
}

/** False where it would fail before a request is made. */
async function addEntry(
  plan: DrainPlan,
  deps: PreviewDeps,
  session: Session,
  entry: ChainEntry,
  remarks: Remarks,
): Promise<boolean> {
  const made = planned(deps, session, entry, remarks);
  if (made === FAILS) return false;
  const person = await personKnown(deps, session, made);
  const rows = made
    ? made.steps.map((step) => ({ ...step, amends: step.content.amends, fields: stepFields(step, made.context) }))
    : contentFields(entry.content);
  for (const { name, entity, fields, amends } of rows) {
    if (entry.done.has(name) || (amends && Object.keys(fields).length === 0)) continue;
    const found: Known = entity === "person" ? person : entity === "organization" ? "unknown" : "new";
    const known = amends ? "known" : found;
    addWrite(
      plan,
      deps,
      { source: entry.source, key: entry.key, step: name, action: actionOf(known), target: entity, fields },
      entity,
      known,
    );
  }
  return true;
}

/** The record is read first, and of a merge the one that stays as well; where nothing is left to do that was all. */
function addRepair(
  plan: DrainPlan,
  deps: PreviewDeps,
  session: Session,
  { source, key }: Pick<Entry, "source" | "key">,
  step: PlannedStep,
): void {
  const { cost } = deps.adapter.capabilities;
  const { entity, name } = step;
  const { do: what, target } = step.content.repair!;
  const action = what === "overwrite" ? "update" : what;
  const reads = cost("read", entity);
  const tokensMax = reads * (what === "merge" ? 2 : 1) + cost(action, entity);
  plan.byStep[entity] ??= { create: 0, update: 0, unknown: 0, tokensMin: 0, tokensMax: 0 };
  const row = plan.byStep[entity];
  row.update += 1;
  row.tokensMin += reads;
  row.tokensMax += tokensMax;
  plan.tokensMin += reads;
  plan.tokensMax += tokensMax;
  plan.requests += 2;
  const fields = stepFields(step, contextOf(deps, session, source).context);
  plan.writes.push({ source, key, step: name, action, target: `${entity} ${target}`, fields });
}

async function personKnown(deps: PreviewDeps, session: Session, made: Planned): Promise<Known> {
  const keys = made?.steps.find((step) => step.name === "person")?.content.matchKeys ?? [];
  if (session.accountId === 0 || keys.length === 0) return "unknown";
  const hits = await deps.ledger.mirrorFind(session.accountId, "person", keys);
  if ([...hits.values()].some((found) => found.length > 0)) return "known";
  const { walkedAtMs } = await deps.ledger.mirrorState(session.accountId, "person");
  return walkedAtMs === null ? "unknown" : "new";
}

function actionOf(known: Known): PlannedWrite["action"] {
  return known === "known" ? "update" : known === "new" ? "create" : "createOrUpdate";
}

/** A known record needs no write where it has the values already; an update also reads the record first. */
function addWrite(plan: DrainPlan, deps: PreviewDeps, write: PlannedWrite, entity: Entity, known: Known): void {
  const { cost } = deps.adapter.capabilities;
  const create = cost("create", entity);
  const update = cost("update", entity) + cost("read", entity);
  const min = known === "new" ? create : 0;
  const max = known === "new" ? create : Math.max(update, known === "unknown" ? create : 0);
  plan.byStep[entity] ??= { create: 0, update: 0, unknown: 0, tokensMin: 0, tokensMax: 0 };
  const row = plan.byStep[entity];
  row[known === "new" ? "create" : known === "known" ? "update" : "unknown"] += 1;
  row.tokensMin += min;
  row.tokensMax += max;
  plan.tokensMin += min;
  plan.tokensMax += max;
  plan.requests += 1;
  plan.writes.push(write);
}

/** Look-ups: one refresh of a mirror that was walked, else a walk or searches, whichever the run finds cheaper. */
async function addLookups(plan: DrainPlan, deps: PreviewDeps, session: Session): Promise<void> {
  const { cost, readManyMax } = deps.adapter.capabilities;
  const page = cost("list", "person");
  const organizations = plan.byStep.organization?.unknown ?? 0;
  plan.tokensMax += 2 * organizations * cost("search", "organization") + (organizations > 0 ? page : 0);
  plan.requests += organizations;
  plan.tokensMax += (await missingParts(deps, session)) * cost("describe", "catalog");
  const persons = plan.byStep.person;
  if (!persons) return;
  const unknown = persons.unknown + persons.create;
  const state = session.accountId === 0 ? null : await deps.ledger.mirrorState(session.accountId, "person");
  const searches = unknown * cost("search", "person");
  if (unknown > 0 && state?.walkedAtMs) {
    plan.tokensMin += page;
    plan.tokensMax += Math.max(2 * page, searches);
    plan.requests += 1;
    plan.why.push(
      `persons: the mirror of ${state.records} persons is refreshed once (${page} tokens or a little more)`,
    );
  } else if (unknown > 0) {
    plan.tokensMin += page;
    // Pages are bought while they cost no more than the searches that they save; then what is left is searched.
    plan.tokensMax += 2 * searches + (state?.searchTokens ?? 0) + page;
    plan.requests += 1;
    plan.why.push(
      `persons: no mirror yet; it is filled by pages of ${page} tokens, or each is searched, whichever is cheaper`,
    );
  }
  const confirmed = persons.update + persons.unknown;
  const batches = Math.ceil(confirmed / readManyMax);
  const confirm = Math.min(confirmed * cost("read", "person"), batches * cost("readMany", "person"));
  plan.tokensMax += confirm;
  plan.tokensMin +=
    persons.update > 0 ? Math.min(persons.update * cost("read", "person"), cost("readMany", "person")) : 0;
}

/** Parts of the CRM's set-up that a run may read (again). */
async function missingParts(deps: PreviewDeps, session: Session): Promise<number> {
  const rows = session.accountId === 0 ? [] : await deps.ledger.loadCatalog(session.accountId);
  const nowMs = deps.clock.wallMs();
  const fresh = rows.filter(({ fetchedAtMs }) => nowMs - fetchedAtMs <= CATALOG_AGE_MAX_MS).map(({ part }) => part);
  return CATALOG_PARTS.filter((part) => !fresh.includes(part)).length;
}

async function addTime(plan: DrainPlan, deps: PreviewDeps, session: Session): Promise<void> {
  const { adapter, settings, ledger, clock, credential } = deps;
  const spec = adapter.capabilities.buckets.find((bucket) => bucket.kind === "window");
  if (!spec || plan.requests === 0) return;
  const saved = session.accountId === 0 ? null : await ledger.buckets(session.accountId, credential, instant(clock));
  const limits = settings.limits;
  const fresh = initialBucket(spec, limits, clock.wallMs());
  const limit = saved?.states.find((state) => state.bucket === spec.name)?.limit ?? fresh.limit;
  const capacity = limit === null ? null : Math.max(1, Math.floor(limit * limits.share));
  plan.seconds = Math.ceil(secondsFor(plan.requests, { capacity, windowMs: spec.windowMs }, ROUND_TRIP_MS));
}
