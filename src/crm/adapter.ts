/**
 * The adapter contract: the one seam between the runner and a vendor's API. An adapter is a set of pure functions and
 * declarations. It never sends, loops, sleeps or retries, and holds no state. A new CRM is one folder and one row in the
 * registry. Every adapter passes the same contract suite (test/contract/adapter-suite.ts).
 */
import type { Catalog, Entity, FieldCodec } from "../domain/catalog.ts";
import type { CrmId } from "../domain/ids.ts";
import type { CrmRecord, Operation, OperationGroup, Outcome, UpdateOperation } from "../domain/operation.ts";
import type { BucketSpec, Charge, LimitReading } from "../domain/quota.ts";
import type { HttpRequest, HttpResult, MayLeave } from "../domain/wire.ts";

export interface Capabilities {
  /** Operations of one group that fit into one request; 1: one operation, one request. */
  packMax: number;
  /**
   * Whether operations of one pack may refer to each other by `{ op }`, so that a whole chain goes in one request. The
   * runner then hands over the chain's operations together, parents first.
   */
  dependentOperations: boolean;
  /** How long to wait for more operations before a pack that is not full is sent. 0: not at all. */
  packLingerMs: number;
  /** Records of a list page, and ids of a `readMany`. */
  listPageSize: number;
  readManyMax: number;
  /** Longest note in characters, as sent. */
  noteLengthMax: number;
  /** How late a search may show a write, assumed. For explanations only. */
  searchLagMs: number;
  buckets: readonly BucketSpec[];
  /** What an operation costs in the `day` bucket, for plans and for the mirror's choice. */
  cost(operation: Operation["type"], entity: Entity | "catalog", subset?: "deleted" | "archived"): number;
}

/** What an adapter needs to know of an account to write a request. */
export interface CrmSession {
  /** No trailing slash. */
  baseUrl: string;
  timeoutMs: number;
  catalog: Catalog;
  /** Codes of the stamp fields; an absent one was not found. */
  stampFields: Partial<Record<Exclude<Entity, "note">, string>>;
}

/** One HTTP request that carries one or more operations. */
export interface PackedRequest {
  operations: readonly Operation[];
  group: OperationGroup;
  /** True where any operation changes something: such a request is never repeated while its outcome is unknown. */
  write: boolean;
  /** Without credentials: those are added at the transport, so that a packed request can be stored and shown. */
  http: HttpRequest;
  /** Path without ids and query, for statistics and the attempts' history, e.g. `/api/v2/persons/:id`. */
  route: string;
  charges: readonly Charge[];
}

export interface CrmAdapter {
  readonly vendor: string;
  readonly capabilities: Capabilities;
  readonly codec: FieldCodec;
  /** Default base URL, and the host suffixes that belong to the vendor, e.g. `.pipedrive.com`. */
  readonly defaultBaseUrl: string;
  readonly hostSuffixes: readonly string[];
  /** Headers that carry the credential. Called by the transport wrapper only. */
  authorize(secret: string): Record<string, string>;
  /**
   * Packs operations into requests: every operation in exactly one request, in an order that keeps parents before
   * children. Deterministic. Operations with an unresolved `{ op }` come only where `dependentOperations` is true.
   */
  pack(operations: readonly Operation[], session: CrmSession): PackedRequest[];
  /**
   * Turns a reply into one outcome for each operation, in the order of `request.operations`. A 2xx that can't be read, or
   * that does not account for an operation, is *uncertain*, never *applied* and never *refused*. Texts in it are redacted
   * of nothing: the caller does that.
   */
  classify(request: PackedRequest, result: HttpResult, session: CrmSession): Outcome[];
  /** Reads limits from any reply; empty where it says nothing. */
  limits(request: PackedRequest, result: HttpResult): LimitReading[];
  /** The server's clock in a reply (`Date`), UTC ms in whole seconds. */
  serverTimeMs(result: HttpResult): number | null;
  /**
   * Whether a write's values are in a record that was read later, as the CRM normalises them. For checks after a write; an
   * uncertain update is settled by the planner's difference.
   */
  contains(record: CrmRecord, update: Pick<UpdateOperation, "entity" | "values" | "links">, catalog: Catalog): boolean;
  /** Whether a stored note's text is what `text` in `format` becomes once the CRM has sanitised it. */
  sameNote(stored: string, text: string, format: "text" | "html"): boolean;
  /** Page of a record for people, or null. */
  link(entity: Entity, id: CrmId, session: CrmSession): string | null;
}

/** Sends a packed request with its credentials, once. Never throws. */
export type SendPacked = (request: PackedRequest, mayLeave?: MayLeave) => Promise<HttpResult>;
