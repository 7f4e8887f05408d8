import {
  type Body,
  checkBody,
  currency,
  date,
  filledText,
  flag,
  integer,
  integers,
  nullable,
  number,
  object,
  oneOf,
  text,
  time,
  visibility,
} from "./body-check.ts";
import { mergeCustomValues } from "./custom-values.ts";
import { checkLabels, checkLink, checkOwner, showCustomValues, writable } from "./fielded.ts";
import type { DealRecord, StageRecord } from "./records.ts";
import { invalid, Refusal } from "./refusal.ts";
import { rfc3339, sqlTime } from "./times.ts";
import { type Actor, commit, type World } from "./world.ts";

const SHAPE = {
  title: filledText,
  owner_id: integer,
  person_id: nullable(integer),
  org_id: nullable(integer),
  pipeline_id: integer,
  stage_id: integer,
  value: number,
  currency,
  is_deleted: flag,
  is_archived: flag,
  archive_time: text,
  status: oneOf(["open", "won", "lost"]),
  probability: nullable(number),
  lost_reason: nullable(text),
  visible_to: visibility,
  close_time: nullable(time),
  won_time: time,
  lost_time: time,
  expected_close_date: date,
  label_ids: integers,
  custom_fields: object,
};

const CLOSING: readonly { field: string; needs: readonly string[] }[] = [
  { field: "lost_reason", needs: ["lost"] },
  { field: "lost_time", needs: ["lost"] },
  { field: "won_time", needs: ["won"] },
  { field: "close_time", needs: ["won", "lost"] },
];

function check(world: World, body: Body, status: string): void {
  checkBody(body, SHAPE);
  if (body.is_deleted === true) throw invalid("is_deleted", "a deal is deleted by DELETE");
  for (const { field, needs } of CLOSING)
    if (body[field] !== undefined && body[field] !== null && !needs.includes(status))
      throw invalid(field, `needs the status ${needs.join(" or ")}`);
  checkOwner(world, body.owner_id);
  checkLink(world, "person", "person_id", body.person_id);
  checkLink(world, "organization", "org_id", body.org_id);
  checkLabels(world, "deal", body.label_ids);
}

/** A stage decides its pipeline; a pipeline alone means its first stage. */
function place(world: World, body: Body, before: DealRecord | null): StageRecord {
  const { pipeline_id: pipelineId, stage_id: stageId } = body;
  const pipelines = world.pipelines.filter((one) => !one.is_deleted);
  if (pipelineId !== undefined && !pipelines.some((one) => one.id === pipelineId))
    throw invalid("pipeline_id", "no such pipeline");
  const stages = world.stages.filter((one) => !one.is_deleted);
  if (stageId !== undefined) {
    const stage = stages.find((one) => one.id === stageId);
    if (!stage) throw invalid("stage_id", "no such stage");
    if (pipelineId !== undefined && stage.pipeline_id !== pipelineId)
      throw invalid("stage_id", "belongs to another pipeline");
    return stage;
  }
  const kept = before && world.stages.find((one) => one.id === before.stage_id);
  if (kept && (pipelineId === undefined || kept.pipeline_id === pipelineId)) return kept;
  const home = pipelineId ?? pipelines[0]?.id;
  const first = stages.find((one) => one.pipeline_id === home);
  if (!first) throw invalid("pipeline_id", "has no stages");
  return first;
}

function merge(world: World, before: DealRecord, body: Body, stage: StageRecord): DealRecord {
  const { custom_fields, is_deleted: _no, title, ...plain } = body;
  const moved = stage.id !== before.stage_id;
  const after: DealRecord = {
    ...before,
    ...(plain as Partial<DealRecord>),
    title: title === undefined ? before.title : (title as string).trim(),
    stage_id: stage.id,
    pipeline_id: stage.pipeline_id,
    stageChangedMs: moved && before.stage_id !== 0 ? world.nowMs : before.stageChangedMs,
    custom_fields: mergeCustomValues(world, world.fields.deal, before.custom_fields, custom_fields),
    updatedMs: world.nowMs,
  };
  return close(world, before, after, body);
}

function close(world: World, before: DealRecord, after: DealRecord, body: Body): DealRecord {
  const now = rfc3339(world.nowMs);
  const result = { ...after };
  if (after.status !== before.status) {
    const { won_time = now, lost_time = now, close_time = now } = body as Partial<DealRecord>;
    result.won_time = after.status === "won" ? won_time : null;
    result.lost_time = after.status === "lost" ? lost_time : null;
    result.close_time = after.status === "open" ? null : close_time;
    if (after.status !== "lost") result.lost_reason = null;
  }
  if (after.is_archived && !before.is_archived)
    result.archive_time = (body.archive_time as string | undefined) ?? sqlTime(world.nowMs);
  return result;
}

/** @throws Refusal */
export function createDeal(world: World, body: Body, actor: Actor): DealRecord {
  check(world, body, (body.status as string | undefined) ?? "open");
  if (body.title === undefined) throw invalid("title", "is required");
  const cap = world.planCaps.deals;
  if (cap !== undefined && world.openDeals >= cap) throw dealCap();
  const empty: DealRecord = {
    id: world.tables.deal.nextId(),
    title: "",
    owner_id: actor.user.id,
    creator_user_id: actor.user.id,
    person_id: null,
    org_id: null,
    pipeline_id: 0,
    stage_id: 0,
    value: 0,
    currency: world.company.currency,
    status: "open",
    addedMs: world.nowMs,
    updatedMs: world.nowMs,
    stageChangedMs: null,
    is_deleted: false,
    mergedInto: null,
    is_archived: false,
    archive_time: null,
    probability: null,
    lost_reason: null,
    visible_to: 3,
    close_time: null,
    won_time: null,
    lost_time: null,
    expected_close_date: null,
    origin: actor.via === "person" ? "ManuallyCreated" : "API",
    label_ids: [],
    custom_fields: {},
  };
  return commit(world, "deal", merge(world, empty, body, place(world, body, null)), "create", body, actor);
}

/** Archived deals are not editable (changelog of 15 July 2025). @throws Refusal */
export function updateDeal(world: World, id: number, body: Body, actor: Actor): DealRecord {
  const before = writable(world, "deal", id);
  if (before.is_archived && actor.via !== "person") throw new Refusal(400, "Archived deals can not be edited");
  check(world, body, (body.status as string | undefined) ?? before.status);
  return commit(world, "deal", merge(world, before, body, place(world, body, before)), "update", body, actor);
}

/** The plan's cap on deals, as the changelog words it (read 2026-11). */
export function dealCap(): Refusal {
  return new Refusal(403, "Your company has reached the limit of open deals.", {
    code: "feature_capping_deals_limit",
  });
}

export function showDeal(world: World, deal: DealRecord, fields: readonly string[] | null) {
  return {
    id: deal.id,
    title: deal.title,
    creator_user_id: deal.creator_user_id,
    owner_id: deal.owner_id,
    value: deal.value,
    currency: deal.currency,
    person_id: deal.person_id,
    org_id: deal.org_id,
    pipeline_id: deal.pipeline_id,
    stage_id: deal.stage_id,
    status: deal.is_deleted ? "deleted" : deal.status,
    add_time: rfc3339(deal.addedMs),
    update_time: rfc3339(deal.updatedMs),
    stage_change_time: deal.stageChangedMs === null ? null : rfc3339(deal.stageChangedMs),
    is_deleted: deal.is_deleted,
    is_archived: deal.is_archived,
    ...(deal.is_archived ? { archive_time: deal.archive_time } : {}),
    probability: deal.probability,
    lost_reason: deal.lost_reason,
    visible_to: deal.visible_to,
    close_time: deal.close_time,
    won_time: deal.won_time,
    lost_time: deal.lost_time,
    expected_close_date: deal.expected_close_date,
    label_ids: deal.label_ids,
    origin: deal.origin,
    origin_id: null,
    channel: null,
    channel_id: null,
    arr: null,
    mrr: null,
    acv: null,
    custom_fields: showCustomValues(world, "deal", deal.custom_fields, fields),
  };
}
