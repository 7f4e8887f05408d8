/** The OpenTelemetry SDK: planned spans to the collector. It is no part of what crmledger installs. */
import {
  type Attributes,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import type { ReadableSpan, Sampler, SpanExporter, SpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import type { PlannedSpan, PlannedTrace } from "./spans.ts";
import type { TraceSettings } from "./trace-settings.ts";

/** What a user installs beside crmledger, with the versions that run on the oldest Node that it does. */
const VERSIONS = {
  "@opentelemetry/sdk-trace": "2",
  "@opentelemetry/resources": "2",
  "@opentelemetry/exporter-trace-otlp-proto": "0.223",
  "@opentelemetry/exporter-trace-otlp-http": "0.223",
} as const;
type Package = keyof typeof VERSIONS;

/** More are not kept while the collector takes none: the newest are lost. */
const SPANS_KEPT = 8_192;
/** Spans of one request to the collector. */
const BATCH = 512;

export interface SpanSender {
  /** Takes the spans of a trace, where its sampler wants it. */
  take(planned: PlannedTrace): void;
  /** Sends what was taken; false where the collector did not take it. */
  send(): Promise<boolean>;
  /** Spans that were lost: not taken, or too many. */
  lost(): number;
}

/** Loads the SDK. A text says what is missing. */
export async function openSpanSender(settings: TraceSettings, version: string): Promise<SpanSender | string> {
  const wanted = packagesFor(settings);
  try {
    const [sdk, resources] = await Promise.all([
      import("@opentelemetry/sdk-trace"),
      import("@opentelemetry/resources"),
    ]);
    const exporter = await exporterOf(settings);
    const ids = fixedIds();
    const kept = keepSpans();
    const provider = new sdk.TracerProvider({
      resource: resources.defaultResource().merge(resources.resourceFromAttributes(settings.resource)),
      sampler: samplerOf(settings, sdk),
      idGenerator: ids,
      spanProcessors: [kept.processor],
    });
    return spanSender(provider, ids, kept, exporter, version);
  } catch (error) {
    if (!isMissing(error)) throw error;
    const named = wanted.map((name) => `${name}@${VERSIONS[name]}`).join(" ");
    return `OpenTelemetry is asked for by the environment (OTEL_...), and its SDK is not installed: no traces. npm install ${named}`;
  }
}

function packagesFor({ protocol }: TraceSettings): Package[] {
  const common: Package[] = ["@opentelemetry/sdk-trace", "@opentelemetry/resources"];
  const json = protocol === "http/json";
  return [...common, json ? "@opentelemetry/exporter-trace-otlp-http" : "@opentelemetry/exporter-trace-otlp-proto"];
}

function isMissing(error: unknown): boolean {
  return (error as { code?: unknown }).code === "ERR_MODULE_NOT_FOUND";
}

type Sdk = typeof import("@opentelemetry/sdk-trace");

async function exporterOf({ protocol, url, headers, timeoutMs }: TraceSettings): Promise<SpanExporter> {
  const { OTLPTraceExporter } =
    protocol === "http/json"
      ? await import("@opentelemetry/exporter-trace-otlp-http")
      : await import("@opentelemetry/exporter-trace-otlp-proto");
  return new OTLPTraceExporter({ url, headers, timeoutMillis: timeoutMs });
}

function samplerOf({ sampler: { name, ratio } }: TraceSettings, sdk: Sdk): Sampler {
  const always = name.endsWith("always_off") ? new sdk.AlwaysOffSampler() : new sdk.AlwaysOnSampler();
  const own = name.endsWith("traceidratio") ? new sdk.TraceIdRatioBasedSampler(ratio) : always;
  return name.startsWith("parentbased_") ? new sdk.ParentBasedSampler({ root: own }) : own;
}

/** Gives the ids that were set before. */
function fixedIds() {
  const next = { traceId: "", spanId: "" };
  return { next, generateTraceId: () => next.traceId, generateSpanId: () => next.spanId };
}

function keepSpans() {
  const spans: ReadableSpan[] = [];
  let lost = 0;
  const processor: SpanProcessor = {
    onStart: () => undefined,
    onEnd(span) {
      if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return;
      if (spans.length < SPANS_KEPT) spans.push(span);
      else lost += 1;
    },
    forceFlush: async () => undefined,
    shutdown: async () => undefined,
  };
  const lose = (count: number): void => {
    lost += count;
  };
  return { processor, spans, lose, lost: () => lost };
}

function spanSender(
  provider: TracerProvider,
  ids: ReturnType<typeof fixedIds>,
  kept: ReturnType<typeof keepSpans>,
  exporter: SpanExporter,
  version: string,
): SpanSender {
  const tracer = provider.getTracer("crmledger", version);
  const start = (traceId: string, span: PlannedSpan, parent: Span | null): Span => {
    Object.assign(ids.next, { traceId, spanId: span.id });
    const { startMs, kind, attributes, links } = span;
    const context = parent === null ? ROOT_CONTEXT : trace.setSpan(ROOT_CONTEXT, parent);
    const options = { startTime: startMs, kind: KINDS[kind], attributes, links: links.map(linkTo) };
    return tracer.startSpan(span.name, options, context);
  };
  return {
    take({ traceId, remote, root, withRoot, spans }) {
      const first = start(traceId, root, remote === null ? null : spanOf(remote));
      const started = new Map([[root.id, first]]);
      for (const span of spans) {
        const own = start(traceId, span, started.get(span.parentId ?? root.id) ?? first);
        started.set(span.id, own);
        end(own, span);
      }
      // One that is not ended is not sent.
      if (withRoot) end(first, root);
    },
    async send() {
      for (let batch = kept.spans.splice(0, BATCH); batch.length > 0; batch = kept.spans.splice(0, BATCH)) {
        if (await exported(exporter, batch)) continue;
        kept.lose(batch.length);
        return false;
      }
      return true;
    },
    lost: () => kept.lost(),
  };
}

const KINDS = { internal: SpanKind.INTERNAL, client: SpanKind.CLIENT, consumer: SpanKind.CONSUMER } as const;

function end(span: Span, { events, isError, endMs }: PlannedSpan): void {
  for (const { name, atMs, attributes } of events) span.addEvent(name, attributes as Attributes, atMs);
  if (isError) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end(endMs);
}

function spanOf({ traceId, spanId, sampled }: { traceId: string; spanId: string; sampled: boolean }): Span {
  const traceFlags = sampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return trace.wrapSpanContext({ traceId, spanId, traceFlags, isRemote: true });
}

function linkTo({ traceId, spanId }: { traceId: string; spanId: string }) {
  return { context: { traceId, spanId, traceFlags: TraceFlags.SAMPLED } };
}

function exported(exporter: SpanExporter, spans: ReadableSpan[]): Promise<boolean> {
  return new Promise((resolve) => exporter.export(spans, ({ code }) => resolve(code === 0)));
}
