/** One request's way through the server: gate, limits, route, effect, and what of it the client gets to see. */

import { dealCap } from "./deals.ts";
import type { Fault, FaultDice, FaultKind } from "./fault-plan.ts";
import type { LimitCause, Limits } from "./limits.ts";
import { count, type RequestCounters } from "./log.ts";
import type { UserRecord } from "./records.ts";
import { errorBody, Refusal } from "./refusal.ts";
import { findRoute, type Route, unknownRoute } from "./routes.ts";
import { fieldCap } from "./setup.ts";
import type { Timeline } from "./timeline.ts";
import type { World } from "./world.ts";

export interface Arrival {
  method: string;
  /** Path and query. */
  target: string;
  /** Lower-case names. */
  headers: Readonly<Record<string, string | undefined>>;
  body: string | undefined;
}

export interface Reply {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** `reset`: the connection breaks without a byte. `truncated`: it breaks in the middle of the body. `hang`: silence. */
export type Delivery = { type: "reset" | "hang" } | { type: "reply" | "truncated" | "drip" | "huge"; reply: Reply };

export interface ExchangeParts {
  world: World;
  limits: Limits | null;
  dice: FaultDice;
  timeline: Timeline;
  counters: RequestCounters;
  tokens: Map<string, UserRecord>;
}

const HTML = { "content-type": "text/html; charset=UTF-8" };
const BLOCK_PAGE =
  "<!DOCTYPE html><html><head><title>Access denied | Cloudflare</title></head><body><h1>Error 1015</h1><p>You are being rate limited.</p></body></html>";
const SOME_PAGE = "<!DOCTYPE html><html><head><title>Sign in</title></head><body><p>Please sign in.</p></body></html>";

interface Visit {
  arrival: Arrival;
  path: string;
  requestNo: number;
  token: string;
  /** Whose token it was when the request came in; it may be taken back before a late effect. */
  user: UserRecord | undefined;
  fault: Fault | null;
  found: ReturnType<typeof findRoute>;
}

/** Everything happens in this call; only `lateApply` leaves something for later. */
export function receive(parts: ExchangeParts, arrival: Arrival): Delivery {
  parts.timeline.catchUp();
  const { counters, world } = parts;
  const requestNo = ++counters.total;
  const mark = arrival.target.indexOf("?");
  const path = mark < 0 ? arrival.target : arrival.target.slice(0, mark);
  const found = findRoute(arrival.method, path);
  count(counters.byRoute, found?.route.name ?? "unknown");
  const fault = suitable(parts.dice.draw(arrival.method, path), arrival.method, path);
  if (fault) count(counters.faults, fault.kind);
  const token = tokenOf(arrival);
  const visit: Visit = { arrival, path, requestNo, token, user: parts.tokens.get(token), fault, found };
  const delivery = deliver(parts, visit);
  count(counters.byStatus, "reply" in delivery ? String(delivery.reply.status) : "0");
  if ("reply" in delivery) {
    delivery.reply.headers = {
      date: new Date(world.nowMs).toUTCString(),
      "content-type": "application/json; charset=utf-8",
      "x-correlation-id": `sim-${requestNo}`,
      ...delivery.reply.headers,
    };
  }
  if (parts.limits) counters.peakWindow = parts.limits.peakWindow;
  return delivery;
}

/** A plan's cap is met by what makes deals or fields, and by nothing else. */
function suitable(fault: Fault | null, method: string, path: string): Fault | null {
  if (fault?.kind !== "planCap") return fault;
  return method === "POST" && /\/(deals|\w+Fields)$/.test(path) ? fault : null;
}

function tokenOf({ headers }: Arrival): string {
  return headers["x-api-token"] ?? headers.authorization?.replace(/^Bearer /i, "") ?? "";
}

function deliver(parts: ExchangeParts, visit: Visit): Delivery {
  const kind = visit.fault?.kind;
  if (kind === "resetBefore") return { type: "reset" };
  if (kind === "hang") return { type: "hang" };
  const refused = atTheGate(parts, visit);
  if (refused) return { type: "reply", reply: refused };
  if (kind === "lateApply") return applyLate(parts, visit);
  const reply = answer(parts, visit);
  if (kind === "duplicateDelivery") answer(parts, visit);
  return afterEffect(kind, reply);
}

function afterEffect(kind: FaultKind | undefined, reply: Reply): Delivery {
  switch (kind) {
    case "resetAfter":
      return { type: "reset" };
    case "hangAfter":
      return { type: "hang" };
    case "truncated":
      return { type: "truncated", reply };
    case "drip":
      return { type: "drip", reply };
    case "hugeBody":
      return { type: "huge", reply };
    case "error500After":
      return { type: "reply", reply: serverError(500) };
    case "garbage2xx":
      return { type: "reply", reply: { ...reply, status: 200, body: `${reply.body.slice(0, 40)}\u0000…` } };
    case "html2xx":
      return { type: "reply", reply: { status: 200, headers: HTML, body: SOME_PAGE } };
    default:
      return { type: "reply", reply };
  }
}

/** What refuses a request before anything is done: faults first, then credentials, then limits. */
function atTheGate(parts: ExchangeParts, visit: Visit): Reply | null {
  const { fault, token } = visit;
  switch (fault?.kind) {
    case "html403":
      return { status: 403, headers: HTML, body: BLOCK_PAGE };
    case "redirect":
      return { status: 302, headers: { ...HTML, location: "https://login.example.com/" }, body: "" };
    case "unauthorized":
      return unauthorized();
    case "paymentRequired":
      return refusal(new Refusal(402, "Company account is not open (possible reason: trial expired)"));
    case "error500Before":
      return serverError(500);
    case "error503":
      return serverError(503, fault.retryAfter);
    case "planCap":
      return refusal(/Fields$/.test(visit.path) ? fieldCap() : dealCap());
  }
  if (!parts.tokens.has(token)) return unauthorized();
  if (fault?.kind === "rateLimit429") {
    parts.counters.limited.injected++;
    const headers = parts.limits?.headers(parts.world.nowMs, token) ?? {};
    return tooMany({ ...headers, "x-ratelimit-remaining": "0" }, fault.retryAfter);
  }
  return limited(parts, visit);
}

function limited(parts: ExchangeParts, { token, found }: Visit): Reply | null {
  const { limits, world, counters } = parts;
  const cause: LimitCause | null = limits?.admit(world.nowMs, token, found?.route.search ?? false) ?? null;
  if (!limits || cause === null) return null;
  if (cause === "blocked") {
    counters.blocked++;
    return { status: 403, headers: HTML, body: BLOCK_PAGE };
  }
  counters.limited[cause]++;
  const headers = limits.headers(world.nowMs, token);
  if (cause === "search") headers["x-ratelimit-remaining"] = "0";
  return tooMany(headers, limits.options.retryAfter ? headers["x-ratelimit-reset"]! : null);
}

/** The status page's words; the body's shape is not documented, the usual envelope is assumed. */
function tooMany(headers: Record<string, string>, retryAfter: string | null): Reply {
  const reply = refusal(new Refusal(429, "Request over limit"));
  return { ...reply, headers: { ...headers, ...(retryAfter === null ? {} : { "retry-after": retryAfter }) } };
}

/** As seen from the live host; `errorCode` is in no documented envelope. */
function unauthorized(): Reply {
  const error = { success: false, error: "unauthorized access", errorCode: 401 };
  return {
    status: 401,
    headers: {},
    body: JSON.stringify({ ...error, error_info: "Please check developers.pipedrive.com" }),
  };
}

function serverError(status: number, retryAfter: string | null = null): Reply {
  const words: Readonly<Record<number, string>> = { 500: "Internal server error", 503: "Service unavailable" };
  const reply = refusal(new Refusal(status, words[status] ?? "Gateway timeout"));
  return retryAfter === null ? reply : { ...reply, headers: { "retry-after": retryAfter } };
}

function refusal(error: Refusal): Reply {
  return { status: error.status, headers: {}, body: errorBody(error) };
}

/** Runs the route. A refused call is not charged. */
function answer(parts: ExchangeParts, visit: Visit): Reply {
  const { world, limits, counters } = parts;
  const reply = perform(parts, visit);
  const route: Route | undefined = visit.found?.route;
  if (reply.status < 400 && route) {
    limits?.charge(world.nowMs, route.cost);
    counters.tokens += route.cost;
    count(counters.tokensByRoute, route.name, route.cost);
  }
  if (limits) reply.headers = limits.headers(world.nowMs, visit.token);
  return reply;
}

function perform(parts: ExchangeParts, { arrival, found, user, requestNo }: Visit): Reply {
  try {
    if (!found) throw unknownRoute();
    const mark = arrival.target.indexOf("?");
    const success = found.route.handle(parts.world, {
      param: found.param,
      query: new URLSearchParams(mark < 0 ? "" : arrival.target.slice(mark)),
      contentType: arrival.headers["content-type"],
      bodyText: arrival.body,
      actor: { user: user!, via: "api", requestNo },
    });
    const body = JSON.stringify({ success: true, ...success });
    return { status: 200, headers: {}, body };
  } catch (error) {
    if (error instanceof Refusal) return refusal(error);
    throw error;
  }
}

function applyLate(parts: ExchangeParts, visit: Visit): Delivery {
  if (visit.arrival.method !== "GET") parts.timeline.later(visit.fault!.ms, () => answer(parts, visit));
  return { type: "reply", reply: serverError(504) };
}
