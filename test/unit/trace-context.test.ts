import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SubmissionId } from "../../src/domain/ids.ts";
import { parseTraceparent, spanIdOf, traceIdOf, traceOfSubmission } from "../../src/telemetry/trace-context.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const id = 7 as SubmissionId;

describe("a traceparent", () => {
  test.each([
    [`00-${TRACE}-${SPAN}-01`, true],
    [`00-${TRACE}-${SPAN}-00`, false],
    [` 00-${TRACE}-${SPAN}-03\n`, true],
    // A later version may say more.
    [`01-${TRACE}-${SPAN}-01-more`, true],
  ])("is read: %j", (text, sampled) => {
    expect(parseTraceparent(text)).toEqual({ traceId: TRACE, spanId: SPAN, sampled });
  });

  test.each([
    ...[`00-${TRACE}-${SPAN}-01-more`, `ff-${TRACE}-${SPAN}-01`, `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ...[
      `00-${"0".repeat(32)}-${SPAN}-01`,
      `00-${TRACE}-${"0".repeat(16)}-01`,
      `00-${TRACE}-${SPAN}`,
      `00-${TRACE}-${SPAN}-1`,
    ],
    ...["", "ada@example.com", null, undefined, 7, {}],
  ])("is none: %j", (text) => {
    expect(parseTraceparent(text)).toBe(null);
  });
});

describe("a submission's trace", () => {
  const own = { traceId: traceIdOf("ledger", "submission", 7), remote: null };
  const of = (traceparent: string | null, headers: string | null) =>
    traceOfSubmission("ledger", { id, traceparent, headers });

  test("is the sender's: what the map took comes before the headers, whose names come in any case", () => {
    const mapped = `00-${"a".repeat(32)}-${SPAN}-01`;
    const headers = JSON.stringify({ TraceParent: `00-${TRACE}-${SPAN}-01` });
    expect(of(mapped, headers).traceId).toBe("a".repeat(32));
    expect(of(null, headers).traceId).toBe(TRACE);
    expect(of("nonsense", headers).traceId).toBe(TRACE);
    expect(of(null, JSON.stringify({ traceparent: [`00-${TRACE}-${SPAN}-01`] })).traceId).toBe(TRACE);
  });

  test.each([null, "[]", '"text"', "{}", '{"traceparent": {"a": 1}}', '{"traceparent": null}', '{"traceparent": []}'])(
    "is its own where the headers are %s",
    (headers) => {
      expect(of(null, headers)).toEqual(own);
    },
  );
});

test("ids are of the right length, differ by what they are made of, and are the same each time", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
      fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
      (a, b) => {
        expect(traceIdOf("x", ...a)).toMatch(/^[0-9a-f]{32}$/);
        expect(spanIdOf("x", ...a)).toMatch(/^[0-9a-f]{16}$/);
        const same = JSON.stringify(a) === JSON.stringify(b);
        expect(traceIdOf("x", ...a) === traceIdOf("x", ...b)).toBe(same);
        expect(spanIdOf("x", ...a) === spanIdOf("x", ...b)).toBe(same);
      },
    ),
  );
  expect(traceIdOf("x", 1)).not.toBe(traceIdOf("y", 1));
});
