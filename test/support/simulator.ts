import type { HttpFailure, HttpRequest, HttpResult } from "../../src/domain/wire.ts";
import type { SimulatorOptions } from "../../src/simulator/options.ts";
import { createSimulator, type Simulator } from "../../src/simulator/simulator.ts";
import { CANARY_TOKEN } from "./canary.ts";
import { createVirtualClock, type VirtualClock } from "./virtual-clock.ts";

export { createVirtualClock, type VirtualClock };

/** A reply with its body parsed, or a failure's code in place of a status. */
export interface Said {
  status: number;
  failure: HttpFailure | null;
  headers: Readonly<Record<string, string>>;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: replies are looked into by tests, which fail on what is not there.
  json: any;
}

export type Caller = (
  method: HttpRequest["method"],
  path: string,
  body?: unknown,
  options?: CallOptions,
) => Promise<Said>;

export interface CallOptions {
  token?: string;
  timeoutMs?: number;
  bytesMax?: number;
  headers?: Record<string, string>;
  /** Sent as it is, instead of `body` as JSON. */
  raw?: string;
}

export function createCaller(simulator: Pick<Simulator, "handle" | "tokens">, clock?: VirtualClock): Caller {
  return async (method, path, body, options = {}) => {
    const text = options.raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const sent = simulator.handle({
      method,
      url: `https://acme.pipedrive.com${path}`,
      headers: {
        "x-api-token": options.token ?? simulator.tokens[0]!,
        ...(text === undefined ? {} : { "Content-Type": "application/json" }),
        ...options.headers,
      },
      ...(text === undefined ? {} : { body: text }),
      timeoutMs: options.timeoutMs ?? 30_000,
      bytesMax: options.bytesMax ?? 10_000_000,
    });
    return said(await (clock ? clock.run(sent) : sent));
  };
}

function said(result: HttpResult): Said {
  if (result.type === "failure") return { status: 0, failure: result, headers: {}, text: "", json: null };
  let json: unknown = null;
  try {
    json = JSON.parse(result.body);
  } catch {
    // A garbled or HTML body: tests look at `text` then.
  }
  return { status: result.status, failure: null, headers: result.headers, text: result.body, json };
}

/** A simulator on its own virtual clock, and a client for it. Stamp fields are there, limits are not, unless asked for. */
export function simulated(options: Partial<Omit<SimulatorOptions, "clock">> = {}, startMs?: number) {
  const clock = createVirtualClock(startMs);
  const simulator = createSimulator({
    clock,
    limits: null,
    withStampFields: true,
    tokens: [CANARY_TOKEN],
    ...options,
  });
  return { clock, simulator, call: createCaller(simulator, clock) };
}
