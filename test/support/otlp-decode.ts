/**
 * Reads an ExportTraceServiceRequest, from protobuf's own bytes or as JSON. Field numbers: opentelemetry-proto, collector/trace/v1,
 * trace/v1, common/v1 and resource/v1 (https://github.com/open-telemetry/opentelemetry-proto, read 2026-11-23).
 */
import type { CollectedSpan } from "./otlp-collector.ts";

type Fields = Map<number, (Buffer | bigint)[]>;

/** The wire format: varints, eight and four bytes, and what has a length (https://protobuf.dev/programming-guides/encoding/). */
function fieldsOf(bytes: Buffer): Fields {
  const fields: Fields = new Map();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at]!;
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const taken = (length: number): Buffer => {
    at += length;
    if (at > bytes.length) throw new Error("cut short");
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const wire = tag & 7;
    let value: Buffer | bigint;
    if (wire === 0) value = varint();
    else if (wire === 1) value = taken(8);
    else if (wire === 2) value = taken(Number(varint()));
    else if (wire === 5) value = taken(4);
    else throw new Error(`wire type ${wire}`);
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), value]);
  }
  return fields;
}

const parts = (fields: Fields, number: number): Buffer[] => (fields.get(number) ?? []) as Buffer[];
const part = (fields: Fields, number: number): Buffer => parts(fields, number)[0] ?? Buffer.alloc(0);
const count = (fields: Fields, number: number): number => Number(fields.get(number)?.[0] ?? 0);
const text = (fields: Fields, number: number): string => part(fields, number).toString();
const instantMs = (fields: Fields, number: number): number =>
  Number(part(fields, number).readBigUInt64LE() / 1_000_000n);

function attributesOf(fields: Fields, number: number): Record<string, unknown> {
  return Object.fromEntries(
    parts(fields, number).map((bytes) => {
      const pair = fieldsOf(bytes);
      return [text(pair, 1), anyValue(fieldsOf(part(pair, 2)))];
    }),
  );
}

function anyValue(value: Fields): unknown {
  const [number] = [...value.keys()];
  if (number === 1) return text(value, 1);
  if (number === 2) return count(value, 2) === 1;
  if (number === 3) return count(value, 3);
  return number === 4 ? part(value, 4).readDoubleLE() : null;
}

export function decodeTraces(bytes: Buffer): CollectedSpan[] {
  return parts(fieldsOf(bytes), 1).flatMap((resourceSpans) => {
    const of = fieldsOf(resourceSpans);
    const resource = attributesOf(fieldsOf(part(of, 1)), 1);
    return parts(of, 2).flatMap((scopeSpans) =>
      parts(fieldsOf(scopeSpans), 2).map((span) => spanOf(fieldsOf(span), resource)),
    );
  });
}

function spanOf(span: Fields, resource: Record<string, unknown>): CollectedSpan {
  return {
    traceId: part(span, 1).toString("hex"),
    spanId: part(span, 2).toString("hex"),
    parentId: part(span, 4).toString("hex"),
    name: text(span, 5),
    kind: count(span, 6),
    startMs: instantMs(span, 7),
    endMs: instantMs(span, 8),
    attributes: attributesOf(span, 9),
    events: parts(span, 11).map((bytes) => {
      const event = fieldsOf(bytes);
      return { atMs: instantMs(event, 1), name: text(event, 2), attributes: attributesOf(event, 3) };
    }),
    links: parts(span, 13).map((bytes) => {
      const link = fieldsOf(bytes);
      return { traceId: part(link, 1).toString("hex"), spanId: part(link, 2).toString("hex") };
    }),
    status: count(fieldsOf(part(span, 15)), 3),
    resource,
  };
}

// biome-ignore lint/suspicious/noExplicitAny: a document of somebody else, and a test that fails on what is not there
type Json = any;

/** The JSON form: ids as hex, instants as text of nanoseconds. */
export function readJsonTraces(body: Json): CollectedSpan[] {
  return body.resourceSpans.flatMap((one: Json) =>
    one.scopeSpans.flatMap((scope: Json) =>
      scope.spans.map(
        (span: Json): CollectedSpan => ({
          ...{ traceId: span.traceId, spanId: span.spanId, parentId: span.parentSpanId ?? "", name: span.name },
          kind: span.kind,
          startMs: jsonMs(span.startTimeUnixNano),
          endMs: jsonMs(span.endTimeUnixNano),
          attributes: jsonAttributes(span.attributes),
          events: span.events.map((event: Json) => ({
            ...{ name: event.name, atMs: jsonMs(event.timeUnixNano), attributes: jsonAttributes(event.attributes) },
          })),
          links: span.links.map(({ traceId, spanId }: Json) => ({ traceId, spanId })),
          status: span.status.code,
          resource: jsonAttributes(one.resource.attributes),
        }),
      ),
    ),
  );
}

const jsonMs = (nanoseconds: string): number => Number(BigInt(nanoseconds) / 1_000_000n);

function jsonAttributes(pairs: Json[]): Record<string, unknown> {
  return Object.fromEntries(
    pairs.map(({ key, value }) => {
      const { stringValue, boolValue, intValue, doubleValue } = value;
      return [key, stringValue ?? boolValue ?? (intValue === undefined ? doubleValue : Number(intValue))];
    }),
  );
}
