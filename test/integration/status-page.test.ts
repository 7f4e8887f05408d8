/** The page of a status in a real browser. Skipped, with a word, where no Chromium is installed. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StatusHistory } from "../../src/report/history-frame.ts";
import { renderStatusHtml } from "../../src/report/status-html.ts";
import type { StatusDocument } from "../../src/report/status-page.ts";
import { createStyle } from "../../src/report/style.ts";
import { findBrowser, openPage, type Page } from "../support/browser.ts";
import { contrast, expectInert, OVERFLOW } from "../support/page-checks.ts";
import { monthOf, NOW_MS, sampleHistory, sampleOf, sampleStatus } from "../support/status-sample.ts";

const browser = findBrowser();
const name = browser === null ? "the page of a status (skipped: no chromium is installed)" : "the page of a status";
const plain = createStyle({ isTTY: false, columns: undefined }, { color: false }, {});
const CHARTS = 6;

describe.skipIf(browser === null)(name, () => {
  const folder = mkdtempSync(join(tmpdir(), "crmledger-page-"));
  const write = (file: string, status: StatusDocument, history: StatusHistory): string => {
    const path = join(folder, file);
    writeFileSync(path, renderStatusHtml(status, history, plain));
    return path;
  };
  const full = write("full.html", sampleStatus(), sampleHistory());
  const empty = write("empty.html", sampleStatus({ alerts: [], holds: [] }), sampleHistory([]));
  const one = write("one.html", sampleStatus(), sampleHistory([sampleOf(NOW_MS - 60_000)]));
  const gaps = write("gaps.html", sampleStatus(), sampleHistory(monthOf(NOW_MS, [3, 15])));
  const bad = `"'><img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;
  const alert = { kind: bad, subject: bad, level: "critical", message: bad, hint: bad } as const;
  const hold = { kind: bad, scope: bad, openedAtMs: NOW_MS - 9e6, closedAtMs: null };
  const hostile = write("hostile.html", sampleStatus({ alerts: [{ ...alert, since: "2026-11-23T15:59:00.000Z" }] }), {
    ...sampleHistory(),
    holds: [hold],
  });
  let page: Page;

  beforeAll(async () => {
    page = await openPage(browser!);
    await page.set({ width: 1300 });
  }, 180_000);
  afterAll(async () => {
    await page?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const seen = (what: string) =>
    page.evaluate<number>(
      `[...document.querySelectorAll(${JSON.stringify(what)})].filter((one) => one.checkVisibility()).length`,
    );

  test("shows the charts of one range at a time, and another one by keyboard", async () => {
    await page.open(full);
    expect(await seen("figure")).toBe(CHARTS);
    expect(await seen(".day .chart")).toBe(CHARTS);
    await page.evaluate(`document.getElementById("range-month").click()`);
    expect(await seen(".month .chart")).toBe(CHARTS);
    expect(await seen(".day .chart, .week .chart")).toBe(0);
    expect(await page.evaluate("location.hash")).toBe("#month");
    await page.open(empty);
    await page.open(`${full}#month`);
    expect(await seen(".month .chart")).toBe(CHARTS);
  });

  test("has for each chart a sentence and a table with the same figures", async () => {
    await page.open(full);
    expect(await page.evaluate(`document.querySelectorAll("figure svg[role=img]:not([aria-label])").length`)).toBe(0);
    expect(await seen("details table")).toBe(0);
    await page.evaluate(`document.querySelector(".day summary").focus()`);
    await page.press("Enter");
    expect(await seen("details[open] table")).toBe(1);
    const most = `Math.max(...[...document.querySelectorAll(".day details[open] tbody tr")].map((row) => Number(row.cells[1].textContent.replace(",", "")) || 0))`;
    const summary = await page.evaluate<string>(`document.querySelector(".day figcaption p").textContent`);
    expect(summary).toContain(`at most ${await page.evaluate(most)} in 24 hours`);
    expect(await page.evaluate(`document.querySelectorAll(".day details[open] tbody tr").length`)).toBe(24);
  });

  test("draws what it has: every path lies in its place, and a gap is no line", async () => {
    await page.open(gaps);
    const outside = `[...document.querySelectorAll(".chart .chart, .day .chart svg path")].filter((path) => {
      const [own, plot] = [path.getBBox(), { x: 0, y: 0, width: 2000, height: 2000 }];
      return own.width + own.height === 0 || own.x < -1 || own.y < -30 || own.x + own.width > 2012 || own.y + own.height > 2001;
    }).length`;
    expect(await page.evaluate(outside)).toBe(0);
    expect(await seen(".day .gap")).toBeGreaterThan(0);
    const parts = await page.evaluate<number>(
      `document.querySelector(".day .area").getAttribute("d").split("M").length - 1`,
    );
    expect(parts).toBe(2);
  });

  test("says that there is no history, and draws the first sample", async () => {
    await page.open(empty);
    expect(await seen("figure, .ranges")).toBe(0);
    expect(await page.evaluate("document.body.textContent")).toContain("There is none yet: each run adds to it.");
    await page.open(one);
    expect(await seen(".day .chart")).toBeGreaterThan(1);
  });

  test("runs nothing that a record brings, asks for nothing, and obeys its own policy", async () => {
    await expectInert(page, hostile);
  });

  test("shows all ranges' figures without scripts: the choice is the browser's own", async () => {
    await page.set({ width: 1300, scripts: false });
    await page.open(full);
    await page.set({ width: 1300, scripts: true });
    expect(await seen(".day .chart")).toBe(CHARTS);
    expect(await seen(".week .chart")).toBe(0);
    await page.evaluate(`document.getElementById("range-week").checked = true`);
    expect(await seen(".week .chart")).toBe(CHARTS);
    expect(await seen("#refresh")).toBe(0);
  });

  test("prints without its controls, with the range that was chosen named", async () => {
    await page.open(full);
    await page.evaluate(`document.getElementById("range-week").click()`);
    await page.set({ media: "print" });
    expect(await seen("input, .skip, details")).toBe(0);
    expect(await page.evaluate(`document.querySelector(".ranges").innerText.replace(/\\s+/g, " ").trim()`)).toBe(
      "The last 7 days",
    );
    await page.set({ media: "screen" });
  });

  test.each([320, 360, 768, 1300])("never needs to be scrolled sideways at %i pixels", async (width) => {
    await page.set({ width });
    for (const file of [full, hostile]) {
      await page.open(file);
      await page.evaluate(`for (const one of document.querySelectorAll("details")) one.open = true`);
      expect(await page.evaluate(OVERFLOW)).toBeLessThanOrEqual(0);
    }
  });

  test("has names for what a screen reader meets, and one way past the top", async () => {
    await page.set({ width: 1300 });
    await page.open(full);
    const nameless = `[...document.querySelectorAll("input")].filter((one) => one.labels.length === 0).length
      + [...document.querySelectorAll("table")].filter((one) => !one.caption).length
      + [...document.querySelectorAll("section, figure")].filter((one) => one.querySelector("h2, h3, legend") === null).length
      + [...document.querySelectorAll("thead th")].filter((one) => one.scope !== "col").length`;
    expect(await page.evaluate(nameless)).toBe(0);
    const twice = `(() => { const ids = [...document.querySelectorAll("[id]")].map((one) => one.id); return ids.length - new Set(ids).size; })()`;
    expect(await page.evaluate(twice)).toBe(0);
    await page.press("Tab");
    expect(await page.evaluate("document.activeElement.className")).toBe("skip");
    await page.press("Enter");
    expect(await page.evaluate("document.activeElement.id")).toBe("history");
  });

  test.each(["light", "dark"] as const)("keeps texts readable and lines visible in a %s scheme", async (scheme) => {
    await page.set({ width: 1300, scheme });
    await page.open(full);
    await page.evaluate(`for (const one of document.querySelectorAll("details")) one.open = true`);
    const texts = "h1, h2, h3, p, dt, dd, th, td, small, li, label, summary, strong, caption";
    expect(await page.evaluate(contrast(texts, "color"))).toBeGreaterThanOrEqual(4.5);
    expect(await page.evaluate(contrast(".chart text", "fill"))).toBeGreaterThanOrEqual(4.5);
    expect(await page.evaluate(contrast("path.line", "stroke"))).toBeGreaterThanOrEqual(3);
    expect(await page.evaluate(contrast("path.bar", "fill"))).toBeGreaterThanOrEqual(3);
  });
});
