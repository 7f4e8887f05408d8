/** The standard environment of OpenTelemetry, as far as traces of this program need it. */
import type { Attributes } from "./spans.ts";

export type OtlpProtocol = "http/protobuf" | "http/json";

export interface TraceSettings {
  protocol: OtlpProtocol;
  /** Whole, with `/v1/traces`. */
  url: string;
  headers: Record<string, string>;
  /** Of one request to the collector. */
  timeoutMs: number;
  sampler: { name: string; ratio: number };
  /** `service.name` among them. */
  resource: Attributes;
}

type Env = Readonly<Record<string, string | undefined>>;

/** A run's end waits no longer for a collector than this. */
export const FLUSH_MS = 2_000;

/**
 * What to send and where to; null where nobody asked for traces; a text where what was asked for can't be done. Traces are on
 * where `OTEL_TRACES_EXPORTER` is `otlp`, or an OTLP endpoint is set, and `OTEL_SDK_DISABLED` is not `true`.
 * https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ (read 2026-11-23).
 */
export function readTraceSettings(env: Env): TraceSettings | string | null {
  if (env.OTEL_SDK_DISABLED?.trim().toLowerCase() === "true") return null;
  const given = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || env.OTEL_EXPORTER_OTLP_ENDPOINT;
  const wanted = listOf(env.OTEL_TRACES_EXPORTER)[0] ?? (given ? "otlp" : "none");
  if (wanted === "none") return null;
  if (wanted !== "otlp") return `OTEL_TRACES_EXPORTER=${wanted} is not known here; otlp is`;
  const protocol = (
    env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ||
    env.OTEL_EXPORTER_OTLP_PROTOCOL ||
    "http/protobuf"
  ).trim();
  if (protocol !== "http/protobuf" && protocol !== "http/json")
    return `OTEL_EXPORTER_OTLP_PROTOCOL=${protocol} is not known; http/protobuf (port 4318) or http/json is`;
  const url = endpointOf(env);
  // Not shown: it may hold a password.
  if (url === null) return "OTEL_EXPORTER_OTLP_ENDPOINT is no http or https address for traces";
  const asked = Number(env.OTEL_EXPORTER_OTLP_TRACES_TIMEOUT || env.OTEL_EXPORTER_OTLP_TIMEOUT || FLUSH_MS);
  return {
    protocol,
    url,
    headers: { ...pairsOf(env.OTEL_EXPORTER_OTLP_HEADERS), ...pairsOf(env.OTEL_EXPORTER_OTLP_TRACES_HEADERS) },
    timeoutMs: asked > 0 ? Math.min(asked, FLUSH_MS) : FLUSH_MS,
    sampler: { name: env.OTEL_TRACES_SAMPLER?.trim() || "parentbased_always_on", ratio: ratioOf(env) },
    resource: resourceOf(env),
  };
}

/** The one for traces is taken as it is; to the common one the path is added. */
function endpointOf(env: Env): string | null {
  const own = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT;
  const common = env.OTEL_EXPORTER_OTLP_ENDPOINT || "http://localhost:4318";
  try {
    const url = new URL(own || `${common.replace(/\/+$/, "")}/v1/traces`);
    return url.protocol === "http:" || url.protocol === "https:" ? url.toString() : null;
  } catch {
    return null;
  }
}

function ratioOf(env: Env): number {
  const ratio = Number(env.OTEL_TRACES_SAMPLER_ARG || 1);
  return ratio >= 0 && ratio <= 1 ? ratio : 1;
}

function resourceOf(env: Env): Attributes {
  const given = pairsOf(env.OTEL_RESOURCE_ATTRIBUTES);
  return {
    "service.name": "crmledger",
    ...given,
    ...(env.OTEL_SERVICE_NAME && { "service.name": env.OTEL_SERVICE_NAME }),
  };
}

function listOf(text: string | undefined): string[] {
  return (text ?? "")
    .split(",")
    .map((item) => item.trim().toLowerCase())
    .filter((item) => item !== "");
}

/** `name=value,name=value`, values percent-encoded as in W3C Baggage. */
function pairsOf(text: string | undefined): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (const item of (text ?? "").split(",")) {
    const at = item.indexOf("=");
    const name = item.slice(0, Math.max(at, 0)).trim();
    if (name !== "") pairs[name] = decoded(item.slice(at + 1).trim());
  }
  return pairs;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
