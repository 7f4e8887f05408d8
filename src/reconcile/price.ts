/** Which way an entity's records are looked at, and what that costs. Pure. */
import type { Capabilities } from "../crm/adapter.ts";
import { ENTITIES, type Entity } from "../domain/catalog.ts";
import type { CheckScope } from "../ledger/checks.ts";
import type { CheckPrice, EntityPrice, Way } from "./reconcile.ts";

export interface PriceInput {
  scope: CheckScope;
  /** Records of ours in the scope. */
  records: Readonly<Record<Entity, number>>;
  /** Records that the CRM is known to have, as far as the mirror or an earlier check knows; at least ours. */
  known: Readonly<Record<Entity, number>>;
}

/** The least that a check costs. Where the CRM has more records than we know of, a walk takes a page for each 500 of them. */
export function priceCheck(input: PriceInput, capabilities: Capabilities): CheckPrice {
  const entities = ENTITIES.map((entity) => priceEntity(entity, input, capabilities));
  return {
    entities,
    requests: entities.reduce((sum, each) => sum + each.requests, 0),
    tokens: entities.reduce((sum, each) => sum + each.tokens, 0),
  };
}

function priceEntity(entity: Entity, input: PriceInput, capabilities: Capabilities): EntityPrice {
  const records = input.records[entity];
  const walk = walkPrice(Math.max(input.known[entity], records), entity, capabilities);
  const base = { entity, records };
  // Stamps that the ledger doesn't know are only found by looking, so without a time or source all lists are read.
  if (input.scope.sinceMs === null && input.scope.source === null) return { ...base, way: "walk", ...walk };
  if (records === 0 && input.scope.sinceMs === null) return { ...base, way: "none", requests: 0, tokens: 0 };
  // Of one source's deals and notes nothing but ids tells which they are.
  const listed = input.scope.sinceMs !== null || entity === "person" || entity === "organization";
  const changed = changedPrice(records, entity, listed, capabilities);
  const way: Way = changed.tokens < walk.tokens ? "changed" : "walk";
  return { ...base, way, ...(way === "walk" ? walk : changed) };
}

interface Price {
  requests: number;
  tokens: number;
}

function walkPrice(records: number, entity: Entity, { listPageSize, cost }: Capabilities): Price {
  const requests = Math.max(1, Math.ceil(records / listPageSize));
  return { requests, tokens: requests * cost("list", entity) };
}

/** The pages of what changed (at least one), and all of ours by id: how many of them changed is not known before. */
function changedPrice(records: number, entity: Entity, listed: boolean, { readManyMax, cost }: Capabilities): Price {
  const byId =
    entity === "note"
      ? { requests: records, tokens: records * cost("read", entity) }
      : {
          requests: Math.ceil(records / readManyMax),
          tokens: Math.ceil(records / readManyMax) * cost("readMany", entity),
        };
  if (!listed) return byId;
  return { requests: 1 + byId.requests, tokens: cost("list", entity) + byId.tokens };
}
