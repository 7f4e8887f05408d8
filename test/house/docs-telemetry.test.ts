import { describe, expect, test } from "vitest";
import { LOG_EVENTS, LOG_FIELDS } from "../../src/telemetry/log-lines.ts";
import { readTraceSettings } from "../../src/telemetry/trace-settings.ts";
import { filesBelow, readText } from "../support/house-source.ts";

const logs = readText("docs/logs.md");
const tracing = readText("docs/tracing.md");
const code = filesBelow("src/telemetry").map(readText).join("\n");

/** Code spans of a table's column, of the rows whose first cell is one. */
function spansOf(text: string, column: number): string[] {
  const rows = [...text.matchAll(/^\|(.+)\|$/gm)].map((match) => match[1]!.split("|"));
  const told = rows.filter(([first = ""]) => first.trim().startsWith("`"));
  return told.flatMap((cells) => [...(cells[column] ?? "").matchAll(/`([^`]+)`/g)].map((match) => match[1]!));
}

describe("docs/logs.md", () => {
  test("lists every event, and no other", () => {
    expect(spansOf(logs, 0)).toEqual([...LOG_EVENTS]);
  });

  test("names every member that a line can have, and no other", () => {
    const own = spansOf(logs, 3).filter((name) => !name.startsWith("retry"));
    expect([...new Set(["event", ...own])].sort()).toEqual([...LOG_FIELDS].sort());
  });
});

describe("docs/tracing.md", () => {
  test("names every attribute that a span can have, and no other", () => {
    const used = [...code.matchAll(/"((?:crmledger|http|url|server|error|process)\.[a-z_.]+)"/g)].map(
      ([, name]) => name!,
    );
    const told = spansOf(tracing.split("## Attributes")[1]!, 0);
    expect([...new Set(told)].sort()).toEqual([...new Set(used)].sort());
  });

  test("names every variable that is read, and no other", () => {
    const read = [...code.matchAll(/env\.(OTEL_[A-Z_]+)/g)].map(([, name]) => name!);
    const told = spansOf(tracing.split("## What a trace looks like")[0]!, 0).filter((name) => name.startsWith("OTEL_"));
    expect([...new Set(told)].sort()).toEqual([...new Set(read)].sort());
  });

  test("says the defaults as they are", () => {
    expect(readTraceSettings({ OTEL_TRACES_EXPORTER: "otlp" })).toMatchObject({
      ...{ protocol: "http/protobuf", url: "http://localhost:4318/v1/traces", timeoutMs: 2000 },
      ...{ resource: { "service.name": "crmledger" }, sampler: { name: "parentbased_always_on", ratio: 1 } },
    });
    expect(readTraceSettings({})).toBe(null);
  });
});
