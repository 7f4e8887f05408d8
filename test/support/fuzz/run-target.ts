/** Whole runs against a CRM whose answers are garbled: nothing lost, nothing twice, nothing taken for what it is not. */
import type { HttpRequest, HttpResult } from "../../../src/domain/wire.ts";
import { createRig, type Given, lead, type Rig } from "../drain-rig.ts";
import { judge } from "../oracle.ts";
import type { Chance } from "./chance.ts";
import { type FuzzCase, must, mustBeDiscreet } from "./fuzz-target.ts";

/** Each byte says what becomes of one request; behind the last all is well. */
export function makeRun(chance: Chance): FuzzCase {
  const bytes = Buffer.from(
    Array.from({ length: chance.below(60) }, () => (chance.maybe(0.5) ? 0 : 1 + chance.below(255))),
  );
  return { bytes, params: { how: "run", seed: chance.below(1_000_000) } };
}

const RUNS_MAX = 60;
const STEP_MS = 180_000;

const response = (body: string, status = 200, headers: Record<string, string> = {}): HttpResult => ({
  type: "response",
  status,
  headers: { "content-type": "application/json", ...headers },
  body,
});
const failure = (code: string): HttpResult => ({ type: "failure", sent: "maybe", code, message: `lost: ${code}` });

const bodyOf = (result: HttpResult): string => (result.type === "response" ? result.body : "");
const withId = (result: HttpResult, id: string): HttpResult =>
  response(bodyOf(result).replace(/"id":\d+/, `"id":${id}`));

/** The CRM did it and says so in words that nobody can read. */
const GARBLED: readonly ((result: HttpResult) => HttpResult)[] = [
  (result) => response(bodyOf(result).slice(0, Math.floor(bodyOf(result).length / 2))),
  (result) => response(bodyOf(result).slice(0, -1)),
  () => response(""),
  () => response("<html>ok</html>", 200, { "content-type": "text/html" }),
  () => response("{}"),
  () => response("null"),
  () => response('{"success":true}'),
  () => response('{"success":true,"data":null}'),
  () => response('{"success":true,"data":[]}', 201),
  () => response('{"success":false,"data":{"id":1}}'),
  (result) => response(bodyOf(result).replace('"success":true', '"success":"true"')),
  (result) => withId(result, "null"),
  (result) => withId(result, '"x"'),
  (result) => withId(result, "0"),
  (result) => withId(result, "-1"),
  (result) => withId(result, "1.5"),
  (result) => withId(result, "1e400"),
  (result) => withId(result, "9007199254740993"),
  (result) => withId(result, '{"__proto__":1}'),
  (result) => response(`${"[".repeat(5_000)}${bodyOf(result)}`),
  (result) => response(bodyOf(result).replaceAll('"', "\u0000")),
  () => response("", 204),
  () => response(bodyOf(response("{}")), 299),
  () => failure("TRUNCATED"),
  () => failure("RESET"),
  () => failure("TIMEOUT"),
  () => failure("TOO_LARGE"),
  () => failure("UNREADABLE"),
  (result) => response(bodyOf(result), 500),
  () => response("", 502),
  () => response("<html>", 503, { "retry-after": "31536000" }),
  () => response("", 504),
  () => response('{"success":true,"data":{"id":1}}', 520),
  () => response("", 408),
];

/** The CRM did not do it. */
const REFUSED: readonly (() => HttpResult)[] = [
  () => response("", 429),
  () => response('{"success":false}', 429, { "retry-after": "31536000" }),
  () => response('{"success":false}', 429, { "retry-after": "-5", "x-ratelimit-limit": "1e400" }),
  () => response("{}", 429, { "retry-after": "Fri, 31 Dec 9999 23:59:59 GMT" }),
  () => response("", 302, { location: "http://127.0.0.1:1/" }),
  () => ({ type: "failure", sent: "no", code: "ECONNREFUSED", message: "refused" }),
];

/** All is well, but for what stands beside the answer. */
const NOISY: readonly ((result: HttpResult) => HttpResult)[] = [
  (result) => response(bodyOf(result), 200, { "x-ratelimit-limit": "0", "x-ratelimit-remaining": "-99" }),
  (result) => response(bodyOf(result), 200, { "x-ratelimit-limit": "999999999999999", "x-ratelimit-reset": "1e9" }),
  (result) =>
    response(bodyOf(result), 200, { "x-daily-ratelimit-token-limit": "0", date: "Thu, 01 Jan 1970 00:00:00 GMT" }),
  (result) => response(bodyOf(result), 200, { date: "Fri, 31 Dec 9999 23:59:59 GMT" }),
  (result) =>
    response(bodyOf(result).replace('{"success":true', '{"success":false,"success":true,"__proto__":{"polluted":1}')),
  (result) => response(bodyOf(result).replace(/"data":\[/, '"data":[null,7,"x",[],{},{"id":"x"},{"id":null},')),
  (result) =>
    response(
      bodyOf(result)
        .replace(/"data":\[,/, '"data":[')
        .replace(/,\]/, "]"),
    ),
];

/** A page that says to go on where it was asked for itself: a walk in a circle. */
function circle(request: HttpRequest, result: HttpResult): HttpResult {
  const cursor = new URL(request.url).searchParams.get("cursor");
  return cursor === null
    ? result
    : response(bodyOf(result).replace(/"next_cursor":(null|"[^"]*")/, `"next_cursor":${JSON.stringify(cursor)}`));
}

function submissions(): Given[] {
  const same = { name: "Lead 1", email: "lead.1@example.com" };
  return [
    lead(1, { organization: { name: "Engines" } }),
    lead(2, { person: same }),
    lead(3, { notes: ["one", "two"] }),
    lead(4, { person: { phone: "+37251234567" } }),
  ];
}

export async function fuzzRun({ bytes, params }: FuzzCase): Promise<void> {
  let at = 0;
  const rig: Rig = await createRig({
    seed: Number(params.seed),
    transport: async (request) => {
      const choice = bytes[at++] ?? 0;
      if (choice === 0) return await rig.simulator.handle(request);
      if (choice % 5 === 0) return REFUSED[choice % REFUSED.length]!();
      const result = await rig.simulator.handle(request);
      if (choice % 5 === 1) return NOISY[choice % NOISY.length]!(result);
      if (choice % 5 === 2 && request.method === "GET") return circle(request, result);
      return GARBLED[choice % GARBLED.length]!(result);
    },
  });
  try {
    const given = submissions();
    await rig.take(given);
    let remaining = given.length;
    for (let run = 0; run < RUNS_MAX && remaining > 0; run += 1) {
      const report = await rig.run();
      mustBeDiscreet(JSON.stringify(report));
      remaining = report.remaining;
      await rig.clock.advance(STEP_MS);
    }
    await mustBeWhole(rig, given, remaining);
  } finally {
    await rig.ledger.close();
  }
}

async function mustBeWhole(rig: Rig, given: readonly Given[], remaining: number): Promise<void> {
  const queue = await rig.ledger.queue();
  must(remaining === 0, "a run comes to its end once the CRM answers again", queue);
  must(queue.done + queue.failed === given.length, "nothing disappears", queue);
  const { lost, doubled } = judge(rig.simulator, queue.failed === 0 ? given : []);
  must(lost.length === 0, "nothing is lost", lost);
  must(doubled.length === 0, "nothing is written twice", doubled);
}
