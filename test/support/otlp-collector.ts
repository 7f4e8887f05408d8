/** A collector of traces on loopback: takes OTLP over HTTP as protobuf or JSON, and decodes what came. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { decodeTraces, readJsonTraces } from "./otlp-decode.ts";

export interface CollectedSpan {
  traceId: string;
  spanId: string;
  /** Empty: a root. */
  parentId: string;
  name: string;
  /** 1 internal, 3 client, 5 consumer (opentelemetry/proto/trace/v1/trace.proto). */
  kind: number;
  startMs: number;
  endMs: number;
  attributes: Record<string, unknown>;
  events: { name: string; atMs: number; attributes: Record<string, unknown> }[];
  links: { traceId: string; spanId: string }[];
  /** 2 is an error. */
  status: number;
  resource: Record<string, unknown>;
}

export interface OtlpCollector {
  url: string;
  spans: CollectedSpan[];
  /** Everything that came, for a search in it. */
  bytes: Buffer[];
  requests: { path: string; type: string; headers: Record<string, unknown> }[];
  close(): Promise<void>;
}

/** `answer` is what it says to each request; null: it never answers. */
export async function otlpCollector(answer: number | null = 200): Promise<OtlpCollector> {
  const collector: Pick<OtlpCollector, "spans" | "bytes" | "requests"> = { spans: [], bytes: [], requests: [] };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const whole = Buffer.concat(chunks);
      const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(whole) : whole;
      const type = String(request.headers["content-type"]);
      collector.bytes.push(body);
      collector.requests.push({ path: String(request.url), type, headers: request.headers });
      if (answer === null) return;
      if (answer === 200)
        collector.spans.push(
          ...(type.includes("json") ? readJsonTraces(JSON.parse(body.toString())) : decodeTraces(body)),
        );
      response.writeHead(answer, { "content-type": type }).end(type.includes("json") ? "{}" : "");
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    ...collector,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
