/** The simulator as an in-process transport: the time a request takes, and what the client makes of each delivery. */
import type { Clock, Random } from "../domain/clock.ts";
import type { HttpFailure, HttpRequest, HttpResult } from "../domain/wire.ts";
import type { Arrival, Delivery } from "./exchange.ts";

export const DRIP_MS_PER_BYTE = 100;
/** How much of an endless reply there is. */
export const HUGE_BYTES = 256 * 1024 * 1024;

export interface Legs {
  thereMs: number;
  backMs: number;
}

/** Splits a round trip at the instant in which the server counts the request. */
export function legs(roundTripMs: number | { leastMs: number; mostMs: number }, random: Random): Legs {
  if (roundTripMs === 0) return { thereMs: 0, backMs: 0 };
  const total =
    typeof roundTripMs === "number"
      ? roundTripMs
      : roundTripMs.leastMs + random.next() * (roundTripMs.mostMs - roundTripMs.leastMs);
  const thereMs = Math.round(total * random.next());
  return { thereMs, backMs: Math.round(total) - thereMs };
}

const failure = (code: string, message: string): HttpFailure => ({ type: "failure", sent: "maybe", code, message });

export async function exchangeOnWire(
  clock: Pick<Clock, "sleep">,
  takeLegs: () => Legs,
  onArrival: (arrival: Arrival) => Delivery,
  request: HttpRequest,
): Promise<HttpResult> {
  if (!URL.canParse(request.url)) return { type: "failure", sent: "no", code: "BAD_URL", message: "not a URL" };
  const { thereMs, backMs } = takeLegs();
  if (thereMs > 0) await clock.sleep(Math.min(thereMs, request.timeoutMs));
  const { pathname, search } = new URL(request.url);
  const headers = lowerCase(request.headers);
  const delivery = onArrival({ method: request.method, target: pathname + search, headers, body: request.body });
  const leftMs = Math.max(0, request.timeoutMs - thereMs);
  const takesMs = durationMs(delivery, backMs);
  if (takesMs > leftMs || thereMs > request.timeoutMs) {
    await clock.sleep(leftMs);
    return failure("TIMEOUT", `no complete reply within ${request.timeoutMs} ms`);
  }
  if (takesMs > 0) await clock.sleep(takesMs);
  return outcome(delivery, request);
}

function durationMs(delivery: Delivery, backMs: number): number {
  if (delivery.type === "hang") return Number.POSITIVE_INFINITY;
  if (delivery.type === "drip") return backMs + Buffer.byteLength(delivery.reply.body) * DRIP_MS_PER_BYTE;
  return backMs;
}

function outcome(delivery: Delivery, request: HttpRequest): HttpResult {
  if (!("reply" in delivery)) return failure("RESET", "the connection was reset before a reply came");
  const { status, headers, body } = delivery.reply;
  if (delivery.type === "truncated") return failure("TRUNCATED", "the reply broke off in its middle");
  const tooLarge =
    delivery.type === "huge"
      ? HUGE_BYTES > request.bytesMax
      : body.length * 3 > request.bytesMax && Buffer.byteLength(body) > request.bytesMax;
  if (tooLarge) return failure("TOO_LARGE", `the reply is longer than ${request.bytesMax} bytes`);
  return { type: "response", status, headers, body };
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
