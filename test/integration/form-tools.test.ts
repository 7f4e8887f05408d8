/** What seven form tools emit, byte for byte, goes in through the maps that ship, and gives what `fixtures/expected` says. */
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SourceSettings } from "../../src/domain/settings.ts";
import { payloadPath, sourceOfTool, type Tool, toolNames } from "../support/form-tools.ts";
import { readText } from "../support/house-source.ts";
import { type IngestRig, openIngestRig, total } from "../support/ingest-rig.ts";

let rig: IngestRig;
beforeEach(async () => {
  rig = await openIngestRig();
});
afterEach(() => rig.close());

interface Expected {
  counts: ReturnType<typeof total>;
  submissions: unknown[];
  rejects: unknown[];
  warnings: string[];
  history: { sendFrom: string; counts: ReturnType<typeof total> };
}

const expectedOf = (tool: Tool): Expected => JSON.parse(readText(`fixtures/expected/${tool}.json`)) as Expected;

/** Everything that the ledger holds of it, in the words of `fixtures/expected`. */
async function outcome(file: string, settings: SourceSettings): Promise<Omit<Expected, "history">> {
  const report = await rig.import(file, settings);
  const queued = await rig.queued();
  const rejects = (await rig.ledger.rejects(99)).rows;
  return {
    counts: total(report),
    submissions: queued.map(({ key, submittedAtMs, lane, content }) => ({
      key,
      submittedAt: new Date(submittedAtMs).toISOString(),
      lane,
      content,
    })),
    rejects: rejects.map(({ kind, origin, reason }) => ({ kind, line: origin.line, reason })),
    warnings: report.warnings,
  };
}

describe.each(toolNames)("%s", (tool) => {
  it("gives the expected submissions, rejects and warnings", async () => {
    const { history: _, ...expected } = expectedOf(tool);
    expect(await outcome(payloadPath(tool), sourceOfTool(tool))).toEqual(expected);
  });

  it("gives nothing new and no conflict a second time", async () => {
    const { counts } = expectedOf(tool);
    await rig.import(payloadPath(tool), sourceOfTool(tool));
    const again = total(await rig.import(payloadPath(tool), sourceOfTool(tool)));
    const { rows = 0, skipped = 0 } = counts;
    expect(again).toEqual({ rows, duplicate: rows - skipped, ...(skipped > 0 ? { skipped } : {}) });
  });

  it("keeps as history what is older than `sendFrom`, and sends none of it", async () => {
    const { history } = expectedOf(tool);
    const report = await rig.import(payloadPath(tool), {
      ...sourceOfTool(tool),
      sendFromMs: Date.parse(history.sendFrom),
    });
    expect(total(report)).toEqual(history.counts);
    expect((await rig.queued()).length).toBe(history.counts.new ?? 0);
  });
});

it("Shopify's bodies that were stored with their headers give the same as those without, and other topics nothing", async () => {
  const lines = readFileSync(payloadPath("shopify"), "utf8").trim().split("\n");
  const wrapped = (topic: string) =>
    lines
      .map((line) => `{"headers":{"x-shopify-topic":"${topic}","x-shopify-event-id":"e"},"body":${line}}\n`)
      .join("");
  const file = rig.put("with-headers.jsonl", wrapped("customers/create") + wrapped("customers/delete"));
  const { counts, submissions } = await outcome(file, {
    ...sourceOfTool("shopify", "shopify-with-headers"),
    lane: sourceOfTool("shopify").lane,
  });
  expect(counts).toEqual({ rows: 6, new: 2, skipped: 4 });
  expect(submissions).toEqual(expectedOf("shopify").submissions);
});
