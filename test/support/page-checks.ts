/** What every page that we make must hold in a browser. */
import { expect } from "vitest";
import type { Page } from "./browser.ts";

/** Opens a page whose records try to run something: nothing of it runs, and nothing but the page itself is asked for. */
export async function expectInert(page: Page, file: string): Promise<void> {
  page.requested.length = 0;
  page.errors.length = 0;
  await page.open(file);
  expect(await page.evaluate("document.title")).not.toBe("owned");
  expect(await page.evaluate("document.querySelectorAll('img').length")).toBe(0);
  expect(page.requested).toEqual([`file://${file}`]);
  expect(page.errors).toEqual([]);
}

/** By how many pixels the open page is wider than its window. */
export const OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth";

/** An expression for the least contrast of what `list` selects and shows, against the ground below it (WCAG 2: 1 to 21); 0 where nothing is shown. */
export function contrast(list: string, color: "color" | "fill" | "stroke"): string {
  return `(() => {
    const channel = (value) => { const part = value / 255; return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4; };
    const light = (text) => { const [r, g, b] = text.match(/[\\d.]+/g).map(Number); return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b); };
    const ground = (one) => { for (let at = one; at; at = at.parentElement) { const color = getComputedStyle(at).backgroundColor; if (!/, 0\\)$/.test(color)) return color; } return "rgb(255, 255, 255)"; };
    const shown = [...document.querySelectorAll(${JSON.stringify(list)})].filter((one) => one.checkVisibility() && !one.disabled);
    return shown.length === 0 ? 0 : Math.min(...shown.map((one) => { const [a, b] = [light(getComputedStyle(one).${color}), light(ground(one))]; return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); }));
  })()`;
}
