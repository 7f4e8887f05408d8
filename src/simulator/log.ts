import type { Entity } from "../domain/catalog.ts";
import type { Via } from "./records.ts";

/** One effect that really happened, whatever the client was told: the oracle that tests hold a ledger against. */
export interface LogEntry {
  /** UTC ms of the CRM's clock. */
  at: number;
  entity: Entity;
  id: number;
  /** `merge`: `id` is the loser, `body.merge_with_id` the survivor. */
  action: "create" | "update" | "delete" | "merge";
  body: Readonly<Record<string, unknown>>;
  /** The stamp that the record carried afterwards (of a note: its reference line), or null. */
  stamp: string | null;
  via: Via;
  /** Number of the request that caused it, counted from 1; null for what people did. */
  requestNo: number | null;
}

/** What the server saw. A request that never reached it (a reset before) is counted with status 0. */
export interface RequestCounters {
  total: number;
  /** Status as text to count; `0` where no status was sent. */
  byStatus: Record<string, number>;
  /** `GET /api/v2/persons/:id` to count. */
  byRoute: Record<string, number>;
  /** Tokens charged to us; refused calls cost nothing. */
  tokens: number;
  tokensByRoute: Record<string, number>;
  /** 429s by cause; `injected` ones come from the fault plan. */
  limited: { burst: number; search: number; daily: number; injected: number };
  /** Requests refused by the abuse block. */
  blocked: number;
  faults: Record<string, number>;
  /** Most requests (accepted ones) that any rolling window held, others' included. */
  peakWindow: number;
}

export function createCounters(): RequestCounters {
  return {
    total: 0,
    byStatus: {},
    byRoute: {},
    tokens: 0,
    tokensByRoute: {},
    limited: { burst: 0, search: 0, daily: 0, injected: 0 },
    blocked: 0,
    faults: {},
    peakWindow: 0,
  };
}

export function count(bag: Record<string, number>, name: string, by = 1): void {
  bag[name] = (bag[name] ?? 0) + by;
}
