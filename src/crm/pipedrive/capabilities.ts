/**
 * What Pipedrive's API can do and what it costs. Costs are the `x-token-cost` of its OpenAPI documents (v1 and v2, state of
 * 2026-08-18); limits are those of https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting (read 2026-09-20).
 */
import type { Entity } from "../../domain/catalog.ts";
import type { Operation } from "../../domain/operation.ts";
import type { BucketSpec, Charge } from "../../domain/quota.ts";
import type { Capabilities } from "../adapter.ts";

/** The vendor's maximum for lists, v1 and v2. */
export const PAGE_SIZE_MAX = 500;
export const READ_MANY_MAX = 100;
/** The window of all requests of a token; of search requests. */
const WINDOW_MS = 2000;
/** Of the smallest plan (Lite) with an API token; `x-ratelimit-limit` tells the real one. */
const BURST_DEFAULT = 20;
const SEARCH_LIMIT = 10;
const DAY_MS = 86_400_000;

/** The vendor's limit is "about 100,000 characters", counted as sent (API reference, notes): a little room for "about". */
const NOTE_LENGTH_MAX = 95_000;
/** Not documented; public integrations wait 3 s. */
const SEARCH_LAG_MS = 3000;

const BUCKETS: readonly BucketSpec[] = [
  { name: "burst", kind: "window", scope: "credential", windowMs: WINDOW_MS, defaultLimit: BURST_DEFAULT },
  { name: "search", kind: "window", scope: "credential", windowMs: WINDOW_MS, defaultLimit: SEARCH_LIMIT },
  { name: "day", kind: "day", scope: "account", windowMs: DAY_MS, defaultLimit: null },
];

const DESCRIBE_COST = { account: 2, users: 20, pipelines: 5, stages: 5 } as const;
const FIELDS_COST = 10;

/** Notes live in v1, which costs twice as much. */
function cost(type: Operation["type"], entity: Entity | "catalog", subset?: "deleted" | "archived"): number {
  const factor = entity === "note" ? 2 : 1;
  switch (type) {
    case "create":
    case "update":
    case "createField":
      return 5 * factor;
    case "merge":
      return 40;
    case "delete":
      return 3 * factor;
    case "read":
      return 1 * factor;
    case "list":
      return (subset === "archived" ? 20 : 10) * factor;
    case "readMany":
      return 10;
    case "search":
      return 20;
    case "describe":
      return FIELDS_COST;
    case "poll":
      return 0;
  }
}

export const pipedriveCapabilities: Capabilities = {
  packMax: 1,
  dependentOperations: false,
  packLingerMs: 0,
  listPageSize: PAGE_SIZE_MAX,
  readManyMax: READ_MANY_MAX,
  noteLengthMax: NOTE_LENGTH_MAX,
  searchLagMs: SEARCH_LAG_MS,
  buckets: BUCKETS,
  cost,
};

/** What one operation's request takes: a search takes a slot of both windows, since nothing says that it does not. */
export function chargesOf(operation: Operation): Charge[] {
  const charges = [
    { bucket: "burst", amount: 1 },
    { bucket: "day", amount: tokensOf(operation) },
  ];
  return operation.type === "search" ? [...charges, { bucket: "search", amount: 1 }] : charges;
}

function tokensOf(operation: Operation): number {
  if (operation.type === "poll") return 0;
  if (operation.type !== "describe")
    return cost(operation.type, operation.entity, operation.type === "list" ? operation.subset : undefined);
  const part = operation.part;
  return part in DESCRIBE_COST ? DESCRIBE_COST[part as keyof typeof DESCRIBE_COST] : FIELDS_COST;
}
