/** The page of a check in a real browser. Skipped, with a word, where no Chromium is installed. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { reconcileHtml } from "../../src/report/reconcile-html.ts";
import { findBrowser, openPage, type Page } from "../support/browser.ts";
import { contrast, expectInert, OVERFLOW } from "../support/page-checks.ts";
import { sampleDocument, sampleItem } from "../support/reconcile-sample.ts";

const browser = findBrowser();
const ROWS = 5_000;
const name = browser === null ? "the page of a check (skipped: no chromium is installed)" : "the page of a check";

describe.skipIf(browser === null)(name, () => {
  const folder = mkdtempSync(join(tmpdir(), "crmledger-page-"));
  const many = join(folder, "many.html");
  const few = join(folder, "few.html");
  const hostile = join(folder, "hostile.html");
  let page: Page;

  beforeAll(async () => {
    writeFileSync(many, reconcileHtml(sampleDocument(Array.from({ length: ROWS }, (_, index) => sampleItem(index)))));
    writeFileSync(few, reconcileHtml(sampleDocument(Array.from({ length: 150 }, (_, index) => sampleItem(index)))));
    const bad = `"'><img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;
    const item = sampleItem(0, {
      key: bad,
      source: bad,
      message: bad,
      email: bad,
      expected: { [bad]: bad },
      actual: bad,
    });
    writeFileSync(hostile, reconcileHtml(sampleDocument([item], { notChecked: [bad] })));
    page = await openPage(browser!);
    await page.set({ width: 1300 });
  }, 180_000);
  afterAll(async () => {
    await page?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const shown = () => page.evaluate<string>(`document.getElementById("shown").textContent`);
  const visible = () =>
    page.evaluate<number>(
      `[...document.querySelectorAll("#list tbody tr")].filter((row) => row.checkVisibility()).length`,
    );
  const settle = () => page.evaluate(`new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))`);
  const keys = () =>
    page.evaluate<string[]>(
      `[...document.querySelectorAll("#list tbody tr")].slice(0, 3).map((row) => row.cells[1].firstChild.textContent)`,
    );
  const choose = async (id: string, value: string) => {
    await page.evaluate(
      `{ const one = document.getElementById(${JSON.stringify(id)}); one.value = ${JSON.stringify(value)}; one.dispatchEvent(new Event("input", { bubbles: true })); }`,
    );
    await settle();
  };

  test("shows thousands of rows by the page, and turns to the next", async () => {
    await page.open(many);
    expect(await shown()).toBe("1 to 100 of 5,000 differences");
    expect(await visible()).toBe(100);
    await page.evaluate(`document.getElementById("next").click()`);
    expect(await shown()).toBe("101 to 200 of 5,000 differences");
    expect(await keys()).toEqual(["website/wf_101", "shop/wf_102", "website/wf_103"]);
  });

  test("is searched, filtered and sorted by hand and by keyboard, and says how many match", async () => {
    await page.open(many);
    await page.evaluate(`document.getElementById("search").focus()`);
    await page.type("lead-4711@");
    await settle();
    expect(await shown()).toBe("1 that match, of 5,000 differences");
    expect(await keys()).toEqual(["website/wf_4711"]);
    await page.evaluate(`document.querySelector("button[type=reset]").click()`);
    await settle();
    await choose("by-kind", "=overdue");
    await choose("by-source", "=shop");
    expect(await shown()).toBe("1 to 100 of 500 that match, of 5,000 differences");
    await page.evaluate(`document.querySelector("#list thead th:nth-child(2) button").focus()`);
    await page.press("Enter");
    await page.press("Enter");
    expect(await keys()).toEqual(["shop/wf_5000", "shop/wf_4990", "shop/wf_4980"]);
    const sorts = `[...document.querySelectorAll("#list thead th")].map((head) => head.getAttribute("aria-sort"))`;
    expect(await page.evaluate(sorts)).toEqual([null, "descending", null, null, null, null, null, null]);
  });

  test("is a plain table without scripts, and prints all that match without its controls", async () => {
    await page.set({ width: 1300, scripts: false });
    await page.open(many);
    await page.set({ width: 1300, scripts: true });
    expect(await visible()).toBe(ROWS);
    expect(await page.evaluate(`document.querySelector(".controls").checkVisibility()`)).toBe(false);
    await page.open(many);
    await choose("by-kind", "=overdue");
    await page.evaluate(`dispatchEvent(new Event("beforeprint"))`);
    await page.set({ media: "print" });
    expect(await visible()).toBe(ROWS / 5);
    expect(await page.evaluate(`document.querySelector(".controls").checkVisibility()`)).toBe(false);
    await page.set({ media: "screen" });
  });

  test("runs nothing that a record brings, asks for nothing, and obeys its own policy", async () => {
    await expectInert(page, hostile);
  });

  test.each([320, 360, 768, 1300])("never needs to be scrolled sideways at %i pixels", async (width) => {
    await page.set({ width });
    await page.open(few);
    expect(await page.evaluate(OVERFLOW)).toBeLessThanOrEqual(0);
  });

  test("has names for what a screen reader meets: every control, column and table, and one way past the top", async () => {
    await page.set({ width: 1300 });
    await page.open(few);
    const nameless = `[...document.querySelectorAll("input, select")].filter((one) => one.labels.length === 0).length
      + [...document.querySelectorAll("table")].filter((one) => !one.caption).length
      + [...document.querySelectorAll("thead th")].filter((one) => one.scope !== "col").length`;
    expect(await page.evaluate(nameless)).toBe(0);
    await page.press("Tab");
    expect(await page.evaluate("document.activeElement.className")).toBe("skip");
    await page.press("Enter");
    expect(await page.evaluate("document.activeElement.id")).toBe("differences");
  });

  test.each(["light", "dark"] as const)("keeps its text readable in a %s scheme", async (scheme) => {
    await page.set({ width: 1300, scheme });
    await page.open(few);
    const texts = "h1, h2, p, dt, dd, th, td, small, .badge, a:not(.skip), button, label, code, del, ins, li";
    expect(await page.evaluate(contrast(texts, "color"))).toBeGreaterThanOrEqual(4.5);
  });
});
