/** One operation, one request: Pipedrive has no batch writes. */
import { CrmledgerError } from "../../domain/errors.ts";
import type {
  DescribeOperation,
  ListOperation,
  Operation,
  OperationGroup,
  SearchOperation,
} from "../../domain/operation.ts";
import { isWrite } from "../../domain/operation.ts";
import type { HttpRequest } from "../../domain/wire.ts";
import type { CrmSession, PackedRequest } from "../adapter.ts";
import { writeBody } from "./bodies.ts";
import { chargesOf, PAGE_SIZE_MAX } from "./capabilities.ts";
import { COLLECTIONS, FIELD_COLLECTIONS, wireId } from "./names.ts";

/** What a request needs beyond the session. */
interface Call {
  method: HttpRequest["method"];
  version: "v1" | "v2";
  /** Path segments; one that starts with ":" stands for the id. */
  path: string;
  id?: string;
  query?: Record<string, string | undefined>;
  body?: Record<string, unknown>;
}

const SINGLE_BYTES_MAX = 4 * 1024 * 1024;
/** A page of 500 records with hundreds of custom fields each. */
const PAGE_BYTES_MAX = 32 * 1024 * 1024;
const SEARCH_HITS_MAX = 100;

export function packOne(operation: Operation, session: CrmSession): PackedRequest {
  const call = callOf(operation, session);
  const route = `${prefix(session.baseUrl, call.version)}${call.path}`;
  const path = call.id === undefined ? route : route.replace(":id", encodeURIComponent(call.id));
  const query = queryText(call.query ?? {});
  return {
    operations: [operation],
    group: groupOf(operation),
    write: isWrite(operation),
    http: {
      method: call.method,
      url: `${session.baseUrl}${path}${query}`,
      headers: {
        accept: "application/json",
        ...(call.body && { "content-type": "application/json; charset=utf-8" }),
      },
      ...(call.body && { body: JSON.stringify(call.body) }),
      timeoutMs: session.timeoutMs,
      bytesMax: operation.type === "list" || operation.type === "readMany" ? PAGE_BYTES_MAX : SINGLE_BYTES_MAX,
    },
    route,
    charges: chargesOf(operation),
  };
}

/** The vendor's documents use `/v1` on api.pipedrive.com and `/api/v1` on company hosts; v2 is `/api/v2` on both. */
function prefix(baseUrl: string, version: Call["version"]): string {
  return version === "v1" && baseUrl === "https://api.pipedrive.com" ? "/v1" : `/api/${version}`;
}

function queryText(query: Record<string, string | undefined>): string {
  const parts = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  return parts.length === 0 ? "" : `?${parts.join("&")}`;
}

function groupOf(operation: Operation): OperationGroup {
  if (operation.type === "search") return "search";
  if (operation.type === "describe" || operation.type === "createField" || operation.type === "poll") return "setup";
  return COLLECTIONS[operation.entity];
}

function callOf(operation: Operation, session: CrmSession): Call {
  switch (operation.type) {
    case "create":
    case "update": {
      const path = `/${COLLECTIONS[operation.entity]}`;
      const body = writeBody(operation, session);
      const version = operation.entity === "note" ? "v1" : "v2";
      if (operation.type === "create") return { method: "POST", version, path, body };
      return { method: version === "v1" ? "PUT" : "PATCH", version, path: `${path}/:id`, id: operation.id, body };
    }
    case "merge": {
      // The path names the one that goes, the body the one that stays and wins (vendor's page "Merging two persons").
      const path = `/${COLLECTIONS[operation.entity]}/:id/merge`;
      return { method: "PUT", version: "v1", path, id: operation.id, body: { merge_with_id: wireId(operation.into) } };
    }
    case "delete": {
      const version = operation.entity === "note" ? "v1" : "v2";
      return { method: "DELETE", version, path: `/${COLLECTIONS[operation.entity]}/:id`, id: operation.id };
    }
    case "read": {
      const version = operation.entity === "note" ? "v1" : "v2";
      return { method: "GET", version, path: `/${COLLECTIONS[operation.entity]}/:id`, id: operation.id };
    }
    case "list":
      return operation.entity === "note" ? noteListCall(operation) : listCall(operation);
    case "readMany": {
      const query = { ids: operation.ids.join(","), sort_by: "id", sort_direction: "asc", limit: `${PAGE_SIZE_MAX}` };
      return { method: "GET", version: "v2", path: `/${COLLECTIONS[operation.entity]}`, query };
    }
    case "search":
      return searchCall(operation);
    case "describe":
      return describeCall(operation);
    case "createField":
      return {
        method: "POST",
        version: "v2",
        path: `/${FIELD_COLLECTIONS[operation.entity]}`,
        body: { field_name: operation.name, field_type: "varchar" },
      };
    case "poll":
      throw new CrmledgerError("unexpected", "Pipedrive never leaves an operation pending", {
        hint: "This is a bug: please report it. Nothing was sent.",
      });
  }
}

/** Fractions of a second are refused, so the instant is rounded down. */
function sinceText(sinceMs: number | undefined): string | undefined {
  if (sinceMs === undefined) return undefined;
  return new Date(Math.floor(sinceMs / 1000) * 1000).toISOString().replace(".000Z", "Z");
}

function listCall(operation: ListOperation): Call {
  const isDeals = operation.entity === "deal";
  const archived = isDeals && operation.subset === "archived";
  const status = operation.subset === "deleted" ? "deleted" : operation.openOnly === true ? "open" : undefined;
  return {
    method: "GET",
    version: "v2",
    path: `/${COLLECTIONS[operation.entity]}${archived ? "/archived" : ""}`,
    query: {
      ...(isDeals && { person_id: operation.personId, org_id: operation.organizationId, status }),
      updated_since: sinceText(operation.sinceMs),
      sort_by: "id",
      sort_direction: operation.newestFirst ? "desc" : "asc",
      limit: `${PAGE_SIZE_MAX}`,
      cursor: operation.cursor,
    },
  };
}

/** v1: pages by offset; the cursor is the next `start`. */
function noteListCall(operation: ListOperation): Call {
  return {
    method: "GET",
    version: "v1",
    path: "/notes",
    query: {
      deal_id: operation.dealId,
      person_id: operation.personId,
      updated_since: sinceText(operation.sinceMs),
      sort: operation.newestFirst ? "id DESC" : "id ASC",
      start: operation.cursor ?? "0",
      limit: `${PAGE_SIZE_MAX}`,
    },
  };
}

function searchCall(operation: SearchOperation): Call {
  const name = operation.entity === "deal" ? "title" : "name";
  const fields = operation.by === "field" ? "custom_fields" : operation.by === "name" ? name : operation.by;
  return {
    method: "GET",
    version: "v2",
    path: `/${COLLECTIONS[operation.entity]}/search`,
    query: { term: operation.term, fields, exact_match: "true", limit: `${SEARCH_HITS_MAX}` },
  };
}

function describeCall({ part, cursor }: DescribeOperation): Call {
  const page = { limit: `${PAGE_SIZE_MAX}`, cursor };
  switch (part) {
    case "account":
      return { method: "GET", version: "v1", path: "/users/me" };
    case "users":
      return { method: "GET", version: "v1", path: "/users" };
    case "pipelines":
    case "stages":
      return { method: "GET", version: "v2", path: `/${part}`, query: { sort_by: "id", ...page } };
    case "fields:person":
    case "fields:organization":
    case "fields:deal": {
      const entity = part.slice("fields:".length) as keyof typeof FIELD_COLLECTIONS;
      const query = { include_fields: "required_fields", ...page };
      return { method: "GET", version: "v2", path: `/${FIELD_COLLECTIONS[entity]}`, query };
    }
  }
}
