import { parse } from "csv-parse/sync";
import { describe, expect, it } from "vitest";
import { reconcileCsv } from "../../src/report/reconcile-csv.ts";
import { reconcileHtml } from "../../src/report/reconcile-html.ts";
import { renderReconcileTable } from "../../src/report/reconcile-table.ts";
import { createStyle } from "../../src/report/style.ts";
import { sampleDocument, sampleItem } from "../support/reconcile-sample.ts";

const plain = createStyle({ isTTY: false, columns: undefined }, { color: false }, {});
const hostile = `"'><script>alert(1)</script>\u001b[2J`;

function tableOf(...given: Parameters<typeof sampleDocument>): string[] {
  return renderReconcileTable(sampleDocument(...given), plain, { edits: false }).split("\n");
}

describe("a check for a terminal", () => {
  it("says in its first line whether all is well", () => {
    expect(tableOf([])[0]).toBe("All is well: 1,204 submissions checked, nothing broken.");
    expect(tableOf([sampleItem(1)])[0]).toBe(
      "All is well: 1,204 submissions checked, nothing broken; people changed 1 thing.",
    );
    expect(tableOf([sampleItem(0), sampleItem(5), sampleItem(4)])[0]).toBe(
      "Not all is well: 3 breaks (2 deal-missing, 1 overdue) in 1,204 submissions.",
    );
    expect(tableOf([sampleItem(0, { state: "accepted" })])[0]).toMatch(/^All is well/);
  });

  it("never says that all is well of a check that was cut short", () => {
    expect(tableOf([], { stopped: "hold" })[0]).toBe("The check was cut short (a hold): no break so far.");
    expect(tableOf([sampleItem(0)], { stopped: "signal" })[0]).toBe(
      "The check was cut short (a signal): so far 1 break (1 deal-missing).",
    );
  });

  it("has one line for each break, and for each edit where asked", () => {
    const document = sampleDocument([0, 1, 2, 3].map((index) => sampleItem(index)));
    const breaks = renderReconcileTable(document, plain, { edits: false });
    expect(breaks).toMatch(/^! +1 +deal-missing +website\/wf_1 +deal 1000 +deal-missing of submission 1$/m);
    expect(breaks).toMatch(/^\* +3 +chain-incomplete/m);
    expect(breaks).not.toContain("wf_2");
    expect(breaks).toContain("--edits lists them");
    expect(renderReconcileTable(document, plain, { edits: true })).toMatch(/^~ +2 +person-drift/m);
  });

  it("says what --repair does by itself, and what must be asked for by name", () => {
    const text = renderReconcileTable(sampleDocument([0, 1, 2, 3].map((i) => sampleItem(i))), plain, { edits: false });
    expect(text).toContain(
      "crmledger reconcile --repair  mends 1 safely (1 chain-incomplete); leaves 1 as people changed them (1 person-drift)",
    );
    expect(text).toContain(
      "crmledger reconcile --repair=recreate  would write again 1 (1 deal-missing), about 5 tokens",
    );
    expect(text).toContain("crmledger reconcile --repair=recreate 4  would write again 1 (1 note-deleted)");
    expect(text).toContain("crmledger reconcile --repair=overwrite  would send our values again over 1");
  });

  it("says what was queued by kind, and does not offer that once more", () => {
    const items = [sampleItem(0, { repairs: 1 }), sampleItem(5), sampleItem(1, { state: "accepted" })];
    const repairs = { queued: { "deal-missing": 1 }, done: { "person-merged": 2 }, left: { "person-drift": 1 } };
    const lines = tableOf(items, { repairsQueued: 4, repairs });
    expect(lines).toContain("1 queued for the next `crmledger sync` (1 deal-missing).");
    expect(lines).toContain("2 done in the ledger, with nothing to send (2 person-merged).");
    expect(lines).toContain("1 left as people changed them (1 person-drift).");
    expect(lines.filter((line) => line.startsWith("crmledger "))).toEqual([
      "crmledger reconcile --repair=recreate  would write again 1 (1 deal-missing), about 5 tokens",
    ]);
    expect(lines.join("\n")).toContain("repair queued: deal-missing of submission 1");
  });

  it("points to the command that knows more where a person decides", () => {
    const lines = tableOf([sampleItem(4), sampleItem(4, { kind: "failed" }), sampleItem(4, { kind: "conflict" })]);
    expect(lines).toContain("crmledger failed  says why, and what to do about 1 (1 failed)");
    expect(lines).toContain("crmledger rejects  says why, and what to do about 1 (1 conflict)");
    expect(lines).toContain("crmledger status  says what keeps back 1 (1 overdue)");
  });

  it("shows what people changed as it was and as it is", () => {
    const items = [
      sampleItem(1),
      sampleItem(1, { kind: "link-wrong", expected: { personId: "7" }, actual: { personId: null } }),
    ];
    const text = renderReconcileTable(sampleDocument(items), plain, { edits: true });
    expect(text).toContain("Job title: Analyst -> Director");
    expect(text).toContain("personId: 7 -> nothing");
    expect(text).not.toContain("London");
  });

  it("fits a narrow terminal, cuts nothing that a wide one has room for, and never scrolls for ever", () => {
    const item = sampleItem(0, { message: "one person, 2 records: 1013, 1014; 1013, the oldest, would be kept" });
    const at = (columns: number) =>
      renderReconcileTable(sampleDocument([item]), createStyle({ isTTY: true, columns }, { color: false }, {}), {
        edits: false,
      });
    expect(at(140)).toMatch(/^! .*would be kept$/m);
    expect(at(80)).toMatch(/^! +1 +deal-missing +website\/wf_1 +deal 1000\n {5}one person, .*would be kept$/m);
    const many = tableOf([...Array.from({ length: 2000 }, () => item), sampleItem(4)]);
    expect(many.filter((line) => /^! +\d/.test(line))).toHaveLength(20);
    expect(many.filter((line) => line.startsWith("* "))).toHaveLength(1);
    expect(many).toContain("and 1,980 deal-missing more: --out FILE.html has them all");
    expect(many.at(-2)).toBe(many[0]);
  });

  it("lets no record forge a line", () => {
    const text = renderReconcileTable(
      sampleDocument([sampleItem(0, { key: "a\nAll is well", message: hostile })]),
      plain,
      { edits: true },
    );
    expect(text).not.toMatch(/^All is well/m);
    expect(text).not.toContain("\u001b");
  });
});

describe("a check as CSV", () => {
  it("comes back as it was, and holds no formula", () => {
    const nasty = ['=HYPERLINK("x")', "+1", "-1", "@a", "\tb", "\rc"];
    const items = nasty.map((text, index) =>
      sampleItem(0, { id: String(index), message: text, actual: { City: "Ü" } }),
    );
    const csv = reconcileCsv(sampleDocument(items));
    const rows = parse(csv, { columns: true, record_delimiter: "\r\n" }) as Record<string, string>[];
    expect(rows.map((row) => row.message)).toEqual(nasty.map((text) => `'${text}`));
    expect(rows.map((row) => JSON.parse(row.actual!))).toEqual(nasty.map(() => ({ City: "Ü" })));
    expect(csv.split("\r\n")[0]).toContain('"crm.link"');
  });
});

describe("a check as a page", () => {
  it("runs nothing that a record brings, and links to nothing but web pages", () => {
    const link = "javascript:alert(1)";
    const item = sampleItem(0, {
      ...{ kind: hostile, source: hostile, key: hostile, email: hostile, message: hostile },
      ...{ crm: { type: hostile, id: hostile, link }, expected: { [hostile]: hostile }, actual: hostile, why: hostile },
    });
    const page = reconcileHtml(
      sampleDocument([item], { notChecked: [hostile], scope: { source: hostile, since: null, until: null } }),
    );
    expect(page.match(/<script/g)).toHaveLength(1);
    expect(page).not.toMatch(/href="javascript/);
    expect(page).toContain("default-src 'none'");
    expect(page).not.toContain("unsafe-inline");
  });

  it("shows what we wrote and what is there side by side, with what differs marked", () => {
    const page = reconcileHtml(sampleDocument([sampleItem(1)]));
    expect(page).toContain("<dt>Job title</dt><dd><del>Analyst</del></dd>");
    expect(page).toContain("<dt>Job title</dt><dd><ins>Director</ins></dd>");
    expect(page).toContain("<dt>City</dt><dd>London</dd>");
    expect(page).toContain('<a href="https://acme.example.com/person/1001" rel="noopener noreferrer">person 1001</a>');
  });
});
