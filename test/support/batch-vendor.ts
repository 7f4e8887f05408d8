/**
 * An in-memory CRM that takes up to 100 operations in a request, with references from one to another (as Salesforce's
 * Composite Graph does), answers each by itself (as HubSpot's 207 does), and may take one and finish it later.
 */

import type { FieldedEntity } from "../../src/domain/catalog.ts";
import { emptyRecord } from "../../src/domain/empty-record.ts";
import type { CrmRecord } from "../../src/domain/operation.ts";
import type { HttpRequest, HttpResponse, HttpResult } from "../../src/domain/wire.ts";

/** One operation as the vendor's wire has it. Ids in `links` are `{ id }`, or `{ ref }` of one before it. */
export interface WireOperation {
  ref: string;
  do:
    | "create"
    | "update"
    | "merge"
    | "delete"
    | "read"
    | "readMany"
    | "list"
    | "search"
    | "describe"
    | "createField"
    | "poll";
  entity?: CrmRecord["entity"];
  values?: Partial<CrmRecord>;
  links?: Partial<Record<"organization" | "person" | "deal", { id?: string; ref?: string }>>;
  id?: string;
  into?: string;
  ids?: string[];
  handle?: string;
  by?: string;
  fieldCode?: string;
  term?: string;
  part?: string;
  name?: string;
  cursor?: string | null;
  sinceMs?: number | null;
  personId?: string | null;
  dealId?: string | null;
  newestFirst?: boolean;
  openOnly?: boolean;
  subset?: "deleted" | "archived" | null;
}

export interface WireResult {
  ref: string;
  status: "ok" | "refused" | "gone" | "notAttempted" | "accepted";
  id?: string;
  record?: CrmRecord;
  records?: CrmRecord[];
  next?: string | null;
  catalog?: unknown;
  handle?: string;
  message?: string;
}

/** What happens to a write: `omit` does it and leaves it out of the reply. */
export type Verdict = "ok" | "refuse" | "accept" | "omit";

export interface BatchVendorOptions {
  /** UTC ms; also the `Date` header. */
  nowMs: () => number;
  /** Decides each write. Default: ok. */
  judge?: (operation: WireOperation) => Verdict;
  /** Replaces the reply of a request that was executed, e.g. by a failure: a lost answer. */
  spoil?: (reply: HttpResponse, requestNumber: number) => HttpResult;
  /** Requests per window; more are answered 429. */
  windowLimit?: number;
  windowMs?: number;
  /** Tokens a day, one for each operation. */
  dayLimit?: number;
  pageSize?: number;
  stampFields?: boolean;
}

export interface BatchCounts {
  requests: number;
  writeRequests: number;
  operations: number;
  created: number;
  refusedByLimit: number;
  /** Most operations in one request. */
  largest: number;
}

export const STAMP_CODE = "crmledger_stamp";
const DAY_MS = 86_400_000;

export class BatchVendor {
  readonly records = new Map<string, CrmRecord>();
  readonly counts: BatchCounts = {
    requests: 0,
    writeRequests: 0,
    operations: 0,
    created: 0,
    refusedByLimit: 0,
    largest: 0,
  };
  readonly #options: Required<Omit<BatchVendorOptions, "spoil" | "judge">> & BatchVendorOptions;
  readonly #jobs = new Map<string, { asked: number; operation: WireOperation }>();
  readonly #arrivals: number[] = [];
  readonly #fields: { entity: FieldedEntity; code: string; name: string }[] = [];
  #spent = { day: -1, tokens: 0 };
  #nextId = 1;

  constructor(options: BatchVendorOptions) {
    this.#options = {
      windowLimit: 20,
      windowMs: 1000,
      dayLimit: 100_000,
      pageSize: 200,
      stampFields: true,
      ...options,
    };
    for (const entity of ["person", "organization", "deal"] as const) {
      this.#fields.push({ entity, code: "comment", name: "Comment" });
      if (this.#options.stampFields) this.#fields.push({ entity, code: STAMP_CODE, name: "crmledger" });
    }
  }

  /** All live records of an entity, by id. */
  list(entity: CrmRecord["entity"]): CrmRecord[] {
    const live = [...this.records.values()].filter((record) => record.entity === entity && !record.deleted);
    return live.sort((a, b) => Number(a.id) - Number(b.id));
  }

  async send(request: HttpRequest): Promise<HttpResult> {
    this.counts.requests += 1;
    if (!request.headers.authorization) return this.#reply(401, { error: "no token" });
    const operations = (JSON.parse(request.body ?? "{}") as { operations: WireOperation[] }).operations;
    if (!this.#admit(operations.length)) {
      this.counts.refusedByLimit += 1;
      return this.#reply(429, { error: "slow down" });
    }
    if (request.url.endsWith("/write")) this.counts.writeRequests += 1;
    this.counts.operations += operations.length;
    this.counts.largest = Math.max(this.counts.largest, operations.length);
    const done = new Map<string, string>();
    const results = operations.flatMap((operation) => this.#perform(operation, done) ?? []);
    const reply = this.#reply(207, { results });
    return this.#options.spoil?.(reply, this.counts.requests) ?? reply;
  }

  #admit(tokens: number): boolean {
    const now = this.#options.nowMs();
    const day = Math.floor(now / DAY_MS);
    if (day !== this.#spent.day) this.#spent = { day, tokens: 0 };
    while (this.#arrivals.length > 0 && this.#arrivals[0]! <= now - this.#options.windowMs) this.#arrivals.shift();
    if (this.#arrivals.length >= this.#options.windowLimit) return false;
    if (this.#spent.tokens + tokens > this.#options.dayLimit) return false;
    this.#arrivals.push(now);
    this.#spent.tokens += tokens;
    return true;
  }

  #reply(status: number, body: unknown): HttpResponse {
    const headers = {
      date: new Date(this.#options.nowMs()).toUTCString(),
      "content-type": "application/json",
      "x-window-limit": `${this.#options.windowLimit}`,
      "x-window-remaining": `${Math.max(0, this.#options.windowLimit - this.#arrivals.length)}`,
      "x-day-limit": `${this.#options.dayLimit}`,
      "x-day-remaining": `${Math.max(0, this.#options.dayLimit - this.#spent.tokens)}`,
    };
    return { type: "response", status, headers, body: JSON.stringify(body) };
  }

  #perform(operation: WireOperation, done: Map<string, string>): WireResult | null {
    if (operation.do === "create" || operation.do === "update") return this.#write(operation, done);
    const { ref } = operation;
    if (operation.do === "merge" || operation.do === "delete") return this.#remove(operation);
    if (operation.do === "poll") return this.#poll(operation);
    if (operation.do === "read") {
      const record = this.records.get(operation.id ?? "");
      if (record?.entity !== operation.entity || record?.deleted !== false) return { ref, status: "gone" };
      return { ref, status: "ok", id: record.id, record };
    }
    if (operation.do === "createField") {
      this.#fields.push({ entity: operation.entity as FieldedEntity, code: STAMP_CODE, name: operation.name ?? "" });
      return { ref, status: "ok", id: STAMP_CODE };
    }
    if (operation.do === "describe") return { ref, status: "ok", catalog: this.#catalog(operation.part ?? "") };
    return { ref, status: "ok", ...this.#query(operation) };
  }

  #write(operation: WireOperation, done: Map<string, string>): WireResult | null {
    const { ref } = operation;
    const links = Object.entries(operation.links ?? {}).map(([name, link]) => [
      name,
      link.id ?? done.get(link.ref ?? ""),
    ]);
    if (links.some(([, id]) => id === undefined))
      return { ref, status: "notAttempted", message: "its parent is not there" };
    const verdict = this.#options.judge?.(operation) ?? "ok";
    if (verdict === "refuse") return { ref, status: "refused", message: "the vendor's reason" };
    if (links.some(([, id]) => !this.records.has(id!))) return { ref, status: "gone" };
    const resolved = { ...operation, links: Object.fromEntries(links.map(([name, id]) => [name, { id }])) };
    if (verdict === "accept") {
      this.#jobs.set(ref, { asked: 0, operation: resolved });
      return { ref, status: "accepted", handle: ref };
    }
    const record = this.#store(resolved);
    if (record === null) return { ref, status: "gone" };
    done.set(ref, record.id);
    return verdict === "omit" ? null : { ref, status: "ok", id: record.id, record };
  }

  #remove({ ref, id = "", into }: WireOperation): WireResult | null {
    const loser = this.records.get(id);
    const stays = into === undefined ? loser : this.records.get(into);
    if (loser?.deleted !== false || stays?.deleted !== false) return { ref, status: "gone" };
    this.records.set(id, { ...loser, deleted: true });
    return { ref, status: "ok", id: stays.id };
  }

  /** A job is done when it is asked for the second time. */
  #poll({ ref, handle = "" }: WireOperation): WireResult {
    const job = this.#jobs.get(handle);
    if (!job) return { ref, status: "gone" };
    job.asked += 1;
    if (job.asked < 2) return { ref, status: "accepted", handle };
    const record = this.#store(job.operation);
    this.#jobs.delete(handle);
    return record === null ? { ref, status: "gone" } : { ref, status: "ok", id: record.id, record };
  }

  #store({ do: verb, id, entity, values = {}, links = {} }: WireOperation): CrmRecord | null {
    const before = verb === "update" ? this.records.get(id ?? "") : vendorRecord(entity!, String(this.#nextId++));
    if (!before || before.deleted) return null;
    const now = Math.floor(this.#options.nowMs() / 1000) * 1000;
    const after: CrmRecord = {
      ...before,
      ...values,
      fields: { ...before.fields, ...values.fields },
      ...(links.organization && { organizationId: links.organization.id ?? null }),
      ...(links.person && { personId: links.person.id ?? null }),
      ...(links.deal && { dealId: links.deal.id ?? null }),
      createdAtMs: before.createdAtMs ?? now,
      updatedAtMs: now,
    };
    const stamp = after.fields[STAMP_CODE];
    after.stamp = after.entity === "note" ? referenceOf(after.text) : typeof stamp === "string" ? stamp : null;
    this.records.set(after.id, after);
    if (verb === "create") this.counts.created += 1;
    return after;
  }

  #query(operation: WireOperation): Pick<WireResult, "records" | "next"> {
    const all = [...this.records.values()].filter((record) => record.entity === operation.entity);
    const live = all.filter((record) => record.deleted === (operation.subset === "deleted"));
    if (operation.do === "readMany")
      return { records: live.filter(({ id }) => operation.ids?.includes(id)), next: null };
    if (operation.do === "search") return { records: live.filter((record) => matches(record, operation)), next: null };
    const archived = operation.subset === "archived";
    const sign = operation.newestFirst ? -1 : 1;
    const rows = live
      .filter((record) => record.archived === archived && (record.updatedAtMs ?? 0) >= (operation.sinceMs ?? 0))
      .filter((record) => !operation.personId || record.personId === operation.personId)
      .filter((record) => !operation.dealId || record.dealId === operation.dealId)
      .filter((record) => operation.openOnly !== true || record.status === "open")
      .filter((record) => !operation.cursor || sign * (Number(record.id) - Number(operation.cursor)) > 0)
      .sort((a, b) => sign * (Number(a.id) - Number(b.id)));
    const page = rows.slice(0, this.#options.pageSize);
    return { records: page, next: rows.length > page.length ? page.at(-1)!.id : null };
  }

  #catalog(part: string): unknown {
    const entity = part.slice("fields:".length);
    if (part.startsWith("fields:"))
      return { fields: this.#fields.filter((field) => field.entity === entity), labels: [{ id: "l1", label: "Web" }] };
    if (part === "pipelines") return [{ id: "pl1", name: "Sales" }];
    if (part === "stages") return [{ id: "st1", name: "New", pipelineId: "pl1" }];
    if (part === "users") return [{ id: "u1", name: "Sam Seller", email: "sam@example.com", active: true }];
    return { externalId: "batch-1", name: "Batch Ltd", domain: null, userId: "u1", userName: "Sam Seller" };
  }
}

function matches(record: CrmRecord, { by, term = "", fieldCode = "" }: WireOperation): boolean {
  const wanted = term.trim().toLowerCase();
  if (by === "email") return record.emails.some((email) => email.toLowerCase() === wanted);
  if (by === "phone") return record.phones.includes(term);
  if (by === "field") return String(record.fields[fieldCode] ?? "").toLowerCase() === wanted;
  return (record.name ?? record.title ?? "").toLowerCase() === wanted;
}

const referenceOf = (text: string | null): string | null =>
  /(?:^|\n)Ref\. (\S+\/.+?)(?: \(\d+\/\d+\))?\s*$/.exec(text ?? "")?.[1] ?? null;

function vendorRecord(entity: CrmRecord["entity"], id: string): CrmRecord {
  return { ...emptyRecord(entity, id), status: entity === "deal" ? "open" : null };
}
