/** Every route that the simulator answers, with what it costs (`x-token-cost` in the vendor's specs of 2026-08-18). */
import type { FieldedEntity } from "../domain/catalog.ts";
import { type Body, parseJsonBody } from "./body-check.ts";
import { createDeal, showDeal, updateDeal } from "./deals.ts";
import { decorate } from "./decorate.ts";
import { read, remove } from "./fielded.ts";
import { listPage } from "./lists.ts";
import { mergeRecords, showMerged } from "./merges.ts";
import { listNotes } from "./note-lists.ts";
import { createNote, showNote, updateNote } from "./notes.ts";
import { createOrganization, showOrganization, updateOrganization } from "./organizations.ts";
import { createPerson, showPerson, updatePerson } from "./persons.ts";
import { allowOnly, customFieldsParam, integerParam, limitParam } from "./query.ts";
import type { RecordOf } from "./records.ts";
import { invalid, notFound, Refusal } from "./refusal.ts";
import { fieldSearch, itemSearch, search } from "./search.ts";
import { createField, showField, showMe, showPipeline, showStage, showUser } from "./setup.ts";
import type { Actor, World } from "./world.ts";

export interface Call {
  /** The path's `:id` or `:code`; empty where it has none. */
  param: string;
  query: URLSearchParams;
  contentType: string | undefined;
  bodyText: string | undefined;
  actor: Actor;
}

export interface Success {
  data: unknown;
  additional_data?: unknown;
}

export interface Route {
  /** As statistics name it, e.g. `GET /api/v2/persons/:id`. */
  name: string;
  cost: number;
  search: boolean;
  /** @throws Refusal */
  handle: (world: World, call: Call) => Success;
}

const CREATE = { person: createPerson, organization: createOrganization, deal: createDeal };
const UPDATE = { person: updatePerson, organization: updateOrganization, deal: updateDeal };
const SHOW = { person: showPerson, organization: showOrganization, deal: showDeal } as unknown as {
  [E in FieldedEntity]: (world: World, row: RecordOf[E], fields: readonly string[] | null) => Record<string, unknown>;
};
const PLURAL = { person: "persons", organization: "organizations", deal: "deals" } as const;

const id = (call: Call) => Number(call.param);
const body = (call: Call): Body => parseJsonBody(call.contentType, call.bodyText);

function show<E extends FieldedEntity>(world: World, entity: E, row: RecordOf[E], view: View) {
  const shown = (SHOW[entity] as (w: World, r: RecordOf[E], f: View["fields"]) => Record<string, unknown>)(
    world,
    row,
    view.fields,
  );
  return view.query.size === 0 ? shown : decorate(world, entity, row, shown, view.query);
}

/** How much of a record the query asks for. */
interface View {
  fields: readonly string[] | null;
  query: URLSearchParams;
}
const viewOf = (query: URLSearchParams): View => ({ fields: customFieldsParam(query), query });
const WHOLE = viewOf(new URLSearchParams());

const SINGLE = ["include_fields", "custom_fields", "include_option_labels", "include_labels"];

type Handler = Route["handle"];
type Row = [method: string, path: string, cost: number, handle: Handler];

function entityRows(entity: FieldedEntity): Row[] {
  const plural = PLURAL[entity];
  const list =
    (archived: boolean): Handler =>
    (world, { query }) => {
      const view = viewOf(query);
      const { rows, nextCursor } = listPage(world, entity, query, archived);
      const data = rows.map((row) => show(world, entity, row as never, view));
      return { data, additional_data: { next_cursor: nextCursor } };
    };
  const get: Handler = (world, call) => {
    allowOnly(call.query, SINGLE);
    return { data: show(world, entity, read(world, entity, id(call)) as never, viewOf(call.query)) };
  };
  const rows: Row[] = [
    ["GET", `/api/v2/${plural}`, 10, list(false)],
    ["GET", `/api/v2/${plural}/search`, 20, (world, { query }) => found(search(world, entity, query))],
    ["GET", `/api/v2/${plural}/:id`, 1, get],
    [
      "POST",
      `/api/v2/${plural}`,
      5,
      (world, call) => ({ data: show(world, entity, CREATE[entity](world, body(call), call.actor) as never, WHOLE) }),
    ],
    [
      "PATCH",
      `/api/v2/${plural}/:id`,
      5,
      (world, call) => ({
        data: show(world, entity, UPDATE[entity](world, id(call), body(call), call.actor) as never, WHOLE),
      }),
    ],
    ["DELETE", `/api/v2/${plural}/:id`, 3, (world, call) => removed(world, entity, call)],
    ["PUT", `/v1/${plural}/:id/merge`, 40, (world, call) => merged(world, entity, call)],
    ...fieldRows(entity),
  ];
  if (entity === "deal") rows.push(["GET", "/api/v2/deals/archived", 20, list(true)]);
  return rows;
}

function found({ items, nextCursor }: ReturnType<typeof search>): Success {
  return { data: { items }, additional_data: { next_cursor: nextCursor } };
}

function removed(world: World, entity: FieldedEntity, call: Call): Success {
  remove(world, entity, id(call), call.actor);
  return { data: { id: id(call) } };
}

function merged(world: World, entity: FieldedEntity, call: Call): Success {
  const survivor = mergeRecords(world, entity, id(call), body(call), call.actor);
  return { data: showMerged(entity, survivor, id(call)) };
}

/** A page by offset, under a cursor that hides it. */
function pageOf<T>(items: readonly T[], query: URLSearchParams): Success {
  const limit = limitParam(query, 500);
  const cursor = query.get("cursor");
  const start = cursor === null ? 0 : Number(Buffer.from(cursor, "base64url").toString("latin1"));
  if (!Number.isSafeInteger(start)) throw invalid("cursor", "is not one of ours");
  const next = start + limit < items.length ? Buffer.from(String(start + limit)).toString("base64url") : null;
  return { data: items.slice(start, start + limit), additional_data: { next_cursor: next } };
}

function fieldRows(entity: FieldedEntity): Row[] {
  const base = `/api/v2/${entity}Fields`;
  const one: Handler = (world, { param }) => {
    const field = world.fields[entity].find((each) => each.field_code === param);
    if (!field) throw notFound("Field");
    return { data: showField(field) };
  };
  return [
    [
      "GET",
      base,
      10,
      (world, { query }) => {
        allowOnly(query, ["include_fields", "limit", "cursor"]);
        const shown = world.fields[entity].map((field) => showField(field, query.get("include_fields")));
        return pageOf(shown, query);
      },
    ],
    ["POST", base, 5, (world, call) => ({ data: showField(createField(world, entity, body(call))) })],
    ["GET", `${base}/:code`, 1, one],
  ];
}

const SORTS = ["sort_by", "sort_direction", "limit", "cursor"];

const setupRows: Row[] = [
  [
    "GET",
    "/api/v2/pipelines",
    5,
    (world, { query }) => {
      allowOnly(query, SORTS);
      return pageOf(world.pipelines.filter((one) => !one.is_deleted).map(showPipeline), query);
    },
  ],
  [
    "GET",
    "/api/v2/pipelines/:id",
    1,
    (world, call) => {
      const pipeline = world.pipelines.find((one) => one.id === id(call));
      if (!pipeline) throw notFound("Pipeline");
      return { data: showPipeline(pipeline) };
    },
  ],
  [
    "GET",
    "/api/v2/stages",
    5,
    (world, { query }) => {
      allowOnly(query, [...SORTS, "pipeline_id"]);
      const pipeline = integerParam(query, "pipeline_id");
      const stages = world.stages.filter(
        (one) => !one.is_deleted && (pipeline === null || one.pipeline_id === pipeline),
      );
      return pageOf(stages.map(showStage), query);
    },
  ],
  [
    "GET",
    "/api/v2/stages/:id",
    1,
    (world, call) => {
      const stage = world.stages.find((one) => one.id === id(call));
      if (!stage) throw notFound("Stage");
      return { data: showStage(stage) };
    },
  ],
  [
    "GET",
    "/v1/users",
    20,
    (world, { actor }) => ({ data: world.users.map((user) => showUser(world, user, actor.user)) }),
  ],
  ["GET", "/v1/users/me", 2, (world, { actor }) => ({ data: showMe(world, actor.user) })],
  [
    "GET",
    "/v1/users/:id",
    2,
    (world, call) => {
      const user = world.users.find((one) => one.id === id(call));
      if (!user) throw notFound("User");
      return { data: showUser(world, user, call.actor.user) };
    },
  ],
];

const noteRows: Row[] = [
  ["GET", "/v1/notes", 20, (world, { query, actor }) => listNotes(world, query, actor.user)],
  [
    "GET",
    "/v1/notes/:id",
    2,
    (world, call) => ({ data: showNote(world, read(world, "note", id(call)), call.actor.user.id) }),
  ],
  [
    "POST",
    "/v1/notes",
    10,
    (world, call) => ({ data: showNote(world, createNote(world, body(call), call.actor), call.actor.user.id) }),
  ],
  [
    "PUT",
    "/v1/notes/:id",
    10,
    (world, call) => ({
      data: showNote(world, updateNote(world, id(call), body(call), call.actor), call.actor.user.id),
    }),
  ],
  [
    "DELETE",
    "/v1/notes/:id",
    6,
    (world, call) => {
      remove(world, "note", id(call), call.actor);
      return { data: true };
    },
  ],
];

const searchRows: Row[] = [
  ["GET", "/api/v2/itemSearch", 20, (world, { query }) => found(itemSearch(world, query))],
  [
    "GET",
    "/api/v2/itemSearch/field",
    20,
    (world, { query }) => {
      return { data: fieldSearch(world, query).rows, additional_data: { next_cursor: null } };
    },
  ],
];

const ALL_ROWS = [
  ...(["person", "organization", "deal"] as const).flatMap(entityRows),
  ...setupRows,
  ...noteRows,
  ...searchRows,
];

const ROUTES: ReadonlyMap<string, Route> = new Map(
  ALL_ROWS.map(([method, path, cost, handle]) => {
    const name = `${method} ${path}`;
    return [name, { name, cost, search: /search/i.test(path), handle }];
  }),
);

export const ROUTE_COSTS: Readonly<Record<string, number>> = Object.fromEntries(
  [...ROUTES.values()].map(({ name, cost }) => [name, cost]),
);

/** The route of a path and what its `:id` or `:code` is. v1 answers under `/v1` and `/api/v1`, v2 under `/api/v2` only. */
export function findRoute(method: string, path: string): { route: Route; param: string } | null {
  const plain = path.startsWith("/api/v1/") ? path.slice(4) : path;
  const segments = plain.split("/");
  const at = plain.startsWith("/v1/") ? 3 : 4;
  const param = segments[at] ?? "";
  const exact = ROUTES.get(`${method} ${plain}`);
  if (exact) return { route: exact, param: "" };
  if (/^\d{1,15}$/.test(param)) segments[at] = ":id";
  else if (/Fields$/.test(segments[at - 1] ?? "")) segments[at] = ":code";
  const route = ROUTES.get(`${method} ${segments.join("/")}`);
  return route ? { route, param } : null;
}

export function unknownRoute(): Refusal {
  return new Refusal(404, "Unknown method .", { error_info: "Please check developers.pipedrive.com" });
}
