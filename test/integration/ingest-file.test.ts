import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type IngestRig, openIngestRig, person, sourceOf, total } from "../support/ingest-rig.ts";

let rig: IngestRig;
beforeEach(async () => {
  rig = await openIngestRig();
});
afterEach(() => rig.close());

const file = (name: string, content: string | Uint8Array): string => {
  const path = join(rig.folder, name);
  writeFileSync(path, content);
  return path;
};
async function* stdin(text: string): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < text.length; at += 5) yield Buffer.from(text.slice(at, at + 5));
}
const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

describe("a CSV in the submission's own shape", () => {
  const csv = [
    "id,submittedAt,lane,person.name,person.email,person.fields.Job title,deal.title,deal.value,person.labels.0,notes.0,notes.1",
    "1,2026-11-20T10:15:00Z,background, Ada  Lovelace ,ADA@example.com ,Analyst,Engine,1200.50,Web,One,Two",
    '2,,,,b@example.com,,,"$ 2,500.00",,,',
    "3,,,Nobody,,,,,,,",
    ",,,,,,,,,,",
    '4,,,Too many,c@example.com,,,,,,"x",y',
    "5,,,Too few,d@example.com",
  ].join("\r\n");

  it("takes the rows, keeps what it can't take, and rejects what nobody could use", async () => {
    const report = await rig.import(file("a.csv", csv));
    expect(total(report)).toEqual({ rows: 5, new: 3, rejected: 2 });
    const [ada, bad, few] = await rig.queued();
    expect(ada).toMatchObject({
      lane: "background",
      submittedAtMs: Date.UTC(2026, 10, 20, 10, 15),
      content: {
        person: { name: "Ada Lovelace", email: "ada@example.com", labels: ["Web"], fields: { "Job title": "Analyst" } },
        deal: { title: "Engine", value: 1200.5 },
        notes: ["One", "Two"],
      },
    });
    expect(bad?.content?.badValues).toEqual([
      { path: "deal.value", label: "value", value: "$ 2,500.00", reason: "a number is needed, such as 1200.50" },
    ]);
    expect(few?.content?.person?.name).toBe("Too few");
    const { rows } = await rig.ledger.rejects(10);
    expect(new Map(rows.map((row) => [row.origin.line, row.reason]))).toEqual(
      new Map([
        [4, "no usable e-mail or phone"],
        [6, "it has 12 cells and the header 11: a cell that holds the delimiter needs quotes"],
      ]),
    );
    expect(report.warnings.join()).toContain("deal.value: 1 value could not be taken");
  });

  it("changes nothing when it is imported again", async () => {
    const path = file("a.csv", csv);
    await rig.import(path);
    expect(total(await rig.import(path))).toEqual({ rows: 5, duplicate: 5 });
  });

  it("takes a rearranged and otherwise quoted copy as duplicates", async () => {
    await rig.import(file("a.csv", "person.email,deal.title\na@example.com,X\n"));
    expect(total(await rig.import(file("b.csv", '"deal.title";"person.email"\r\n"X";"a@example.com"')))).toEqual({
      rows: 1,
      duplicate: 1,
    });
  });

  it("names columns that are no part of a submission", async () => {
    const report = await rig.import(
      file("a.csv", "person.email,person.nmae,Colour\na@example.com,A,red\nb@example.com,B,\n"),
    );
    expect(report.warnings.join("\n")).toMatch(/`person\.nmae` is no part .* 2 records/);
    expect(report.warnings.join("\n")).toMatch(/`Colour` is no part .* 1 record /);
  });
});

describe("formats", () => {
  it("finds JSON, JSONL and CSV in a pipe by their content", async () => {
    const pipe = (text: string) => rig.import("-", {}, { stdin: stdin(text) });
    expect(total(await pipe(` [${person(1)}, ${person(2)}]`))).toEqual({ rows: 2, new: 2 });
    expect(total(await pipe(`${person(3)}\n${person(4)}`))).toEqual({ rows: 2, new: 2 });
    expect(total(await pipe(person(5)))).toEqual({ rows: 1, new: 1 });
    expect(total(await pipe("id,person.email\n6,f@example.com"))).toEqual({ rows: 1, new: 1 });
    expect(
      total(await rig.import("-", {}, { stdin: stdin("id=7&person[email]=g%40example.com"), format: "form" })),
    ).toEqual({ rows: 1, new: 1 });
    expect((await rig.queued()).map(({ origin }) => origin.file)).toContain("-");
  });

  it("takes JSON lines that are called .json", async () => {
    expect(total(await rig.import(file("a.json", `${person(1)}\n${person(2)}\n`)))).toEqual({ rows: 2, new: 2 });
  });

  it("reads a named pipe", async () => {
    const path = join(rig.folder, "pipe");
    execFileSync("mkfifo", [path]);
    const writer = spawn("sh", ["-c", 'printf "%s" "$1" > "$2"', "sh", person(1), path]);
    expect(total(await rig.import(path))).toEqual({ rows: 1, new: 1 });
    expect(writer.exitCode ?? 0).toBe(0);
  });

  it.each([
    [
      "latin.csv",
      Buffer.from("person.email,person.name\na@example.com,J\xfcrgen \x80 \x93q\x94\n", "latin1"),
      "Jürgen € “q”",
    ],
    ["bom.csv", Buffer.from("\ufeffperson.email,person.name\na@example.com,Jürgen\n"), "Jürgen"],
    ["utf16.csv", Buffer.from("\ufeffperson.email\tperson.name\na@example.com\tJürgen 🎉\n", "utf16le"), "Jürgen 🎉"],
    ["utf16-bare.csv", Buffer.from("person.email\tperson.name\na@example.com\tJürgen\n", "utf16le"), "Jürgen"],
    ["bar.csv", Buffer.from("person.email|person.name\na@example.com|Jürgen\n"), "Jürgen"],
    ["sep.csv", Buffer.from("sep=;\r\nperson.email;person.name\r\na@example.com;Jürgen, Dr.\r\n"), "Jürgen, Dr."],
    ["latin.jsonl", Buffer.from('{"person":{"email":"a@example.com","name":"J\xfcrgen"}}\n', "latin1"), "Jürgen"],
    ["utf16.json", Buffer.from('\ufeff{"person":{"email":"a@example.com","name":"Jürgen"}}', "utf16le"), "Jürgen"],
  ])("reads %s", async (name, bytes, expected) => {
    const report = await rig.import(file(name, bytes));
    expect((await rig.queued())[0]?.content?.person?.name).toBe(expected);
    expect(report.warnings.some((text) => text.includes("Windows-1252"))).toBe(name.startsWith("latin"));
  });

  it("reads a configured encoding and delimiter", async () => {
    const bytes = Buffer.concat([
      Buffer.from("person.email~person.name\na@example.com~"),
      Buffer.from([0xa4]),
      Buffer.from("\n"),
    ]);
    await rig.import(file("a.csv", bytes), { encoding: "iso-8859-15", delimiter: "~" });
    expect((await rig.queued())[0]?.content?.person?.name).toBe("€");
  });
});

describe("pieces that the ledger is given", () => {
  /** Sizes of the pieces of one file, where a piece of so many records takes so long. */
  async function pieces(name: string, content: string, msOf: (records: number) => number): Promise<number[]> {
    const { ingest } = rig.ledger;
    const sizes: number[] = [];
    rig.ledger.ingest = (batch, now) => {
      rig.time.nowMs += msOf(batch.submissions.length);
      sizes.push(batch.submissions.length);
      return ingest(batch, now);
    };
    await rig.import(file(name, content));
    return sizes;
  }

  it.each([
    ["a.csv", `id,person.email\n${Array.from({ length: 450 }, (_, n) => `s${n},p${n}@example.com`).join("\n")}`],
    ["a.json", `[${Array.from({ length: 450 }, (_, n) => person(n)).join()}]`],
    ["a.jsonl", `[${Array.from({ length: 450 }, (_, n) => person(n)).join()}]\n`],
  ])("of %s don't hold it for long", async (name, content) => {
    expect(await pieces(name, content, () => 20)).toEqual([200, 200, 50]);
  });

  const rows = (name: string) =>
    Array.from({ length: 2_400 }, (_, n) => `${name}${n},${name}${n}@example.com`).join("\n");

  it.each([
    ["of 6 ms for 200", (records: number) => records * 0.03, [200, 400, 400, 400, 400, 400, 200]],
    ["of 20 ms for 200", (records: number) => records / 10, Array.from({ length: 12 }, () => 200)],
    [
      "that are too long now and then",
      (records: number) => (records > 200 ? 40 : 1),
      [200, 400, 200, 400, 200, 400, 200, 400],
    ],
  ])("grow while they are quick, and shrink when they are not: %s", async (_, msOf, sizes) => {
    expect(await pieces("a.csv", `id,person.email\n${rows("a")}`, msOf)).toEqual(sizes);
  });
});

describe("sameWithin", () => {
  const clicks = ["1,2026-11-20T10:15:00Z", "2,2026-11-20T10:15:03Z", "3,2026-11-20T11:15:03Z"];
  const csv = `id,submittedAt,person.email\n${clicks.map((click) => `${click},a@example.com`).join("\n")}`;

  it.each([false, true])("counts a double click as a duplicate and says so (dryRun: %s)", async (dryRun) => {
    rig.deps.dryRun = dryRun;
    const report = await rig.import(file("a.csv", csv), { sameWithinMs: 600_000 });
    expect(total(report)).toEqual({ rows: 3, new: 2, duplicate: 1 });
    expect(report.warnings.join()).toContain(
      "1 record has person and content of another one within `sameWithin` and counts as a duplicate",
    );
    expect(report.warnings.join()).toContain("2 repeats 1");
  });

  it("is off unless it is asked for", async () => {
    expect(total(await rig.import(file("a.csv", csv)))).toEqual({ rows: 3, new: 3 });
  });

  it("tells in a dry run what the ledger holds already", async () => {
    await rig.import(file("a.csv", csv), { sameWithinMs: 600_000 });
    rig.deps.dryRun = true;
    const again = "id,submittedAt,person.email\n9,2026-11-20T10:16:00Z,a@example.com\n";
    expect(total(await rig.import(file("b.csv", again), { sameWithinMs: 600_000 }))).toEqual({ rows: 1, duplicate: 1 });
  });
});

describe("what is no input", () => {
  it.each([
    ["missing.csv", null, /there is no such file/],
    ["a.xlsx", "PK\u0003\u0004rest", /an Excel workbook/],
    ["a.csv", "<!DOCTYPE html><html></html>", /HTML/],
    ["a.json", '{"person": {\n  "email": }', /not JSON \(at line 2, column 12\)/],
    ["a.jsonl", "hello\nworld\n", /line 1: not JSON/],
    ["a.csv", "Name,Mail\nAda,ada@example.com\n", /no column is a submission's .* Name, Mail/],
  ])("%s is refused with the place", async (name, content, message) => {
    const path = content === null ? join(rig.folder, name) : file(name, content);
    await expect(rig.import(path)).rejects.toEqual(refusal("inputUnreadable", message));
    expect(await rig.queued()).toEqual([]);
  });

  it("a folder is refused", async () => {
    mkdirSync(join(rig.folder, "sub"));
    await expect(rig.import(join(rig.folder, "sub"))).rejects.toEqual(refusal("inputUnreadable", /it is a folder/));
  });

  it("an empty file is imported, and said to be empty", async () => {
    const report = await rig.import(file("a.csv", ""));
    expect(report.files).toMatchObject([{ rows: 0 }]);
    expect(report.warnings.join()).toContain("holds no records");
  });

  it("a broken map is a config error with its key", async () => {
    const broken = rig.import(file("a.csv", ""), { map: { "deal.title": "= 'open" } });
    await expect(broken).rejects.toEqual(refusal("configInvalid", /sources\.website\.map\.deal\.title/));
    const unknown = rig.import(file("a.csv", ""), { map: { "deal.titel": "x" } });
    await expect(unknown).rejects.toEqual(refusal("configInvalid", /deal\.titel is no part/));
  });
});

describe("broken rows", () => {
  it("goes on after a quote that is never closed, and after a record that is too long", async () => {
    const long = "x".repeat(1024 * 1024);
    const rows = [
      "1,a@example.com,ok",
      '2,b@example.com,"never closed',
      "3,c@example.com,fine",
      `4,d@example.com,"${long}\n"`,
      "5,e@example.com,ok",
    ];
    const report = await rig.import(file("a.csv", `id,person.email,notes.0\n${rows.join("\n")}\n`));
    expect(total(report)).toEqual({ rows: 5, new: 3, rejected: 2 });
    const reasons = new Map((await rig.ledger.rejects(9)).rows.map((row) => [row.origin.line, row.reason]));
    expect(reasons.get(3)).toContain("never closed");
    expect(reasons.get(5)).toContain("1 MiB");
    expect((await rig.queued()).map(({ key, origin }) => [key, origin.line])).toEqual([
      ["1", 2],
      ["3", 4],
      ["5", 7],
    ]);
  });

  it("keeps a column that comes twice apart", async () => {
    await rig.import(file("a.csv", "mail,Name,Name,\na@example.com,Ada,Lovelace,x\n"), {
      map: { "person.email": "mail", "person.name": "= Name & ' ' & `Name#2`", notes: ["column 4"] },
    });
    expect((await rig.queued())[0]?.content).toMatchObject({ person: { name: "Ada Lovelace" }, notes: ["x"] });
  });
});

describe("the guard against re-exports", () => {
  const csv = (count: number, idOf: (n: number) => string): string =>
    `id,submittedAt,person.email\n${Array.from({ length: count }, (_, n) => `${idOf(n)},2026-11-20T10:15:${String(n).padStart(2, "0")}Z,p${n}@example.com\n`).join("")}`;

  it("takes nothing of a file whose persons and times are known under other keys; --as-new takes it", async () => {
    await rig.import(
      file(
        "a.csv",
        csv(30, (n) => `a${n}`),
      ),
    );
    const again = file(
      "b.csv",
      csv(30, (n) => `b${n}`),
    );
    await expect(rig.import(again)).rejects.toEqual(
      refusal("inputUnreadable", /looks like a re-export: 30 of its 30 records/),
    );
    expect(await rig.queued()).toHaveLength(30);
    expect(total(await rig.import(again, {}, { asNew: true }))).toEqual({ rows: 30, new: 30 });
  });

  it("does not mind few of them, or the same keys", async () => {
    await rig.import(
      file(
        "a.csv",
        csv(30, (n) => `a${n}`),
      ),
    );
    expect(
      total(
        await rig.import(
          file(
            "b.csv",
            csv(19, (n) => `b${n}`),
          ),
        ),
      ),
    ).toEqual({ rows: 19, new: 19 });
    expect(
      total(
        await rig.import(
          file(
            "c.csv",
            csv(40, (n) => `a${n}`),
          ),
        ),
      ),
    ).toEqual({ rows: 40, new: 10, duplicate: 30 });
  });
});

describe("rejects", () => {
  it.each(["rejects.csv", "rejects.jsonl"])(
    "come out as %s, are mended there, and are closed by the import",
    async (name) => {
      const out = join(rig.folder, name);
      const csv = 'id,person.name,person.email,notes.0\n1,=SUM(A1),,"Hi\n+1 ""x"""\n2,Bea,b@example.com,\n';
      const report = await rig.import(file("a.csv", csv), {}, { rejectsFile: out });
      expect(report.rejectsFile).toBe(out);
      expect((await rig.ledger.rejects(9)).total).toBe(1);
      const text = readFileSync(out, "utf8");
      if (name.endsWith("csv")) expect(text).not.toMatch(/(^|,|\n)"?[=+]/m);
      writeFileSync(
        out,
        name.endsWith("csv")
          ? text.replace('"1","\'=SUM(A1)",""', '"1","\'=SUM(A1)","a@example.com"')
          : text.replace('"person.email":""', '"person.email":"a@example.com"'),
      );
      expect(total(await rig.import(out))).toEqual({ rows: 1, new: 1 });
      expect((await rig.ledger.rejects(9)).total).toBe(0);
      const mended = (await rig.queued()).find(({ key }) => key === "1");
      expect(mended?.content).toEqual({ person: { name: "=SUM(A1)", email: "a@example.com" }, notes: ['Hi\n+1 "x"'] });
    },
  );

  it("stay open where they come back as they were", async () => {
    const out = join(rig.folder, "rejects.csv");
    await rig.import(file("a.csv", "id,person.name,person.email\n1,Ada,\n"), {}, { rejectsFile: out });
    await rig.import(out);
    expect((await rig.ledger.rejects(9)).total).toBe(1);
  });

  it("go back to the source that they came from, whatever source imports them", async () => {
    const website = sourceOf({ map: { id: "e", "person.email": "mail" } });
    const out = join(rig.folder, "rejects.jsonl");
    await rig.import(file("a.jsonl", '{"e":"x1","mail":"","n":9007199254740993}\n'), website, { rejectsFile: out });
    writeFileSync(out, readFileSync(out, "utf8").replace('"mail":""', '"mail":"a@example.com"'));
    expect(total(await rig.import(out, { name: "import" }, { sources: [website] }))).toEqual({ rows: 1, new: 1 });
    expect(await rig.queued()).toMatchObject([{ source: "website", key: "x1" }]);
    expect((await rig.ledger.rejects(9)).total).toBe(0);
  });

  it("hold the text of what could not be read, to be mended", async () => {
    const out = join(rig.folder, "rejects.jsonl");
    await rig.import(file("a.jsonl", `${person(1)}\n${person(2).slice(0, -1)}\n`), {}, { rejectsFile: out });
    const text = readFileSync(out, "utf8");
    const row = JSON.parse(text) as { reject: string; line: number; reason: string; record: string };
    expect(row).toMatchObject({ line: 2, reason: expect.stringContaining("not JSON"), record: person(2).slice(0, -1) });
    writeFileSync(out, `${JSON.stringify({ ...row, record: `${row.record}}` })}\n`);
    expect(total(await rig.import(out))).toEqual({ rows: 1, new: 1 });
    expect((await rig.ledger.rejects(9)).total).toBe(0);
  });
});

it("with dryRun writes neither ledger nor rejects file", async () => {
  rig.deps.dryRun = true;
  const report = await rig.import(
    file("a.csv", "person.email\na@example.com\nnone\n"),
    {},
    { rejectsFile: join(rig.folder, "r.csv") },
  );
  expect(total(report)).toEqual({ rows: 2, new: 1, rejected: 1 });
  expect(report.rejectsFile).toBeNull();
  expect(report.mapped).toHaveLength(1);
  expect(await rig.queued()).toEqual([]);
});
