/**
 * A test-only adapter for `BatchVendor`: the proof that the adapter contract carries batches, whole chains in one request,
 * partial failures and pending work without a change to runner, planner or ledger.
 */
import { z } from "zod";
import type { Capabilities, CrmAdapter, CrmSession, PackedRequest } from "../../src/crm/adapter.ts";
import type { Catalog, CatalogPart, FieldCodec, FieldDef, FieldedEntity } from "../../src/domain/catalog.ts";
import { canonicalJson } from "../../src/domain/json.ts";
import type { CrmRecord, Links, Operation, OperationGroup, Outcome, Ref } from "../../src/domain/operation.ts";
import { isWrite } from "../../src/domain/operation.ts";
import type { LimitReading } from "../../src/domain/quota.ts";
import type { HttpResponse, HttpResult } from "../../src/domain/wire.ts";
import { BatchVendor, type BatchVendorOptions, STAMP_CODE, type WireOperation } from "./batch-vendor.ts";

const PACK_MAX = 100;
const POLL_AFTER_MS = 1000;

/** An adapter with its vendor behind an in-process transport. */
export function createBatchCrm(options: BatchVendorOptions) {
  const vendor = new BatchVendor(options);
  return { adapter: batchAdapter, vendor, transport: vendor.send.bind(vendor), counts: vendor.counts };
}

const capabilities: Capabilities = {
  packMax: PACK_MAX,
  dependentOperations: true,
  packLingerMs: 5,
  listPageSize: 200,
  readManyMax: 100,
  noteLengthMax: 10_000,
  searchLagMs: 0,
  buckets: [
    { name: "window", kind: "window", scope: "credential", windowMs: 1000, defaultLimit: 20 },
    { name: "day", kind: "day", scope: "account", windowMs: 86_400_000, defaultLimit: 100_000 },
  ],
  cost: () => 1,
};

const codec: FieldCodec = {
  encode: (_def, value) => {
    if (value === null || value === undefined || value === "") return { ok: true, value: undefined };
    return typeof value === "object" ? { ok: false, reason: "is not a text" } : { ok: true, value: String(value) };
  },
  equal: (_def, ours, theirs) => String(ours ?? "").trim() === String(theirs ?? "").trim(),
  display: (_def, value) => String(value ?? ""),
};

export const batchAdapter: CrmAdapter = {
  vendor: "batch",
  capabilities,
  codec,
  defaultBaseUrl: "https://api.batch.example.com",
  hostSuffixes: [".batch.example.com"],
  authorize: (secret) => ({ authorization: `Bearer ${secret}` }),
  pack,
  classify,
  limits,
  serverTimeMs: (result) => {
    const ms = result.type === "response" ? Date.parse(result.headers.date ?? "") : Number.NaN;
    return Number.isFinite(ms) ? ms : null;
  },
  contains: (record, { values, links }) => {
    const { fields = {}, ...plain } = values;
    const held = (ref: Ref | undefined, id: string | null) => ref === undefined || ("id" in ref && ref.id === id);
    return (
      Object.entries(plain).every(
        ([name, value]) => canonicalJson(value) === canonicalJson(record[name as keyof CrmRecord]),
      ) &&
      Object.entries(fields).every(([code, value]) => record.fields[code] === value) &&
      held(links.organization, record.organizationId) &&
      held(links.person, record.personId)
    );
  },
  sameNote: (stored, text) => stored.trim() === text.trim(),
  link: () => null,
};

/** Chains stay whole: what refers to each other goes together, in the order given. Reads and writes are apart. */
function pack(operations: readonly Operation[], session: CrmSession): PackedRequest[] {
  const requests: PackedRequest[] = [];
  for (const write of [true, false]) {
    let full: Operation[] = [];
    for (const chain of chains(operations.filter((operation) => isWrite(operation) === write))) {
      if (full.length > 0 && full.length + chain.length > PACK_MAX) {
        requests.push(requestOf(full, write, session));
        full = [];
      }
      full.push(...chain);
    }
    if (full.length > 0) requests.push(requestOf(full, write, session));
  }
  return requests;
}

function refsOf(operation: Operation): string[] {
  if (operation.type !== "create" && operation.type !== "update") return [];
  return Object.values(operation.links).flatMap((ref: Ref) => ("op" in ref ? [ref.op] : []));
}

function chains(operations: readonly Operation[]): Operation[][] {
  const chainOf = new Map<string, Operation[]>();
  const all = new Set<Operation[]>();
  for (const operation of operations) {
    const merged: Operation[] = [];
    for (const parent of new Set(refsOf(operation).map((key) => chainOf.get(key) ?? []))) {
      all.delete(parent);
      merged.push(...parent);
    }
    merged.push(operation);
    all.add(merged);
    for (const member of merged) chainOf.set(member.key, merged);
  }
  return [...all];
}

function requestOf(operations: readonly Operation[], write: boolean, session: CrmSession): PackedRequest {
  const route = write ? "/write" : "/read";
  return {
    operations,
    group: groupOf(operations[0]!),
    write,
    http: {
      method: "POST",
      url: `${session.baseUrl}${route}`,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ operations: operations.map((operation) => wireOf(operation, session)) }),
      timeoutMs: session.timeoutMs,
      bytesMax: 8 * 1024 * 1024,
    },
    route,
    charges: [
      { bucket: "window", amount: 1 },
      { bucket: "day", amount: operations.length },
    ],
  };
}

const GROUPS = { person: "persons", organization: "organizations", deal: "deals", note: "notes" } as const;
const groupOf = (operation: Operation): OperationGroup =>
  operation.type === "search"
    ? "search"
    : "entity" in operation && operation.type !== "createField"
      ? GROUPS[operation.entity]
      : "setup";

function wireOf(operation: Operation, session: CrmSession): WireOperation {
  const { key: ref, type, ...rest } = operation;
  if (type === "create" || type === "update") {
    const { entity, values, links } = operation;
    const stampField = entity === "note" ? undefined : session.stampFields[entity];
    const stamp = operation.type === "create" && operation.stamp && stampField ? { [stampField]: operation.stamp } : {};
    const fields = { ...values.fields, ...stamp };
    const id = operation.type === "update" ? { id: operation.id } : {};
    return { ref, do: type, entity, ...id, values: { ...values, fields }, links: wireLinks(links) };
  }
  return { ref, do: type, ...rest } as WireOperation;
}

function wireLinks(links: Links): WireOperation["links"] {
  const wire = Object.entries(links).map(([name, ref]: [string, Ref]) => [
    name,
    "id" in ref ? { id: ref.id } : { ref: ref.op },
  ]);
  return Object.fromEntries(wire);
}

const resultSchema = z.looseObject({
  ref: z.string(),
  status: z.enum(["ok", "refused", "gone", "notAttempted", "accepted"]),
  id: z.string().min(1).optional(),
  record: z.looseObject({ id: z.string().min(1) }).optional(),
  records: z.array(z.looseObject({ id: z.string().min(1) })).optional(),
  next: z.string().nullish(),
  catalog: z.unknown().optional(),
  handle: z.string().min(1).optional(),
  message: z.string().optional(),
});
const replySchema = z.looseObject({ results: z.array(z.unknown()) });

function classify(request: PackedRequest, result: HttpResult): Outcome[] {
  const forAll = (outcome: Outcome) => request.operations.map(() => outcome);
  if (result.type === "failure") {
    if (result.sent === "maybe") return forAll({ type: "uncertain", code: result.code, message: result.message });
    return forAll({ type: "deferred", reason: "unsent", message: result.message, retryAfterMs: null });
  }
  if (result.status < 200 || result.status >= 300) return forAll(refusal(result, request.group));
  const rows = rowsOf(result);
  return request.operations.map((operation) => {
    const own = rows.filter((row) => row.ref === operation.key);
    return own.length === 1 ? outcomeOf(operation, own[0]!) : unaccounted(result.status);
  });
}

/** A row that can't be read is no row: its operation is then not accounted for. */
function rowsOf(result: HttpResponse): z.infer<typeof resultSchema>[] {
  let body: unknown;
  try {
    body = JSON.parse(result.body);
  } catch {
    return [];
  }
  const reply = replySchema.safeParse(body);
  return reply.success ? reply.data.results.flatMap((row) => resultSchema.safeParse(row).data ?? []) : [];
}

const unaccounted = (status: number): Outcome => ({
  type: "uncertain",
  code: "UNACCOUNTED",
  message: `answered ${status} without saying what became of it`,
});

function outcomeOf(operation: Operation, row: z.infer<typeof resultSchema>): Outcome {
  const message = row.message ?? `answered ${row.status}`;
  switch (row.status) {
    case "refused":
      return { type: "refused", code: "VENDOR_REFUSED", message };
    case "gone":
      return { type: "refused", code: "NOT_FOUND", message, gone: true };
    case "notAttempted":
      return { type: "deferred", reason: "unavailable", message, retryAfterMs: null };
    case "accepted":
      return row.handle ? { type: "pending", handle: row.handle, askAfterMs: POLL_AFTER_MS } : unaccounted(207);
    case "ok":
      return applied(operation, row) ?? unaccounted(207);
  }
}

function applied(operation: Operation, row: z.infer<typeof resultSchema>): Outcome | null {
  const { id, record, records, next = null } = row;
  switch (operation.type) {
    case "describe": {
      const catalog = catalogOf(operation.part, row.catalog);
      return catalog && { type: "applied", catalog, next: null };
    }
    case "list":
    case "readMany":
    case "search":
      return records ? { type: "applied", records: records as unknown as CrmRecord[], next } : null;
    case "createField":
      return id ? { type: "applied", id } : null;
    case "delete":
      return id === operation.id ? { type: "applied", id } : null;
    case "merge":
      return id === operation.into ? { type: "applied", id } : null;
    default:
      return id && record?.id === id ? { type: "applied", id, record: record as unknown as CrmRecord } : null;
  }
}

function catalogOf(part: CatalogPart, raw: unknown): Partial<Catalog> | null {
  if (typeof raw !== "object" || raw === null) return null;
  if (!part.startsWith("fields:")) return { [part]: raw };
  const entity = part.slice("fields:".length) as FieldedEntity;
  const { fields, labels } = raw as { fields: Pick<FieldDef, "code" | "name">[]; labels: [] };
  const defs = fields.map((field) => ({ ...field, entity, type: "text", custom: true, writable: true, options: [] }));
  return { fields: { [entity]: defs }, labels: { [entity]: labels } };
}

function refusal(result: HttpResponse, group: OperationGroup): Outcome {
  const { status, body } = result;
  const message = `answered ${status}`;
  if (status === 429) {
    const daily = result.headers["x-day-remaining"] === "0";
    const hold = { kind: "dailyQuota", scope: "account", forMs: null, message } as const;
    return { type: "deferred", reason: daily ? "daily" : "burst", message, retryAfterMs: null, ...(daily && { hold }) };
  }
  if (status === 408 || status < 200 || status >= 500) return { type: "uncertain", code: `HTTP_${status}`, message };
  const refused = { type: "refused", code: `HTTP_${status}`, message } as const;
  if (status === 401 || status === 402)
    return { ...refused, hold: { kind: "credentials", scope: "credential", forMs: null, message } };
  if (status < 400)
    return { ...refused, code: "REDIRECT", hold: { kind: "outage", scope: "account", forMs: null, message } };
  if (status !== 403) return refused;
  if (!body.startsWith("{")) return { ...refused, hold: { kind: "blocked", scope: "account", forMs: null, message } };
  if (!body.includes("feature_capping")) return refused;
  return { ...refused, hold: { kind: "planCap", scope: `group:${group}`, forMs: null, message } };
}

function limits(_request: PackedRequest, result: HttpResult): LimitReading[] {
  if (result.type !== "response") return [];
  const count = (name: string) => {
    const text = result.headers[name] ?? "";
    return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  };
  return (["window", "day"] as const).flatMap((bucket) => {
    const reading: LimitReading = { bucket };
    const limit = count(`x-${bucket}-limit`);
    const remaining = count(`x-${bucket}-remaining`);
    if (limit !== undefined) reading.limit = limit;
    if (remaining !== undefined) reading.remaining = remaining;
    if (result.status === 429 && remaining === 0) reading.exceeded = true;
    return Object.keys(reading).length > 1 ? [reading] : [];
  });
}

export { STAMP_CODE };
