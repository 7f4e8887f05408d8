import { describe, expect, test } from "vitest";
import { ALERT_KINDS } from "../../src/domain/alert.ts";
import { HOLD_KINDS } from "../../src/domain/hold.ts";
import { runbookSection } from "../../src/notify/notice.ts";
import { readText } from "../support/house-source.ts";

/** As the readers of Markdown make them: lower case, blanks to hyphens, nothing but letters, digits and hyphens. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^a-z0-9 -]/g, "")
    .replaceAll(" ", "-");

const sections = new Map(
  readText("docs/runbook.md")
    .split(/^## /m)
    .slice(1)
    .map((section) => [anchorOf(section.split("\n")[0]!), section]),
);

describe("the runbook", () => {
  const alerts = ALERT_KINDS.filter((kind) => kind !== "hold").map((kind) =>
    runbookSection(kind, `${kind} credential`),
  );
  const holds = HOLD_KINDS.map((kind) => runbookSection("hold", `${kind} account`));

  test("has a section for each alert and each hold, and no other", () => {
    expect([...sections.keys()].sort()).toEqual([...new Set([...alerts, ...holds])].sort());
  });

  test("says in each what it means for the data, what to do, and when it is over", () => {
    for (const [anchor, section] of sections)
      for (const part of ["**Data:**", "**Do:**", "**Over:**"]) expect(section, anchor).toContain(part);
  });
});

describe("the table of alerts", () => {
  test("has a row for each kind, and no other", () => {
    const table = readText("docs/alerts.md").split("## All alerts")[1]!.split("\n## ")[0]!;
    expect([...table.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1])).toEqual([...ALERT_KINDS]);
  });
});
