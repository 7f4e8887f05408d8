import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DOCUMENT_BYTES_MAX } from "../../src/intake/limits.ts";
import { type IngestRig, openIngestRig, person, total } from "../support/ingest-rig.ts";

let rig: IngestRig;
beforeEach(async () => {
  rig = await openIngestRig();
});
afterEach(() => rig.close());

describe("careless and hostile spools", () => {
  it("leaves alone what is being written or hidden, and names what it does not know", async () => {
    for (const name of [".a.json", "b.json.tmp", "c.json.part", "D.JSON.TMP"]) rig.put(name, person(1));
    rig.put("notes.txt", "hello");
    mkdirSync(join(rig.spool, "folder"));
    const report = await rig.ingest();
    expect(total(report)).toEqual({});
    expect(report.warnings).toHaveLength(2);
    expect(report.warnings.join()).toMatch(
      /folder is skipped: it is a folder.*notes\.txt is skipped: its name tells no format/s,
    );
    expect(rig.list()).toHaveLength(6);
  });

  it("follows no link out of the spool, and does not hang on a FIFO", async () => {
    writeFileSync(join(rig.folder, "secret.json"), person(1));
    symlinkSync(join(rig.folder, "secret.json"), join(rig.spool, "link.json"));
    symlinkSync("nowhere", join(rig.spool, "dangling.json"));
    execFileSync("mkfifo", [join(rig.spool, "pipe.json")]);
    symlinkSync("/dev/zero", join(rig.spool, "zero.jsonl"));
    const report = await rig.ingest();
    expect(total(report)).toEqual({});
    expect(report.warnings).toHaveLength(4);
    expect(rig.list()).toHaveLength(4);
  });

  it("takes a link that stays in the spool once, with its target", async () => {
    rig.put(".data/x.json", person(1));
    symlinkSync(join(".data", "x.json"), join(rig.spool, "a.json"));
    expect(total(await rig.ingest())).toEqual({ rows: 1, new: 1 });
    expect(rig.list(".archive/2026-11-24")).toEqual(["a.json"]);
    expect(rig.list()).not.toContain("a.json");
  });

  it("shows control characters of names instead of printing them", async () => {
    rig.put("a\nb\u001b[31m.json", person(1));
    await rig.ingest();
    expect((await rig.queued())[0]?.origin.file).toBe(`${rig.spool}/a\\nb\\u{1b}[31m.json`);
  });

  it("reads the oldest file first", async () => {
    rig.put("a.json", JSON.stringify({ id: "x", person: { email: "a@example.com", name: "Newer" } }), 1000);
    rig.put("b.json", JSON.stringify({ id: "x", person: { email: "a@example.com", name: "Older" } }), 2000);
    expect(total(await rig.ingest())).toEqual({ rows: 2, new: 1, conflict: 1 });
    expect((await rig.queued())[0]?.content?.person?.name).toBe("Older");
  });

  it("goes on after records that break a bound, naming it", async () => {
    const deep = `${'{"a":'.repeat(40)}1${"}".repeat(40)}`;
    const wide = JSON.stringify(Object.fromEntries(Array.from({ length: 501 }, (_, index) => [`f${index}`, index])));
    const long = JSON.stringify({ person: { email: "a@example.com" }, notes: ["x".repeat(1024 * 1024)] });
    rig.put("a.jsonl", [deep, wide, long, '{"person":', "7", "[]", person(1)].map((line) => `${line}\n`).join(""));
    expect(total(await rig.ingest())).toEqual({ rows: 6, new: 1, rejected: 5 });
    const { rows } = await rig.ledger.rejects(10);
    const reasons = new Map(rows.map((row) => [row.origin.line, row.reason]));
    expect(reasons.get(1)).toContain("deeper than 32");
    expect(reasons.get(2)).toContain("501 fields");
    expect(reasons.get(3)).toContain("1 MiB");
    expect(reasons.get(4)).toContain("not JSON");
    expect(reasons.get(5)).toContain("not an object");
    expect(rows.find((row) => row.origin.line === 3)?.raw).toBe(long);
  });

  it.each(["archive", "delete"] as const)("keeps a file that is too long to be read (after: %s)", async (after) => {
    const path = rig.put("upload.form", "mail=ada%40example.com&upload=");
    truncateSync(path, DOCUMENT_BYTES_MAX + 1);
    expect(total(await rig.ingest({ after }))).toEqual({ rows: 1, rejected: 1 });
    // Its reject holds the beginning only.
    expect(rig.list(".archive/2026-11-24")).toEqual(["upload.form"]);
  });

  it("is not brought down by nesting without end", async () => {
    const deep = `${"[".repeat(200_000)}12345678901234567890${"]".repeat(200_000)}`;
    rig.put("a.jsonl", `${deep}\n{"a":${deep}}\n${person(1)}\n`);
    rig.put("b.json", `[{"a":${deep}},${person(2)}]`);
    rig.put("c.json", deep);
    expect(total(await rig.ingest())).toEqual({ rows: 6, new: 2, rejected: 3, duplicate: 1 });
  });

  it("takes `__proto__` and `constructor` as ordinary names", async () => {
    rig.put(
      "a.json",
      '{"id":"1","__proto__":{"person":{"email":"evil@example.com"}},"person":{"email":"a@example.com","fields":{"__proto__":"x","constructor":"y"}}}',
    );
    await rig.ingest();
    const content = (await rig.queued())[0]?.content;
    expect(content?.person).toEqual({ email: "a@example.com", fields: { constructor: "y" } });
    expect(content?.badValues).toMatchObject([{ path: "person.fields.__proto__", value: "x" }]);
    expect(({} as Record<string, unknown>).person).toBeUndefined();
  });

  it("does not let a webhook close rejects by posing as an export of them", async () => {
    rig.put("a.jsonl", '{"person":{"name":"Nobody"}}\n');
    await rig.ingest();
    const id = (await rig.ledger.rejects(1)).rows[0]?.id;
    rig.put("b.jsonl", `{"reject":"${id}","line":1,"reason":"x","record":${person(1)}}\n`);
    await rig.ingest();
    expect((await rig.ledger.rejects(10)).total).toBe(2);
  });

  it("tells when the spool is not there or no folder", async () => {
    rmSync(rig.spool, { recursive: true });
    await expect(rig.ingest()).rejects.toMatchObject({
      code: "spoolUnreadable",
      hint: expect.stringContaining("sources.website.spool"),
    });
    writeFileSync(rig.spool, "");
    await expect(rig.ingest()).rejects.toMatchObject({ code: "spoolUnreadable" });
  });
});
