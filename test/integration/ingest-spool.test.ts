import { appendFileSync, existsSync, renameSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HOUR_MS, type IngestRig, NOW_MS, openIngestRig, person, total } from "../support/ingest-rig.ts";

let rig: IngestRig;
beforeEach(async () => {
  rig = await openIngestRig();
});
afterEach(() => rig.close());

describe("documents", () => {
  it("takes an object and an array, and archives the files by day", async () => {
    rig.put("one.json", person(1));
    rig.put("many.json", `[${person(2)},\n${person(3)}]`);
    const report = await rig.ingest();
    expect(total(report)).toEqual({ rows: 3, new: 3 });
    expect((await rig.queued()).map(({ key, origin }) => [key, origin.line])).toEqual([
      ["s1", null],
      ["s2", 1],
      ["s3", 2],
    ]);
    expect(rig.list()).toEqual([".archive"]);
    expect(rig.list(".archive/2026-11-24")).toEqual(["many.json", "one.json"]);
  });

  it("keeps both files where the archive has the name already", async () => {
    rig.put("a.json", person(1));
    await rig.ingest();
    rig.put("a.json", person(2));
    await rig.ingest();
    expect(rig.list(".archive/2026-11-24")).toEqual(["a.json", "a~2.json"]);
  });

  it("leaves what does not parse alone, takes it once it does, and rejects it after an hour", async () => {
    rig.put("half.json", person(1).slice(0, -5));
    const first = await rig.ingest();
    expect(total(first)).toEqual({});
    expect(first.warnings.join()).toContain("half.json is left until it is complete");
    expect(rig.list()).toEqual(["half.json"]);
    rig.put("half.json", person(1));
    rig.put("broken.json", '{"person": {', HOUR_MS + 1);
    expect(total(await rig.ingest())).toEqual({ rows: 2, new: 1, rejected: 1 });
    const { rows } = await rig.ledger.rejects(10);
    expect(rows).toMatchObject([{ raw: '{"person": {', reason: expect.stringContaining("not JSON") }]);
    expect(rig.list()).toEqual([".archive"]);
  });

  it("deletes or keeps on request, and a kept file is read once", async () => {
    rig.put("a.json", person(1));
    await rig.ingest({ after: "delete" });
    expect(rig.list()).toEqual([]);
    rig.put("b.json", person(2));
    expect(total(await rig.ingest({ after: "keep" }))).toEqual({ rows: 1, new: 1 });
    expect(total(await rig.ingest({ after: "keep" }))).toEqual({});
    expect(rig.list()).toEqual(["b.json"]);
  });

  it("takes a stored form post", async () => {
    rig.put("a.form", "id=f1&fields%5Bemail%5D=ada%40example.com&topics[]=a&topics[]=b");
    await rig.ingest({ map: { id: "id", "person.email": "fields.email", "person.labels": "topics" } });
    expect((await rig.queued())[0]?.content).toEqual({ person: { email: "ada@example.com", labels: ["a", "b"] } });
  });

  describe("a stored multipart post", () => {
    const part = (name: string, value: string, more = ""): string =>
      `--xYz\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;
    const upload = part("cv", "%PDF-\u0000", '; filename="cv.pdf"');
    const body = `${part("id", "f1")}${part("fields[email]", "ada@example.com")}${part("fields[name]", "Jürgen")}${part("topics[]", "a")}${part("topics[]", "b\r\nc")}${upload}--xYz--\r\n`;
    const map = {
      id: "id",
      "person.email": "fields.email",
      "person.name": "fields.name",
      "person.labels": "topics",
      notes: ["cv"],
    };

    it.each([
      ["its headers", "Content-Type: multipart/form-data; boundary=xYz\r\nHost: example.com\r\n\r\n"],
      [
        "the request line",
        'POST /form HTTP/1.1\nhost: example.com\ncontent-type: multipart/form-data; boundary="xYz"\n\n',
      ],
      ["nothing before it", ""],
    ])("is taken with %s", async (_, head) => {
      rig.put("a.form", head + body);
      const report = await rig.ingest({ map });
      expect((await rig.queued()).map(({ key, content }) => ({ key, ...content }))).toEqual([
        {
          key: "f1",
          person: { email: "ada@example.com", name: "Jürgen", labels: ["a", "b\r\nc"] },
          notes: ["cv.pdf"],
        },
      ]);
      expect(report.warnings.join()).toContain("only their names are kept");
    });

    it("that was cut short waits, and is a reject in the end", async () => {
      rig.put("a.form", body.slice(0, 90));
      expect((await rig.ingest({ map })).warnings.join()).toContain("multipart form is broken");
      rig.time.nowMs += HOUR_MS;
      expect(total(await rig.ingest({ map }))).toEqual({ rows: 1, rejected: 1 });
    });

    it("is told apart from a url-encoded one with headers", async () => {
      rig.put("a.form", "Content-Type: application/x-www-form-urlencoded\r\n\r\nid=f2&fields[email]=b%40example.com");
      await rig.ingest({ map });
      expect(await rig.queued()).toMatchObject([{ key: "f2", content: { person: { email: "b@example.com" } } }]);
    });
  });
});

describe("growing files", () => {
  it("takes whole lines only, and goes on where it stopped", async () => {
    const path = rig.put("a.jsonl", `${person(1)}\n${person(2)}\n${person(3).slice(0, 9)}`);
    expect(total(await rig.ingest())).toEqual({ rows: 2, new: 2 });
    appendFileSync(path, `${person(3).slice(9)}\r\n\n${person(4)}`);
    expect(total(await rig.ingest())).toEqual({ rows: 1, new: 1 });
    appendFileSync(path, "\n");
    expect(total(await rig.ingest())).toEqual({ rows: 1, new: 1 });
    expect((await rig.queued()).map(({ origin }) => origin.line)).toEqual([1, 2, 3, 5]);
    expect(rig.list()).toEqual(["a.jsonl"]);
  });

  it("remembers a CSV's header, dialect and place over runs, also inside a quoted cell", async () => {
    const path = rig.put("a.csv", '\ufeffid;person.email;notes.0\r\n1;a@example.com;"two\r\nli');
    expect(total(await rig.ingest())).toEqual({});
    appendFileSync(path, 'nes; one"\r\n2;b@example.com;');
    expect(total(await rig.ingest())).toEqual({ rows: 1, new: 1 });
    appendFileSync(path, "x\r\n");
    expect(total(await rig.ingest())).toEqual({ rows: 1, new: 1 });
    const queued = await rig.queued();
    expect(queued.map(({ content, origin }) => [content?.notes, origin.line])).toEqual([
      [["two\r\nlines; one"], 2],
      [["x"], 4],
    ]);
  });

  it("takes a last line without end and archives the file when it was unchanged for 24 hours", async () => {
    rig.put("a.jsonl", `${person(1)}\n${person(2)}`, 24 * HOUR_MS - 1000);
    expect(total(await rig.ingest())).toEqual({ rows: 1, new: 1 });
    rig.time.nowMs += 1000;
    expect(total(await rig.ingest())).toEqual({ rows: 1, new: 1 });
    expect(rig.list()).toEqual([".archive"]);
  });

  it("reads an archived file on for 7 days", async () => {
    const path = rig.put("a.jsonl", `${person(1)}\n`, 25 * HOUR_MS);
    await rig.ingest();
    expect(existsSync(path)).toBe(false);
    const archived = join(rig.spool, ".archive/2026-11-24/a.jsonl");
    appendFileSync(archived, `${person(2)}\n`);
    rig.time.nowMs += 6 * 24 * HOUR_MS;
    expect(total(await rig.ingest())).toEqual({ rows: 1, new: 1 });
    appendFileSync(archived, `${person(3)}\n`);
    rig.time.nowMs += 2 * 24 * HOUR_MS;
    expect(total(await rig.ingest())).toEqual({});
    expect(await rig.ledger.fileProgress("website")).toEqual([]);
  });

  it("with `after: delete` stays for the 7 days, then goes", async () => {
    const path = rig.put("a.csv", "id,person.email\n1,a@example.com\n", 24 * HOUR_MS);
    await rig.ingest({ after: "delete" });
    rig.time.nowMs += 7 * 24 * HOUR_MS - 1;
    await rig.ingest({ after: "delete" });
    expect(existsSync(path)).toBe(true);
    rig.time.nowMs += 1;
    await rig.ingest({ after: "delete" });
    expect(existsSync(path)).toBe(false);
    expect(await rig.ledger.fileProgress("website")).toEqual([]);
  });

  it("notices a file that was cut short and begun anew, and loses nothing", async () => {
    const path = rig.put("a.jsonl", `${person(1)}\n${person(2)}\n`);
    await rig.ingest();
    truncateSync(path, 0);
    appendFileSync(path, `${person(3)}\n`);
    const report = await rig.ingest();
    expect(total(report)).toEqual({ rows: 1, new: 1 });
    expect(report.warnings.join()).toContain("begun anew");
  });

  it("notices a file that was rewritten with as many bytes", async () => {
    const path = rig.put("a.jsonl", `${person(1)}\n${person(2)}\n`);
    await rig.ingest();
    writeFileSync(path, `${person(3)}\n${person(4)}\n`);
    expect(total(await rig.ingest())).toEqual({ rows: 2, new: 2 });
  });

  it.each([
    ["as many", 30],
    ["more", 40],
  ])("notices it also behind a header that is longer than the first bytes: %s", async (_, to) => {
    const questions = Array.from({ length: 40 }, (_, n) => `A question of many words, number ${n}?`);
    const csv = (from: number, end: number): string => {
      const rows = Array.from({ length: end - from }, (_, n) => `${from + n},p${from + n}@example.com`);
      return `${[`"id","person.email","${questions.join('","')}"`, ...rows].join("\n")}\n`;
    };
    const path = rig.put("a.csv", csv(10, 20));
    expect(total(await rig.ingest())).toEqual({ rows: 10, new: 10 });
    writeFileSync(path, csv(20, to));
    const report = await rig.ingest();
    expect(total(report)).toEqual({ rows: to - 20, new: to - 20 });
    expect(report.warnings.join()).toContain("begun anew");
  });

  it("notices a file that was written anew while it was read, with as many bytes", async () => {
    const row = (n: number): string => `s${n},p${n}@example.com,+37255512345`;
    const csv = (...rows: number[]): string => ["id,person.email,person.phone", ...rows.map(row), ""].join("\n");
    const path = rig.put("a.csv", csv(1, 2));
    const { phone } = rig.deps;
    rig.deps.phone = (text, country) => {
      writeFileSync(path, csv(3, 4));
      return phone(text, country);
    };
    expect(total(await rig.ingest())).toEqual({ rows: 2, new: 2 });
    rig.deps.phone = phone;
    expect(total(await rig.ingest())).toEqual({ rows: 2, new: 2 });
    expect((await rig.queued()).map(({ key }) => key)).toEqual(["s1", "s2", "s3", "s4"]);
  });

  it("follows a file that is renamed", async () => {
    const path = rig.put("a.jsonl", `${person(1)}\n`);
    await rig.ingest();
    renameSync(path, join(rig.spool, "b.jsonl"));
    appendFileSync(join(rig.spool, "b.jsonl"), `${person(2)}\n`);
    expect(total(await rig.ingest())).toEqual({ rows: 1, new: 1 });
  });

  it("reads from the start again when the config names another delimiter", async () => {
    rig.put("a.csv", "id,person.email|person.name\n1,a@example.com|Ada\n");
    expect(total(await rig.ingest({ delimiter: "," }))).toEqual({ rows: 1, rejected: 1 });
    await rig.ingest({ delimiter: "|", map: { "person.email": "id,person.email" } });
    expect(await rig.ledger.fileProgress("website")).toMatchObject([{ context: expect.stringContaining("|") }]);
  });

  it("writes nothing when nothing changed", async () => {
    rig.put("a.jsonl", `${person(1)}\n`);
    await rig.ingest();
    let commits = 0;
    rig.deps.failpoint = () => {
      commits += 1;
    };
    await rig.ingest();
    expect(commits).toBe(0);
  });
});

describe("what is known", () => {
  it("counts a redelivery as a duplicate, other content as a conflict", async () => {
    rig.put("a.json", person(1));
    await rig.ingest();
    rig.put("b.json", `  ${person(1)}  `);
    rig.put("c.json", '{"id":"s1","person":{"email":"other@example.com"}}');
    expect(total(await rig.ingest())).toEqual({ rows: 2, duplicate: 1, conflict: 1 });
  });

  it("is no conflict where only the map changed", async () => {
    const record = (receipt: number): string =>
      JSON.stringify({ e: "x1", mail: "a@example.com", product: "P", receipt });
    rig.put("a.json", record(1));
    const map = { id: "e", "person.email": "mail" };
    await rig.ingest({ map });
    rig.put("b.json", record(1));
    rig.put("c.json", record(2));
    const wider = { ...map, "deal.title": "product" };
    expect(total(await rig.ingest({ map: wider }))).toEqual({ rows: 2, duplicate: 2 });
    rig.put("d.json", JSON.stringify({ e: "x1", mail: "a@example.com", product: "Q" }));
    expect(total(await rig.ingest({ map: wider }))).toEqual({ rows: 1, conflict: 1 });
  });

  it("names the source that has the same id for the same person", async () => {
    rig.put("a.json", person(1));
    await rig.ingest({ name: "other" });
    rig.put("a.json", person(1));
    const report = await rig.ingest();
    expect(total(report)).toEqual({ rows: 1, duplicate: 1 });
    expect(report.warnings.join()).toContain("source other has");
  });

  it("keeps what is older than sendFrom as history", async () => {
    rig.put(
      "a.jsonl",
      `${JSON.stringify({ id: "old", submittedAt: "2026-11-01T00:00:00Z", person: { email: "a@example.com" } })}\n${person(2)}\n`,
    );
    expect(total(await rig.ingest({ sendFromMs: NOW_MS - 1000 }))).toEqual({ rows: 2, new: 1, history: 1 });
    expect((await rig.queued()).map(({ key }) => key)).toEqual(["s2"]);
  });

  it("skips what `where` does not want", async () => {
    rig.put("a.jsonl", `{"kind":"form","mail":"a@example.com"}\n{"kind":"ping"}\n`);
    const changes = { map: { "person.email": "mail" }, where: "kind = 'form'" };
    expect(total(await rig.ingest(changes))).toEqual({ rows: 2, new: 1, skipped: 1 });
  });

  it("reads the records in a body, with the headers it was stored with", async () => {
    rig.put(
      "a.json",
      JSON.stringify({
        headers: { "x-id": "h" },
        body: {
          items: [
            { n: 1, m: "a@example.com" },
            { n: 2, m: "b@example.com" },
          ],
        },
      }),
    );
    rig.put("b.json", JSON.stringify({ headers: {}, body: { pong: true } }));
    const map = { id: "= headers.`x-id` & $string(body.n)", "person.email": "body.m" };
    expect(total(await rig.ingest({ map, records: "items" }))).toEqual({ rows: 3, new: 2, rejected: 1 });
    expect((await rig.queued()).map(({ key }) => key)).toEqual(["h1", "h2"]);
  });
});

it("with dryRun writes nothing, and says what would be new", async () => {
  rig.put("known.json", person(1));
  await rig.ingest();
  rig.put("a.json", `[${person(1)},${person(2)},${person(2)},{"person":{}}]`);
  rig.put("b.jsonl", `${person(3)}\n`);
  const report = await rig.ingest();
  rig.put("a.json", `[${person(1)},${person(4)},${person(4)},{"person":{}}]`);
  rig.put("c.jsonl", `${person(5)}\n`);
  const before = [rig.list(), await rig.ledger.queue(), await rig.ledger.fileProgress("website")];
  expect(total(report)).toEqual({ rows: 5, new: 2, duplicate: 2, rejected: 1 });
  rig.deps.dryRun = true;
  const dry = await rig.ingest();
  expect(total(dry)).toEqual({ rows: 5, new: 2, duplicate: 2, rejected: 1 });
  expect(dry.mapped.map(({ key }) => key).sort()).toEqual(["s4", "s5"]);
  expect([rig.list(), await rig.ledger.queue(), await rig.ledger.fileProgress("website")]).toEqual(before);
});

it("gives up no file that it could not move away, and takes it once", async () => {
  rig.put("a.json", person(1));
  rig.deps.failpoint = (name) => {
    if (name === "ingest.commit.after") throw new Error("killed");
  };
  await expect(rig.ingest()).rejects.toThrow("killed");
  expect(rig.list()).toEqual(["a.json"]);
  rig.deps.failpoint = () => {};
  expect(total(await rig.ingest())).toEqual({ rows: 1, duplicate: 1 });
  expect(rig.list()).toEqual([".archive"]);
  expect(statSync(join(rig.spool, ".archive")).mode & 0o077).toBe(0);
});
