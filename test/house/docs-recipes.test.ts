import { execFileSync, spawnSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readText } from "../support/house-source.ts";

const BODY = '{"id": 706405506930370084, "name": "Grüße 👋"}';

/** Need not be on this machine. */
const [PHP] = ["php"] as const;

const block = (language: string): string =>
  new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "m").exec(readText("docs/recipes.md"))?.[1] ?? "";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "crmledger-recipes-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Names of the spool's files: what is in them is the body, byte for byte. */
function spooled(): string[] {
  const names = readdirSync(folder).filter((name) => !/\.(mjs|php)$/.test(name));
  for (const name of names) expect(readFileSync(join(folder, name), "utf8")).toBe(BODY);
  return names;
}

test("docs/recipes.md: the Node script keeps the body's bytes and knows a signature", () => {
  const signature = createHmac("sha256", "secret").update(BODY).digest("base64");
  const call = `const body = Buffer.from(${JSON.stringify(BODY)});
await spoolBody(${JSON.stringify(folder)}, body);
console.log(isSigned(body, "secret", "base64", ${JSON.stringify(signature)}), isSigned(body, "other", "base64", ${JSON.stringify(signature)}),
  isSigned(body, "secret", "base64", undefined));`;
  writeFileSync(join(folder, "hook.mjs"), `${block("js")}\n${call}\n`);
  expect(execFileSync(process.execPath, [join(folder, "hook.mjs")], { encoding: "utf8" })).toBe("true false false\n");
  expect(spooled()).toEqual([expect.stringMatching(/^[^.].*\.json$/)]);
});

test.skipIf(spawnSync(PHP, ["--version"]).status !== 0)("docs/recipes.md: the PHP script is PHP", () => {
  writeFileSync(join(folder, "hook.php"), `<?php\n${block("php")}`);
  expect(spawnSync(PHP, ["-l", join(folder, "hook.php")]).status).toBe(0);
});

test("docs/recipes.md: the Apps Script sends what the download says, with the same time", () => {
  const sent: string[] = [];
  const run = new Function("Session", "Utilities", "UrlFetchApp", "e", `${block("javascript")}\nonFormSubmit(e);`);
  const event = {
    response: {
      getTimestamp: () => null,
      getRespondentEmail: () => "ada@example.com",
      getItemResponses: () => [
        { getItem: () => ({ getTitle: () => "Full name" }), getResponse: () => "Ada" },
        {
          getItem: () => ({ getTitle: () => "What are you interested in?" }),
          getResponse: () => ["Pricing", "Training"],
        },
      ],
    },
  };
  const format = { formatDate: () => "2026/11/20 10:15:02 AM GMTZ" };
  const fetcher = { fetch: (_: string, { payload }: { payload: string }) => sent.push(payload) };
  run({ getScriptTimeZone: () => "GMT" }, format, fetcher, event);
  expect(sent.map((text) => JSON.parse(text) as unknown)).toEqual([
    {
      Timestamp: "2026/11/20 10:15:02 AM GMT",
      Username: "ada@example.com",
      "Full name": "Ada",
      "What are you interested in?": "Pricing;Training",
    },
  ]);
});
