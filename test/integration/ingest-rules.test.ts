/** Close cases of ingest: what counts as known, and how long files are followed. One contract sentence or less a test. */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { rejectsAsCsv, rejectsAsJsonl } from "../../src/intake/rejects-file.ts";
import { HOUR_MS, type IngestRig, openIngestRig, sourceOf, total } from "../support/ingest-rig.ts";

let rig: IngestRig;
beforeEach(async () => {
  rig = await openIngestRig();
});
afterEach(() => rig.close());

const file = (name: string, content: string): string => {
  const path = join(rig.folder, name);
  writeFileSync(path, content);
  return path;
};

describe("a record without a time of its own", () => {
  it("is the same one whenever it comes in again, and however it is written", async () => {
    const withId = (noise: number) => `{"e":"x1","mail":"a@example.com","try":${noise}}\n`;
    const without = (noise: number) => `{"mail":"b@example.com","try":${noise}}\n`;
    const map = { id: "e", "person.email": "mail" };
    expect(total(await rig.import(file("a.jsonl", withId(1) + without(1)), { map }))).toEqual({ rows: 2, new: 2 });
    rig.time.nowMs += HOUR_MS;
    expect(total(await rig.import(file("b.jsonl", withId(2) + without(2)), { map }))).toEqual({
      rows: 2,
      duplicate: 2,
    });
  });
});

describe("the guard against re-exports", () => {
  const rows = (from: number, to: number, prefix: string): string =>
    Array.from({ length: to - from }, (_, n) => {
      const second = String((from + n) % 60).padStart(2, "0");
      return `${prefix}${from + n},2026-11-20T10:15:${second}Z,p${from + n}@example.com\n`;
    }).join("");
  const csv = (name: string, ...parts: string[]) => file(name, `id,submittedAt,person.email\n${parts.join("")}`);
  const looksLike = (count: string) =>
    expect.objectContaining({ code: "inputUnreadable", message: expect.stringContaining(`re-export: ${count}`) });

  it("begins at 20 records, and at more than half of the file", async () => {
    await rig.import(csv("a.csv", rows(0, 20, "a")));
    const again = rows(0, 20, "b");
    await expect(rig.import(csv("b.csv", again))).rejects.toEqual(looksLike("20 of its 20"));
    await expect(rig.import(csv("b.csv", again, rows(20, 39, "b")))).rejects.toEqual(looksLike("20 of its 39"));
    expect(await rig.queued()).toHaveLength(20);
    expect(total(await rig.import(csv("b.csv", again, rows(20, 40, "b"))))).toEqual({ rows: 40, new: 40 });
  });

  it("knows the persons and times of every source: `import` takes no second export of the website's", async () => {
    await rig.import(csv("a.csv", rows(0, 25, "a")));
    const again = csv("b.csv", rows(0, 25, "b"));
    await expect(rig.import(again, { name: "import" })).rejects.toEqual(looksLike("25 of its 25"));
    expect(await rig.queued()).toHaveLength(25);
    expect(total(await rig.import(again, { name: "import" }, { asNew: true }))).toEqual({ rows: 25, new: 25 });
  });
});

describe("a dry run", () => {
  it("counts as the ledger would: by raw record, and by what another source has", async () => {
    const map = { id: "e", "person.email": "mail" };
    const record = '{"e":"x1","f":"y1","mail":"a@example.com"}\n';
    await rig.import(file("a.jsonl", record), { map });
    rig.deps.dryRun = true;
    const otherKey = await rig.import(file("b.jsonl", record), { map: { ...map, id: "f" } });
    expect(total(otherKey)).toEqual({ rows: 1, duplicate: 1 });
    const other = await rig.import(file("c.jsonl", `${record}{"e":"x1","mail":"b@example.com"}\n`), {
      name: "shop",
      map,
    });
    expect(total(other)).toEqual({ rows: 2, new: 1, duplicate: 1 });
    expect(other.warnings.join()).toContain("source website has it");
  });
});

describe("files that grow", () => {
  const HEADER = "id,person.email\n";
  const row = (n: number) => `s${n},p${n}@example.com`;

  it("of CSV: a last line without end counts after 24 hours, and the archived file is read on", async () => {
    rig.put("a.csv", `${HEADER}${row(1)}\n${row(2)}`, 24 * HOUR_MS - 1000);
    expect(total(await rig.ingest())).toEqual({ rows: 1, new: 1 });
    rig.time.nowMs += 1000;
    expect(total(await rig.ingest())).toEqual({ rows: 1, new: 1 });
    const archived = join(rig.spool, ".archive/2026-11-24/a.csv");
    appendFileSync(archived, `\n${row(3)}\n`);
    expect(total(await rig.ingest())).toEqual({ rows: 1, new: 1 });
    expect((await rig.queued()).map(({ key }) => key)).toEqual(["s1", "s2", "s3"]);
  });

  it("are read on in the 7 days that `after: delete` leaves them, and stay longer for it", async () => {
    const path = rig.put("a.csv", `${HEADER}${row(1)}\n`, 30 * HOUR_MS);
    await rig.ingest({ after: "delete" });
    rig.put("a.csv", `${readFileSync(path, "utf8")}${row(2)}\n`);
    expect(total(await rig.ingest({ after: "delete" }))).toEqual({ rows: 1, new: 1 });
    rig.time.nowMs += 7 * 24 * HOUR_MS;
    await rig.ingest({ after: "delete" });
    expect(existsSync(path)).toBe(true);
  });
});

describe("an export of rejects", () => {
  const all = async (as: typeof rejectsAsCsv) => {
    const { rows } = await rig.ledger.rejects(10);
    return as(rows.map(({ id, origin, reason, raw }) => ({ id, line: origin.line, reason, raw })));
  };
  const FORMATS = [
    ["rejects.csv", rejectsAsCsv],
    ["rejects.jsonl", rejectsAsJsonl],
  ] as const;

  it.each(FORMATS)("of nested records is mended and read by their source's map (%s)", async (name, as) => {
    const website = sourceOf({ map: { id: "e", "person.email": "fields.`E-mail 1`", notes: "fields.tags" } });
    await rig.import(file("a.jsonl", '{"e":"x1","fields":{"E-mail 1":"","tags":["one","two"]}}\n'), website);
    const text = await all(as);
    const mended = name.endsWith("csv")
      ? text.replace('"x1",""', '"x1","a@example.com"')
      : text.replace('"E-mail 1":""', '"E-mail 1":"a@example.com"');
    expect(mended).not.toBe(text);
    expect(total(await rig.import(file(name, mended), { name: "import" }, { sources: [website] }))).toEqual({
      rows: 1,
      new: 1,
    });
    expect((await rig.queued())[0]).toMatchObject({
      source: "website",
      content: { person: { email: "a@example.com" } },
    });
    expect((await rig.ledger.rejects(10)).total).toBe(0);
  });

  it.each(FORMATS)(
    "keeps one reject of a record that is still wrong, mended in part or not at all (%s)",
    async (name, as) => {
      const website = sourceOf({ map: { id: "id", "person.email": "mail" } });
      // They have other members, so that a table of both has empty cells that no record had.
      await rig.import(file("a.jsonl", '{"id":"x1","mail":"a at example.com"}\n{"id":"x2","text":"Hello"}\n'), website);
      const text = await all(as);
      const imported = async (content: string) =>
        total(await rig.import(file(name, content), { name: "import" }, { sources: [website] }));
      expect(await imported(text)).toEqual({ rows: 2, duplicate: 2 });
      expect(await imported(text.replace("a at", "a(at)"))).toEqual({ rows: 2, duplicate: 1, rejected: 1 });
      expect((await rig.ledger.rejects(10)).total).toBe(2);
      expect(await imported(text.replace("a at ", "a@"))).toEqual({ rows: 2, duplicate: 1, new: 1 });
      expect((await rig.ledger.rejects(10)).total).toBe(1);
    },
  );

  it.each(FORMATS)(
    "leaves a conflict open where it comes back as it was, until somebody decides (%s)",
    async (name, as) => {
      const deal = (title: string) => `{"id":"s1","person":{"email":"a@example.com"},"deal":{"title":"${title}"}}\n`;
      await rig.import(file("a.jsonl", deal("Older")));
      await rig.import(file("b.jsonl", deal("Newer")));
      const text = await all(as);
      await rig.import(file(name, text));
      expect((await rig.ledger.rejects(10)).rows).toMatchObject([{ kind: "conflict", key: "s1" }]);
      await rig.import(file(name, text.replace("Newer", "Older")));
      expect((await rig.ledger.rejects(10)).total).toBe(0);
    },
  );
});

it("text that could not be read is one reject, however often its export comes back unmended", async () => {
  await rig.import(file("a.jsonl", '{"person":{"email":"a@example.com"}}\n{"person":\n'));
  const { rows } = await rig.ledger.rejects(10);
  const lines = rows.map(({ id, origin, reason, raw }) => ({ id, line: origin.line, reason, raw }));
  await rig.import(file("rejects.jsonl", rejectsAsJsonl(lines)));
  await rig.import(file("rejects.csv", rejectsAsCsv(lines)));
  expect((await rig.ledger.rejects(10)).rows).toMatchObject([{ raw: '{"person":' }]);
});

describe("a row of too many cells", () => {
  const csv = "id,person.email,notes.0\n1,a@example.com,Hello, world\n";

  it.each([
    ["rejects.csv", rejectsAsCsv],
    ["rejects.jsonl", rejectsAsJsonl],
  ] as const)("is not taken with its cells shifted: it stays a reject until it is mended (%s)", async (name, as) => {
    await rig.import(file("a.csv", csv));
    const { rows } = await rig.ledger.rejects(10);
    const text = as(rows.map(({ id, origin, reason, raw }) => ({ id, line: origin.line, reason, raw })));
    expect(total(await rig.import(file(name, text)))).toMatchObject({ rows: 1 });
    expect(await rig.queued()).toEqual([]);
    expect((await rig.ledger.rejects(10)).total).toBe(1);
    const mended = text.replace('"Hello"', '"Hello, world"').replace('" world"', '""');
    expect(total(await rig.import(file(name, mended)))).toEqual({ rows: 1, new: 1 });
    expect((await rig.queued())[0]?.content?.notes).toEqual(["Hello, world"]);
    expect((await rig.ledger.rejects(10)).total).toBe(0);
  });
});
