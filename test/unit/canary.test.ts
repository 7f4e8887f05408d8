/** The search for canaries finds what it is there to find. */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, it } from "vitest";
import { CANARY_TOKEN, canariesBelow, peopleIn, takeFound, tokenIn } from "../support/canary.ts";

const folder = (): string => mkdtempSync(join(tmpdir(), "crmledger-canary-"));

const LEAKS: readonly (readonly [string, string | Buffer])[] = [
  ["as it is", `x-api-token: ${CANARY_TOKEN}`],
  ["cut short", `token ${CANARY_TOKEN.slice(0, 12)}... is wrong`],
  ["without its beginning", `...${CANARY_TOKEN.slice(15)}`],
  ["in a URL", `https://crm.example.com/?api_token=${encodeURIComponent(CANARY_TOKEN)}`],
  [
    "in a URL with small escapes",
    `?a=${encodeURIComponent(CANARY_TOKEN).replace(/%../g, (part) => part.toLowerCase())}`,
  ],
  ...["", "u", "us"].map(
    (before) =>
      [
        `in base64 behind ${before.length} bytes`,
        `Basic ${Buffer.from(`${before}${CANARY_TOKEN}:`).toString("base64")}`,
      ] as const,
  ),
  ["in base64url", Buffer.from(`:${CANARY_TOKEN}`).toString("base64url")],
  ["in UTF-16", Buffer.from(`token ${CANARY_TOKEN}`, "utf16le")],
  ["in hexadecimal", Buffer.from(CANARY_TOKEN).toString("hex")],
];

it.each(LEAKS)("the token is found %s", (_how, text) => {
  const place = folder();
  mkdirSync(join(place, "deep/er"), { recursive: true });
  const file = join(place, "deep/er/some.csv");
  writeFileSync(file, text);
  expect(tokenIn(text)).not.toEqual([]);
  expect(canariesBelow(place)).toContainEqual(expect.stringContaining(file));
  rmSync(place, { recursive: true });
  expect(takeFound()).toContainEqual(expect.stringContaining("some.csv: the token ("));
});

it("the token is found in a ledger, and in the log of one that nobody closed", () => {
  const place = folder();
  const path = join(place, "crmledger.db");
  const db = new Database(path);
  db.pragma("journal_mode = WAL");
  db.exec("CREATE TABLE requests (error TEXT)");
  db.pragma("wal_checkpoint(TRUNCATE)");
  db.prepare("INSERT INTO requests VALUES (?)").run(`refused: ${CANARY_TOKEN}`);
  expect(canariesBelow(place)).toContainEqual(expect.stringContaining("crmledger.db-wal: the token ("));
  db.close();
  expect(canariesBelow(place)).toEqual([expect.stringContaining("crmledger.db: the token (")]);
  rmSync(place, { recursive: true });
  expect(takeFound()).not.toEqual([]);
});

it("the files that a user keeps his token in are no leak, and a folder without it is clean", () => {
  const place = folder();
  for (const name of ["token", "pipedrive.token", "crmledger.yaml"]) writeFileSync(join(place, name), CANARY_TOKEN);
  writeFileSync(join(place, "export.csv"), "id,email\n1,ada@example.com\n");
  expect(canariesBelow(place)).toEqual([]);
  rmSync(place, { recursive: true });
  expect(takeFound()).toEqual([]);
});

it("what a child process says is heard", async () => {
  const say = `process.stderr.write(${JSON.stringify(`no: ${CANARY_TOKEN}`)})`;
  const child = spawn(process.execPath, ["-e", say]);
  child.stdout.resume();
  child.stderr.resume();
  await new Promise((done) => child.on("close", done));
  expect(takeFound()).toContainEqual(expect.stringContaining("said the token"));
  spawnSync(process.execPath, ["-e", say]);
  expect(takeFound()).toContainEqual(expect.stringContaining("said the token"));
});

it("what a server is sent is read, its address too", async () => {
  const server = createServer((request, response) => request.resume().on("end", () => response.end()));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  await fetch(url, { method: "POST", body: "all is well", headers: { "x-api-token": CANARY_TOKEN } });
  expect(takeFound()).toEqual([]);
  await fetch(url, { method: "POST", body: `refused: ${CANARY_TOKEN.slice(0, 14)}` });
  expect(takeFound()).toContainEqual(expect.stringContaining("said the token"));
  await fetch(`${url}?rid=${encodeURIComponent(CANARY_TOKEN)}`, { method: "POST" });
  expect(takeFound()).toContainEqual(expect.stringContaining("said the token"));
  server.close();
});

it("people in a text that logs keep are found, but for those whom the reader named", () => {
  const text = "website/7: ada@example.com, +441234567890; see sales@vendor.test";
  expect(peopleIn(text, [])).toEqual(["ada@example.com", "+441234567890"]);
  expect(peopleIn(text, ["show", "ADA@example.com", "+441234567890"])).toEqual([]);
  const place = folder();
  writeFileSync(join(place, "status.prom"), `crmledger_failed{who="ada@example.com"} 1\n`);
  expect(canariesBelow(place)).toEqual([expect.stringContaining("ada@example.com, where only ids belong")]);
  rmSync(place, { recursive: true });
  expect(takeFound()).not.toEqual([]);
});
