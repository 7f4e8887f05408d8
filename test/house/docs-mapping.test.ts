import { afterEach, beforeEach, expect, test } from "vitest";
import { mapText, sourcesOfYaml, toolNames } from "../support/form-tools.ts";
import { readText } from "../support/house-source.ts";
import { type IngestRig, openIngestRig } from "../support/ingest-rig.ts";

/** The examples of docs/mapping.md: a `sources:` block, then records, each with what becomes of it. */
interface Example {
  name: string;
  yaml: string;
  language: string;
  record: string;
  expected: unknown[];
}

function examplesOf(text: string): Example[] {
  const examples: Example[] = [];
  let [section, yaml, language, record] = ["", "", "", ""];
  for (const found of text.matchAll(/^## (.*)$|^```(\w+)( \w+)?\n([\s\S]*?)^```$/gm)) {
    const [, heading, kind = "", role = "", body = ""] = found;
    if (heading !== undefined) section = heading;
    else if (kind === "yaml") yaml = body;
    else if (role === " record") [language, record] = [kind, body];
    else if (role === " submission") {
      const expected: unknown = JSON.parse(body);
      const name = `${section} (example ${examples.length + 1})`;
      examples.push({ name, yaml, language, record, expected: Array.isArray(expected) ? expected : [expected] });
    }
  }
  return examples;
}

const examples = examplesOf(readText("docs/mapping.md"));
const WORDS = ["duplicate", "skipped", "rejected", "history", "conflict"] as const;

let rig: IngestRig;
beforeEach(async () => {
  rig = await openIngestRig();
});
afterEach(() => rig.close());

test.each(examples)("docs/mapping.md: $name", async ({ yaml, language, record, expected }) => {
  const [name = ""] = Object.keys(sourcesOfYaml(yaml)).filter((one) => one !== "import");
  // Each has its end of line from the page; a form's body has none.
  const body = language === "form" && record.includes("\n\n") ? record.replaceAll("\n", "\r\n") : record;
  const settings = { ...sourcesOfYaml(yaml)[name], name };
  const report = await rig.import(rig.put(`record.${language}`, body), settings);
  const shown = expected as (string | { key?: string; submittedAt?: string; badValues?: unknown[] })[];
  const submissions = shown.filter((one) => typeof one !== "string");
  const rows = await rig.queued();
  for (const { key, submittedAt, badValues, ...content } of submissions) {
    const { lane: _, ...rest } = content as { lane?: string };
    const row = rows.find((one) => key === undefined || one.key === key);
    expect(row, `${key} is there`).toBeDefined();
    const { badValues: bad, ...given } = row?.content ?? {};
    expect(given).toEqual(rest);
    expect(bad?.map(({ path, label, value }) => ({ path, label, value }))).toEqual(badValues);
    const at = new Date(row?.submittedAtMs ?? 0).toISOString();
    expect(at).toBe(submittedAt ?? new Date(rig.time.nowMs).toISOString());
  }
  expect(rows.length).toBe(submissions.length);
  const [counts] = report.files;
  for (const word of WORDS) expect(counts?.[word], word).toBe(shown.filter((one) => one === word).length);
});

test("docs/mapping.md shows every key that a source may have for its records", () => {
  const keys = ["map", "format", "records", "where", "timezone", "country", "encoding", "delimiter", "revisions"];
  const more = ["sameWithin", "sendFrom", "restToNote", "persons", "deals", "notes", "onBadValue"];
  const text =
    examples.map(({ yaml }) => yaml).join("\n") +
    readText("docs/mapping.md")
      .match(/^## .*$/gm)
      ?.join("\n");
  expect([...keys, ...more].filter((key) => !new RegExp(`\\b${key}\\b`).test(text))).toEqual([]);
  expect(examples.length).toBeGreaterThan(20);
});

test("docs/recipes.md has each tool's source as it ships", () => {
  const shown = [...readText("docs/recipes.md").matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map((match) => match[1]);
  expect(shown).toEqual(toolNames.map(mapText));
});
