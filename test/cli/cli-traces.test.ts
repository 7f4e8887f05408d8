import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { peopleIn, tokenIn } from "../support/canary.ts";
import { startChild } from "../support/children.ts";
import { type CliWorld, createCliWorld, lead, WEBSITE } from "../support/cli-world.ts";
import { type CollectedSpan, type OtlpCollector, otlpCollector } from "../support/otlp-collector.ts";
import { openPlans, statementsOf } from "../support/query-plans.ts";
import { rawServer } from "../support/raw-server.ts";

// Processes of their own, on a machine that may be busy.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const FAST_SETTLE = `retry: { settle: [100ms, 1s] }\n${WEBSITE}`;

let world: CliWorld;
let collector: OtlpCollector;

beforeEach(async () => {
  world = await createCliWorld();
  world.config(FAST_SETTLE);
  collector = await otlpCollector();
});

afterEach(async () => {
  const people = collector.bytes.flatMap((bytes) => peopleIn(bytes.toString("latin1"), []));
  const tokens = collector.bytes.flatMap((bytes) => tokenIn(bytes));
  const texts = collector.bytes.filter((bytes) => /Lead|Deal \d|Note of|wf_/.test(bytes.toString("latin1")));
  await collector.close();
  await world.close();
  expect({ people, tokens, texts: texts.length }).toEqual({ people: [], tokens: [], texts: 0 });
});

const on = (more: Record<string, string> = {}) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...more });
const urlOf = (path: string): string => pathToFileURL(resolve(import.meta.dirname, "../..", path)).href;
const spool = (name: string, record: object): string => world.write(`spool/${name}.json`, JSON.stringify(record));

const named = (name: string): CollectedSpan[] => collector.spans.filter((span) => span.name === name);
const childrenOf = (parent: CollectedSpan): CollectedSpan[] =>
  collector.spans.filter(({ traceId, parentId }) => traceId === parent.traceId && parentId === parent.spanId);
/** The tree below a span: each name with what hangs on it. */
const treeOf = (span: CollectedSpan): object => ({ [span.name]: childrenOf(span).map(treeOf) });

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = "00f067aa0ba902b7";

describe("a submission's trace", () => {
  it("is one over two runs, of which the first was killed before the answer to its first create was written down", async () => {
    spool("a", lead("0"));
    expect((await world.run("sync")).code).toBe(0);
    spool("b", lead("1"));
    world.simulator.failNext({ kind: "hangAfter", match: { method: "POST", path: /persons$/ } });
    const child = startChild("sync-child.ts", [world.folder, "kill", "never", "1"], on());
    while (world.simulator.records.persons.length < 2) await new Promise((done) => setImmediate(done));
    child.process.kill("SIGKILL");
    await child.ended;
    expect(collector.spans).toEqual([]);
    const ran = await world.runWith({ env: on() }, "sync", "--json");
    expect(ran.json.drained.done).toBe(1);

    // What was there before traces were on is nobody's.
    const [ingest, ...others] = named("ingest");
    expect(others).toEqual([]);
    expect(ingest).toMatchObject({
      ...{ parentId: "", kind: 5 },
      attributes: { "crmledger.source": "website", "crmledger.submission": 2, "crmledger.lane": "operational" },
    });
    const turns = childrenOf(ingest!);
    expect(turns.map((turn) => [turn.attributes["crmledger.run"], turn.attributes["crmledger.state"]])).toEqual([
      [2, "died"],
      [3, "done"],
    ]);
    expect(turns.map(treeOf)).toEqual([
      { process: [{ person: [{ "POST /api/v2/persons": [] }] }] },
      {
        process: [
          { deal: [{ "POST /api/v2/deals": [] }] },
          { "note.1": [{ "POST /api/v1/notes": [] }] },
          // The person was found where the killed run had made it.
          { "GET /api/v2/persons": [] },
        ],
      },
    ]);
    expect(turns[0]!.events).toEqual([]);
    expect(turns[1]!.events.map(({ name, attributes }) => [name, ...Object.values(attributes)])).toEqual([
      ["step done", "person", "adopt"],
      ["step done", "deal", "create"],
      ["step done", "note.1", "create"],
    ]);
    const traces = new Set(collector.spans.filter(({ name }) => name !== "crmledger sync").map((one) => one.traceId));
    expect(traces.size).toBe(1);
    expect(new Set(collector.spans.map(({ spanId }) => spanId)).size).toBe(collector.spans.length);
  });

  it("has attempts with the attributes that everybody's tools know, and a run that its turn is linked to", async () => {
    spool("a", lead("1"));
    expect((await world.runWith({ env: on({ OTEL_SERVICE_NAME: "leads" }) }, "sync")).code).toBe(0);
    const [post] = named("POST /api/v2/persons");
    expect(post).toMatchObject({
      kind: 3,
      status: 0,
      attributes: {
        "http.request.method": "POST",
        "url.template": "/api/v2/persons",
        "http.response.status_code": 200,
        "server.address": "127.0.0.1",
        "server.port": Number(new URL(world.url).port),
        "crmledger.outcome": "applied",
      },
      resource: { "service.name": "leads", "telemetry.sdk.language": "nodejs" },
    });
    expect(post!.endMs).toBeGreaterThanOrEqual(post!.startMs);
    const [run] = named("crmledger sync");
    expect(run).toMatchObject({ parentId: "", attributes: { "process.exit.code": 0, "crmledger.run.kind": "sync" } });
    const [turn] = named("process");
    expect(turn!.links).toEqual([{ traceId: run!.traceId, spanId: run!.spanId }]);
    expect(turn!.traceId).not.toBe(run!.traceId);
    const { json } = await world.run("show", "1", "--json");
    expect([json.trace, json.submission.number]).toEqual([turn!.traceId, 1]);
    expect((await world.run("show", "1")).out).toContain(turn!.traceId);
  });

  it("tells what failed by its code, and of a write without an answer each time that the run took it in hand", async () => {
    world.config(`${FAST_SETTLE}    onBadValue: reject\n`);
    spool("a", [lead("1"), lead("2", { deal: { title: "Deal 2", owner: "nobody@example.com" } })]);
    world.simulator.failNext({ kind: "error503", match: { method: "POST", path: /persons$/ } });
    const { json } = await world.runWith({ env: on() }, "sync", "--json");
    expect(json.drained).toMatchObject({ done: 1, failed: 1 });
    const told = named("process").map(({ attributes, status, events }) => [
      attributes["crmledger.submission"],
      attributes["crmledger.state"],
      attributes["error.type"] ?? null,
      status,
      events.filter(({ name }) => name === "wait").map((event) => event.attributes["crmledger.wait.kind"]),
    ]);
    // Lost, and not found at one look or more.
    const times = [...new Set(told.map((one) => JSON.stringify(one)))].sort().map((one) => JSON.parse(one));
    expect(times).toEqual([
      [1, "done", null, 0, []],
      [1, "uncertain", null, 0, ["settle"]],
      [2, "failed", "BAD_VALUE", 2, []],
    ]);
    expect(named("POST /api/v2/persons").map(({ status, attributes }) => [status, attributes["error.type"]])).toEqual([
      [2, "503"],
      [0, undefined],
    ]);
    // Both times under the one arrival, and nothing is told twice.
    expect(new Set(collector.spans.map(({ spanId }) => spanId)).size).toBe(collector.spans.length);
  });
});

describe("what is asked of the ledger for traces", () => {
  it("costs the same however much was delivered", async () => {
    const asked = await statementsOf(async () => {
      for (const name of ["a", "b"]) {
        spool(name, lead(name));
        await world.runWith({ env: on() }, "sync");
      }
      await world.run("show", "a");
    });
    const plans = openPlans();
    const ours = asked.filter((sql) =>
      /traceparent|l\.submission_id = @submission|c\.run_id|FROM submissions WHERE id >/.test(sql),
    );
    expect(ours.length).toBeGreaterThanOrEqual(4);
    expect(ours.flatMap((sql) => plans.faults(sql))).toEqual([]);
    plans.close();
  });
});

describe("the sender's own trace", () => {
  it("goes on: the context stood in the headers that a webhook was stored with", async () => {
    spool("a", { headers: { Traceparent: [`00-${TRACE}-${PARENT}-01`] }, body: lead("1") });
    expect((await world.runWith({ env: on() }, "sync")).code).toBe(0);
    expect(named("ingest")).toMatchObject([{ traceId: TRACE, parentId: PARENT }]);
    expect(named("process")).toMatchObject([{ traceId: TRACE, parentId: named("ingest")[0]!.spanId }]);
    expect((await world.run("show", "1", "--json")).json.trace).toBe(TRACE);
  });

  it("goes on: the map took it from a member; and it is no content: the same lead from another trace is a duplicate", async () => {
    world.config(`${WEBSITE}    map: { id: id, person.email: mail, traceparent: meta.trace }\n`);
    const record = (trace: string) => ({ id: "1", mail: "ada@example.com", meta: { trace } });
    spool("a", record(`00-${TRACE}-${PARENT}-01`));
    expect((await world.runWith({ env: on() }, "sync")).code).toBe(0);
    expect(named("ingest")).toMatchObject([{ traceId: TRACE, parentId: PARENT }]);
    spool("b", record(`00-${PARENT}${PARENT}-${PARENT}-01`));
    const again = await world.runWith({ env: on() }, "sync", "--json");
    expect(again.json.ingested).toMatchObject({ new: 0, duplicate: 1, conflict: 0 });
  });

  it("is left alone where the sender did not record it, and begins anew where its context can't be read", async () => {
    spool("a", { headers: { traceparent: `00-${TRACE}-${PARENT}-00` }, body: lead("1") });
    spool("b", { headers: { traceparent: `00-${"0".repeat(32)}-${PARENT}-01` }, body: lead("2") });
    expect((await world.runWith({ env: on() }, "sync")).code).toBe(0);
    expect(collector.spans.filter(({ traceId }) => traceId === TRACE)).toEqual([]);
    expect(named("ingest")).toMatchObject([
      { parentId: "", traceId: expect.stringMatching(/^(?!0{32})[0-9a-f]{32}$/) },
    ]);
  });
});

describe("the standard environment", () => {
  it("http/json, headers, the endpoint for traces alone, attributes of the resource", async () => {
    spool("a", lead("1"));
    const env = {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/custom`,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_HEADERS: "x-key=a%20b",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test,service.name=from-list",
    };
    expect((await world.runWith({ env }, "sync")).code).toBe(0);
    expect(collector.requests[0]).toMatchObject({
      path: "/custom",
      type: "application/json",
      headers: { "x-key": "a b" },
    });
    const [ingest] = named("ingest");
    expect(ingest!.resource).toMatchObject({ "deployment.environment.name": "test", "service.name": "from-list" });
  });

  it.each<Record<string, string>>([
    { OTEL_SDK_DISABLED: "true" },
    { OTEL_TRACES_EXPORTER: "none" },
    { OTEL_TRACES_SAMPLER: "always_off" },
    { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0" },
  ])("sends nothing with %j", async (env) => {
    spool("a", lead("1"));
    const ran = await world.runWith({ env: on(env) }, "sync");
    expect([ran.code, ran.err]).toEqual([0, ""]);
    expect(collector.requests).toEqual([]);
  });

  it.each<[Record<string, string>, string]>([
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc is not known"],
    [{ OTEL_TRACES_EXPORTER: "zipkin" }, "OTEL_TRACES_EXPORTER=zipkin is not known here"],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "not an address" }, "OTEL_EXPORTER_OTLP_ENDPOINT is no http or https address"],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "grpc://a:pw@localhost:1" }, "no traces: OTEL_EXPORTER_OTLP_ENDPOINT is no http"],
  ])("says once what it can't do, and sends the submissions all the same: %j", async (env, words) => {
    spool("a", lead("1"));
    const ran = await world.runWith({ env: on(env) }, "sync");
    expect(ran.code).toBe(0);
    expect(ran.err.split(words).length - 1).toBe(1);
    expect(world.simulator.records.persons.length).toBe(1);
  });
});

describe("a collector in trouble", () => {
  it.each(["refuses", "hangs", "is not there"])("that %s changes nothing but for one warning", async (trouble) => {
    spool("a", lead("1"));
    const server = trouble === "refuses" ? await otlpCollector(500) : await rawServer(() => {});
    if (trouble === "is not there") await server.close();
    const ran = await world.runWith({ env: on({ OTEL_EXPORTER_OTLP_ENDPOINT: server.url }) }, "sync", "--json");
    if (trouble !== "is not there") await server.close();
    expect([ran.code, ran.json.warnings]).toEqual([0, []]);
    expect(ran.err.match(/collector of traces/g)).toHaveLength(1);
    expect(world.simulator.records.persons.length).toBe(1);
  });

  it("that goes on answering for ever is left at the end: it keeps no process", async () => {
    spool("a", lead("1"));
    let left: () => void = () => undefined;
    const isLeft = new Promise<void>((resolve) => {
      left = resolve;
    });
    const server = await rawServer((socket) => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n");
      const drip = setInterval(() => socket.write("x"), 50);
      socket.on("close", () => {
        clearInterval(drip);
        left();
      });
    });
    const ran = await world.runWith({ env: on({ OTEL_EXPORTER_OTLP_ENDPOINT: server.url }) }, "sync");
    await isLeft;
    await server.close();
    expect(ran.code).toBe(0);
    expect(ran.err.match(/collector of traces/g)).toHaveLength(1);
  });

  it("is not missed where the SDK is not installed: one warning names what to install", async () => {
    spool("a", lead("1"));
    const hook = `export async function resolve(name, context, next) {
      if (name.startsWith("@opentelemetry/") && name !== "@opentelemetry/api")
        throw Object.assign(new Error("Cannot find package"), { code: "ERR_MODULE_NOT_FOUND" });
      return await next(name, context);
    }`;
    const register = `import { register } from "node:module"; register("data:text/javascript,${encodeURIComponent(hook)}");`;
    const code = `import(${JSON.stringify(urlOf("src/cli/main.ts"))}).then(async (m) => { process.exitCode = await m.main(["sync"]); })`;
    const { PATH, TMPDIR } = process.env;
    const { stderr } = await promisify(execFile)(
      process.execPath,
      [
        ...["--import", `data:text/javascript,${encodeURIComponent(register)}`],
        ...["--import", urlOf("node_modules/tsx/dist/esm/index.mjs"), "-e", code],
      ],
      { cwd: world.folder, env: { PATH, TMPDIR, HOME: world.folder, ...on() } },
    );
    expect(stderr.match(/no traces/g)).toHaveLength(1);
    expect(stderr).toContain(
      "npm install @opentelemetry/sdk-trace@2 @opentelemetry/resources@2 @opentelemetry/exporter-trace-otlp-proto@0.223",
    );
    expect(world.simulator.records.persons.length).toBe(1);
  });
});
