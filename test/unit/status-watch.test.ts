/** `status` on a terminal: what it draws, how it fits, how it goes on and how it ends. */
import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import type { Invocation, Reply } from "../../src/cli/command.ts";
import { watchStatus } from "../../src/cli/status-watch.ts";
import type { Clock } from "../../src/domain/clock.ts";
import { lastDayOf, lastDayText } from "../../src/report/last-day.ts";
import { renderStatus } from "../../src/report/status-page.ts";
import { createStyle } from "../../src/report/style.ts";
import { monthOf, NOW_MS, sampleStatus } from "../support/status-sample.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal obeys
const SEQUENCES = /\u001b\[[\d;?]*[A-Za-z]/g;

interface Screen {
  stdout: Writable & { isTTY: boolean; columns: number; rows: number };
  written(): string;
}

function screenOf(isTTY: boolean, columns = 80, rows = 24): Screen {
  const parts: string[] = [];
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      parts.push(String(chunk));
      done();
    },
  });
  return { stdout: Object.assign(stdout, { isTTY, columns, rows }), written: () => parts.join("") };
}

/** Watches; before each sleep `between` may change the world, and ends it by true. */
async function watched(screen: Screen, texts: string[], between: (frame: number) => boolean): Promise<Reply | null> {
  const ending = new AbortController();
  let frame = 0;
  const clock = {
    sleep: async () => {
      frame += 1;
      if (between(frame)) ending.abort();
    },
  } as unknown as Clock;
  const invocation = {
    io: { stdout: screen.stdout, env: {} },
    globals: { color: false },
    signals: { graceful: () => ending.signal },
    print: (reply: Reply) => screen.stdout.write(reply.text(createStyle({ ...screen.stdout }, { color: false }, {}))),
  } as unknown as Invocation;
  let asked = 0;
  return await watchStatus({ clock }, invocation, async () => {
    const text = texts[Math.min(asked, texts.length - 1)]!;
    asked += 1;
    return { json: { text }, text: () => text, exitCode: 0 };
  });
}

describe("--watch", () => {
  test("draws over what it drew, without clearing the screen, and gives the terminal back as it was", async () => {
    const screen = screenOf(true);
    const last = await watched(screen, ["one\nand more\n", "two\n"], (frame) => frame === 2);
    const text = screen.written();
    expect(text.startsWith("\u001b[?1049h\u001b[?25l")).toBe(true);
    expect(text.endsWith("\u001b[?25h\u001b[?1049l")).toBe(true);
    expect(text).not.toContain("\u001b[2J");
    const frames = text.split("\u001b[H").slice(1);
    expect(frames).toHaveLength(2);
    for (const frame of frames) expect(frame).toContain("\u001b[J");
    expect(frames[1]!.startsWith("two\u001b[K\r\n")).toBe(true);
    expect(last?.text({} as never)).toBe("two\n");
    expect(screen.stdout.listenerCount("resize")).toBe(0);
  });

  test("never draws more lines than the screen has, and says how many more there are", async () => {
    const screen = screenOf(true, 80, 6);
    await watched(screen, [Array.from({ length: 20 }, (_, index) => `line ${index}`).join("\n")], () => true);
    const lines = screen.written().replace(SEQUENCES, "").split("\r\n");
    expect(lines).toEqual(["line 0", "line 1", "line 2", "and 17 more lines", "", "Every 2 seconds. Ctrl-C ends it."]);
  });

  test("obeys nothing that a record brings", async () => {
    const screen = screenOf(true);
    await watched(screen, ["\u001b[2Jgone\u001b]0;owned\u0007\n"], () => true);
    expect(screen.written()).not.toContain("\u001b[2J");
    expect(screen.written()).not.toContain("owned");
  });

  test("gives the terminal back when the ledger can't be read any more", async () => {
    const screen = screenOf(true);
    const failing = watched(screen, ["one"], () => {
      throw new Error("gone");
    });
    await expect(failing).rejects.toThrow("gone");
    expect(screen.written().endsWith("\u001b[?25h\u001b[?1049l")).toBe(true);
  });

  test("elsewhere than on a terminal prints what differs from the time before, and no sequences", async () => {
    const screen = screenOf(false);
    await watched(screen, ["one\n", "one\n", "two\n"], (frame) => frame === 3);
    expect(screen.written()).toBe("one\ntwo\n");
  });
});

describe("status on a terminal", () => {
  const status = sampleStatus({ lastDay: lastDayOf(monthOf(), NOW_MS) });
  const drawn = (columns: number, env: Record<string, string> = {}, isTTY = true): string[] =>
    renderStatus(status, createStyle({ isTTY, columns }, { color: true }, env), NOW_MS)
      .replace(SEQUENCES, "")
      .trimEnd()
      .split("\n");

  test.each([40, 60, 80, 120, 200])("fits into %i columns, and loses no word", (columns) => {
    const lines = drawn(columns);
    expect(lines.filter((line) => [...line].length > columns)).toEqual([]);
    const words = (text: string): string[] =>
      text
        .split(/\s+/)
        .filter((word) => word !== "")
        .sort();
    expect(words(lines.join(" "))).toEqual(words(drawn(500, {}, true).join(" ")));
  });

  test("keeps one line for each where nobody looks, so that scripts find them", () => {
    expect(drawn(40, {}, false).filter((line) => line.startsWith("alert"))).toEqual([
      "alert       website: the oldest submission has waited for 21m; its target is 15m",
      "alert       38 submissions failed: ERR_SCHEMA",
    ]);
  });

  test("has a small picture of the day where the terminal shows all letters", () => {
    expect(drawn(200, { LANG: "en_GB.UTF-8" }).join("\n")).toMatch(/at most 115 waited [▁▂▃▄▅▆▇█·]{24}/);
    expect(drawn(200, { LANG: "C" }).join("\n")).not.toMatch(/[▁▂▃▄▅▆▇█]/);
  });

  test("says whose delays it means where they are not all that was delivered", () => {
    const day = lastDayOf(monthOf(), NOW_MS)!;
    const text = (changes: object): string =>
      lastDayText({ ...day, ...changes }, createStyle({ isTTY: false, columns: 80 }, { color: false }, {}));
    const delaySeconds = { p50: 60, p95: 300, lane: "operational" as const, of: 11 };
    expect(text({ delivered: 23, delaySeconds })).toMatch(/^23 delivered \(11 operational: half within about 1m, 95/);
    expect(text({ delivered: 11, delaySeconds })).toMatch(/^11 delivered \(half within about 1m, 95/);
    expect(text({ waitingMost: 0 })).toMatch(/; no run left any waiting$/);
  });

  test("closes each colour at the end of its line, so that names keep theirs", () => {
    const text = renderStatus(status, createStyle({ isTTY: true, columns: 48 }, { color: true }, {}), NOW_MS);
    for (const line of text.split("\n")) {
      const open = [...line.matchAll(SEQUENCES)].map(([code]) => code).at(-1);
      expect(open === undefined || /\[(0|22|39)m/.test(open), JSON.stringify(line)).toBe(true);
    }
  });
});
