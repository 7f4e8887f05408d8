/**
 * Turns a reply into an outcome. The rule behind all of it: *refused* and *deferred* only where it is certain that nothing
 * happened, *applied* only where the reply proves it; everything between is *uncertain*.
 */
import type {
  CreateFieldOperation,
  Operation,
  Outcome,
  RemoveOperation,
  WriteOperation,
} from "../../domain/operation.ts";
import type { HttpResponse, HttpResult } from "../../domain/wire.ts";
import type { CrmSession, PackedRequest } from "../adapter.ts";
import { createdFieldCode } from "./catalog-pages.ts";
import { type Envelope, parseEnvelope, refusalOf } from "./envelope.ts";
import { isDailyRefusal, retryAfterMs } from "./limits.ts";
import { recordId } from "./names.ts";
import { readOutcome } from "./read-replies.ts";
import { parseRecord } from "./records.ts";
import { explained } from "./refused-field.ts";

export function classifyOne(request: PackedRequest, result: HttpResult, session: CrmSession): Outcome {
  const operation = request.operations[0] as Operation;
  if (result.type === "failure") {
    if (result.sent === "maybe") return { type: "uncertain", code: result.code, message: result.message };
    return { type: "deferred", reason: "unsent", message: result.message, retryAfterMs: null };
  }
  const { status } = result;
  if (status >= 200 && status < 300) return success(operation, result, session);
  if (status >= 300 && status < 400) return redirected(status);
  if (status === 429) return limited(result);
  if (status >= 400 && status < 500 && status !== 408) return refused(request, operation, result, session);
  return { type: "uncertain", code: `HTTP_${status}`, message: refusalOf(status, parseEnvelope(result.body)).message };
}

function success(operation: Operation, result: HttpResponse, session: CrmSession): Outcome {
  const envelope = parseEnvelope(result.body);
  if (envelope === null) return unreadable(result.status, "its body is not the JSON of a reply");
  if (!envelope.success) return unreadable(result.status, "its body does not say success");
  if (operation.type === "create" || operation.type === "update")
    return written(operation, envelope, session) ?? unreadable(result.status, "it does not name the record");
  if (operation.type === "merge" || operation.type === "delete")
    return removed(operation, envelope) ?? unreadable(result.status, "it does not name the record");
  if (operation.type === "createField")
    return fieldMade(operation, envelope) ?? unreadable(result.status, "it does not name the field");
  return readOutcome(operation, envelope, session) ?? unreadable(result.status, "it is not what was asked for");
}

function unreadable(status: number, why: string): Outcome {
  return { type: "uncertain", code: "UNREADABLE_REPLY", message: `Pipedrive answered ${status}, but ${why}` };
}

function written(operation: WriteOperation, envelope: Envelope, session: CrmSession): Outcome | null {
  const id = recordId((envelope.data as { id?: unknown } | null | undefined)?.id);
  if (id === null || (operation.type === "update" && id !== operation.id)) return null;
  const record = parseRecord(operation.entity, envelope.data, session);
  return { type: "applied", id, ...(record && { record }) };
}

/** v1 says `true` of a deleted note. Of a merged organization it names an id, and not which of the two that is. */
function removed(operation: RemoveOperation, { data }: Envelope): Outcome | null {
  const named = recordId((data as { id?: unknown } | null | undefined)?.id);
  if (operation.type === "delete") {
    const done = operation.entity === "note" ? data === true : named === operation.id;
    return done ? { type: "applied", id: operation.id } : null;
  }
  const done = named === operation.into || (operation.entity === "organization" && named === operation.id);
  return done ? { type: "applied", id: operation.into } : null;
}

function fieldMade(_operation: CreateFieldOperation, envelope: Envelope): Outcome | null {
  const code = createdFieldCode(envelope.data);
  return code === null ? null : { type: "applied", id: code };
}

function redirected(status: number): Outcome {
  const message = `Pipedrive answered ${status}, a redirect, which is never followed: check crm.baseUrl`;
  return {
    type: "refused",
    code: "REDIRECT",
    message,
    hint: "crm.baseUrl must be the host that answers itself, such as https://acme.pipedrive.com.",
    hold: { kind: "outage", scope: "account", forMs: null, message, unsure: true },
  };
}

/** A 429 was refused before execution: nothing happened. */
function limited(result: HttpResponse): Outcome {
  const waitMs = retryAfterMs(result);
  if (!isDailyRefusal(result))
    return {
      type: "deferred",
      reason: "burst",
      message: "Pipedrive answered 429: too many requests at a time",
      retryAfterMs: waitMs,
    };
  const message = "Pipedrive's daily token budget of the company is used up";
  return {
    type: "deferred",
    reason: "daily",
    message,
    retryAfterMs: waitMs,
    hold: { kind: "dailyQuota", scope: "account", forMs: waitMs, message },
  };
}

function refused(request: PackedRequest, operation: Operation, result: HttpResponse, session: CrmSession): Outcome {
  const { status } = result;
  const envelope = parseEnvelope(result.body);
  const refusal = explained(refusalOf(status, envelope), operation, envelope, session);
  if (status === 401 || status === 402) return credentialsRefused(status, refusal.message);
  if (status === 403) return forbidden(request, envelope, refusal);
  if (status !== 410 && !isOfTheApi(status, envelope)) return notTheApi(refusal);
  if (status !== 404 && status !== 410) return { type: "refused", ...refusal };
  return { type: "refused", ...refusal, ...(namesRecords(operation) && { gone: true }) };
}

function credentialsRefused(status: number, message: string): Outcome {
  const hint =
    status === 401
      ? "Check the token in crm.apiTokenFile (Pipedrive: Personal preferences, API)."
      : "The company's Pipedrive account is not open: its trial or payment has ended.";
  return {
    type: "refused",
    code: status === 401 ? "UNAUTHORIZED" : "PAYMENT_REQUIRED",
    message,
    hint,
    hold: { kind: "credentials", scope: "credential", forMs: null, message: `${message}. ${hint}` },
  };
}

function forbidden(
  request: PackedRequest,
  envelope: Envelope | null,
  refusal: { code: string; message: string },
): Outcome {
  if (envelope === null) {
    const message =
      "Pipedrive's front (Cloudflare) answered 403 without a JSON body: it blocks this token, this address or this request";
    return {
      type: "refused",
      code: "BLOCKED",
      message,
      hint: "It follows too many ignored 429s. Wait; lower limits.share; see which other tools use this token.",
      hold: { kind: "blocked", scope: "account", forMs: null, message, unsure: true },
    };
  }
  if (!/^feature_capping/i.test(refusal.code)) return { type: "refused", ...refusal };
  return {
    type: "refused",
    ...refusal,
    hint: "The plan's allowance is used up: close, archive or delete records, or change the plan.",
    hold: { kind: "planCap", scope: `group:${request.group}`, forMs: null, message: refusal.message },
  };
}

/** A proxy in between answers in HTML, or in JSON of its own; the API's own "not found" always says `success`. */
function isOfTheApi(status: number, envelope: Envelope | null): boolean {
  return envelope !== null && (status !== 404 || "success" in envelope.raw);
}

/** What is no reply of the API says nothing about a record. */
function notTheApi(refusal: { code: string; message: string }): Outcome {
  const message = `${refusal.message}, and not as the API does: check crm.baseUrl and what stands before it`;
  const hold = { kind: "outage", scope: "account", forMs: null, message, unsure: true } as const;
  return { type: "refused", ...refusal, message, hold };
}

function namesRecords(operation: Operation): boolean {
  if (["read", "update", "readMany", "merge", "delete"].includes(operation.type)) return true;
  return operation.type === "create" && Object.keys(operation.links).length > 0;
}
