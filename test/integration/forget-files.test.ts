/** A person in the files of a spool, however the bytes write them; everybody else stays as they were. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { emailKey } from "../../src/domain/identity.ts";
import { mentionsOf } from "../../src/domain/mentions.ts";
import type { SourceSettings } from "../../src/domain/settings.ts";
import { forgetInFiles } from "../../src/ingest/forget-files.ts";
import { sourceOf } from "../support/ingest-rig.ts";

const ADA = "ada@example.com";
const MENTIONS = mentionsOf([emailKey(ADA)], [emailKey(ADA)]);
const BOB = { person: { email: "bob@example.com" } };

let spool: string;
beforeEach(() => {
  spool = mkdtempSync(join(tmpdir(), "crmledger-forget-"));
});
afterEach(() => rmSync(spool, { recursive: true }));

async function forget(
  name: string,
  content: string | Buffer,
  changes: Partial<SourceSettings> = {},
  taken: readonly { path: string; offset: number }[] = [],
) {
  const path = join(spool, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, content, { mode: 0o640 });
  const result = await forgetInFiles(sourceOf({ spool, ...changes }), spool, MENTIONS, false, () => {}, taken);
  return { ...result, path, bytes: existsSync(path) ? readFileSync(path) : null };
}

const CSV = `id,person.email\r\n1,${ADA}\r\n2,bob@example.com\r\n`;
const LEFT = `id,person.email\r\n${" ".repeat(17)}\r\n2,bob@example.com\r\n`;
const wide = (text: string): Buffer => Buffer.from(text, "utf16le");

describe("forget in files", () => {
  it.each([
    ["UTF-16 with its mark", wide(`\ufeff${CSV}`), wide(`\ufeff${LEFT}`), {}],
    ["UTF-16 without", wide(CSV), wide(LEFT), {}],
    ["UTF-16 the other way round", wide(`\ufeff${CSV}`).swap16(), wide(`\ufeff${LEFT}`).swap16(), {}],
    ["UTF-16 that the config names", wide(CSV).swap16(), wide(LEFT).swap16(), { encoding: "utf-16be" }],
    ["UTF-8 with zero bytes in it", Buffer.from(`${CSV}\0`), Buffer.from(`${LEFT}\0`), {}],
  ])("blanks the rows of a CSV in %s", async (_what, before, after, changes) => {
    const { bytes, records, left } = await forget("a.csv", before, changes);
    expect({ records, left }).toEqual({ records: 1, left: [] });
    expect(bytes?.equals(after)).toBe(true);
  });

  it.each([
    ["lines in UTF-16", "a.jsonl", wide(`\ufeff{"person":{"email":"${ADA}"}}\n${JSON.stringify(BOB)}\n`)],
    ["letters as escapes", "a.jsonl", `{"person":{"email":"\\u0061da\\u0040example.com"}}\n${JSON.stringify(BOB)}\n`],
  ])("blanks JSON lines with %s", async (_what, name, before) => {
    const { bytes, records, left } = await forget(name, before);
    expect({ records, left }).toEqual({ records: 1, left: [] });
    const text = (bytes as Buffer).toString(bytes?.[0] === 0xff ? "utf16le" : "utf8");
    expect(text).toMatch(/^\ufeff? +\n.*bob@example\.com.*\n$/);
  });

  it.each([
    ["a document in UTF-16", "a.json", wide(`\ufeff{"person":{"email":"${ADA}"}}`)],
    ["a document with escapes", "a.json", `{"person":{"email":"ada\\u0040example\\u002ecom"}}`],
    ["a form with letters as escapes", "a.form", "id=1&email=%61da%40example%2Ecom"],
    ["a form with the address behind a space", "a.form", "id=1&text=I+am+ada%40example.com"],
  ])("deletes %s", async (_what, name, before) => {
    expect(await forget(name, before)).toMatchObject({ deleted: 1, left: [], bytes: null });
  });
});

describe("somebody else's record that was not read yet and only names the person", () => {
  const bob = { id: "b", person: { email: "bob@example.com" }, notes: [`a friend of\n${ADA} sent me`] };
  const cay = { id: "c", person: { phone: "+3725550100" }, notes: [`ask ${ADA}`] };
  const hers = { id: "a", person: { email: ADA, phone: "12" }, notes: [`\n${ADA}\n`] };
  const AGAIN = /not read yet.*forget again after the next sync/;

  it.each([
    ["a document", "b.json", JSON.stringify(bob)],
    ["a document with a phone alone", "c.json", JSON.stringify(cay)],
    ["a form", "b.form", `email=bob%40example.com&text=ask+${encodeURIComponent(ADA)}`],
    ["a line", "b.jsonl", `${JSON.stringify(bob)}\n`],
    ["a row", "b.csv", `id,person.email,notes.0\n1,bob@example.com,ask ${ADA}\n`],
  ])("stays as it is and is told: %s", async (_what, name, before) => {
    const { bytes, deleted, records, left } = await forget(name, before);
    expect(bytes?.toString()).toBe(before);
    expect({ deleted, records }).toEqual({ deleted: 0, records: 0 });
    expect(left).toEqual([expect.stringMatching(AGAIN)]);
  });

  it("stays in a list from which the person's own is taken", async () => {
    const { bytes, records, left } = await forget("list.json", JSON.stringify([bob, hers, cay]));
    expect(JSON.parse(String(bytes))).toEqual([bob, cay]);
    expect(records).toBe(1);
    expect(left).toEqual([expect.stringMatching(AGAIN)]);
  });

  it("goes once it is read: what the ledger has is not lost", async () => {
    expect(await forget(".archive/2026-11-24/b.json", JSON.stringify(bob))).toMatchObject({ deleted: 1, left: [] });
    const lines = [bob, cay].map((one) => `${JSON.stringify(one)}\n`);
    const path = join(spool, "grown.jsonl");
    const taken = [{ path, offset: Buffer.byteLength(lines[0]!) }];
    const { bytes, records } = await forget("grown.jsonl", lines.join(""), {}, taken);
    expect(records).toBe(1);
    expect(String(bytes).trim()).toBe(lines[1]?.trim());
  });
});

describe("a file that can't be cleared", () => {
  // Root may do everything.
  it.skipIf(process.getuid?.() === 0)("is told, and not counted as deleted", async () => {
    const path = join(spool, "a.json");
    writeFileSync(path, JSON.stringify({ person: { email: ADA } }));
    chmodSync(spool, 0o500);
    try {
      const result = await forgetInFiles(sourceOf({ spool }), spool, MENTIONS, false, () => {});
      expect(result).toMatchObject({ deleted: 0, left: [`${path} (EACCES)`] });
    } finally {
      chmodSync(spool, 0o700);
    }
  });
});

describe("forget in documents that were not read yet and hold several records", () => {
  const page = (items: unknown[], more = {}) => JSON.stringify({ data: { items }, id: 1, ...more });
  const theirs = { person: { email: ADA } };
  const records = "data.items";

  it("takes theirs out and leaves the others, whose numbers keep their digits", async () => {
    const text = page([BOB, theirs]).replace('"id":1', '"id":12345678901234567890');
    const { bytes, path, left } = await forget("a.json", text, { records });
    expect(left).toEqual([]);
    expect(bytes?.toString()).toBe(page([BOB]).replace('"id":1', '"id":12345678901234567890'));
    expect(statSync(path).mode & 0o777).toBe(0o640);
  });

  it("deletes one in which all are theirs", async () => {
    expect(await forget("a.json", page([theirs]), { records })).toMatchObject({ deleted: 1, bytes: null, left: [] });
  });

  it.each([
    ["the list is an expression's", page([BOB, theirs]), "= data.items"],
    ["the list is not there", JSON.stringify({ other: [theirs] }), records],
    ["they are named beside the records", page([BOB], { sentTo: ADA }), records],
  ])("says so where %s", async (_why, text, way) => {
    const { left, path, bytes } = await forget("a.json", text, { records: way });
    expect(left).toEqual([path]);
    expect(bytes?.toString()).toBe(text);
  });

  it("blanks lines of theirs alone, and says so of lines that they share", async () => {
    const lines = [page([theirs]), page([theirs, BOB]), page([BOB])];
    const { left, path, bytes } = await forget("a.jsonl", lines.map((line) => `${line}\n`).join(""), { records });
    expect(left).toEqual([path]);
    const now = (bytes as Buffer).toString().split("\n");
    expect(now.slice(1)).toEqual([lines[1], lines[2], ""]);
    expect(now[0]?.trim()).toBe("");
  });

  it("once archived, deletes the document: what was in it is in the ledger", async () => {
    const { bytes } = await forget(".archive/2026-11-24/a.json", page([BOB, theirs]), { records });
    expect(bytes).toBeNull();
  });
});
