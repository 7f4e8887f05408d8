import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CliWorld, createCliWorld, lead, WEBSITE } from "../support/cli-world.ts";

let world: CliWorld;

beforeEach(async () => {
  world = await createCliWorld();
  world.config(`${WEBSITE}    onBadValue: reject\n`);
});

afterEach(() => world.close());

/** A deal owner that the CRM does not have is found out only when the chain is planned. */
const unknownOwner = (id: string) => lead(id, { deal: { title: `Deal ${id}`, owner: "nobody@example.com" } });

async function withFailed(...ids: string[]): Promise<void> {
  world.write("spool/bad.json", JSON.stringify(ids.map(unknownOwner)));
  const ran = await world.run("sync", "--json", "--max-wait", "0s");
  expect(ran.code).toBe(3);
  expect(ran.json.drained.failed).toBe(ids.length);
}

describe("failed", () => {
  it("groups by cause with the fix, and names every submission", async () => {
    await withFailed("1", "2");
    const { json, code } = await world.run("failed", "--json");
    expect(code).toBe(0);
    expect(json.total).toBe(2);
    expect(json.causes).toHaveLength(1);
    expect(json.causes[0]).toMatchObject({ cause: expect.any(String), count: 2, message: expect.any(String) });
    expect(json.causes[0].submissions[0]).toMatchObject({ source: "website", key: "1", email: "lead-1@example.com" });
    const text = (await world.run("failed")).out;
    expect(text).toContain("2 failed submissions, 1 cause");
    expect(text).toContain("website/2");
  });

  it("show tells the story of one, by its key alone too", async () => {
    await withFailed("1");
    const byName = await world.run("failed", "show", "website/1", "--json");
    expect(byName.json.submission).toMatchObject({
      source: "website",
      key: "1",
      state: "failed",
      error: { code: expect.any(String) },
    });
    expect((await world.run("show", "1", "--json")).json).toEqual(byName.json);
  });

  it("drop sets one aside and asks for a reason", async () => {
    await withFailed("1");
    expect((await world.run("failed", "drop", "1")).code).toBe(64);
    expect((await world.run("failed", "drop", "1", "--why", "spam")).code).toBe(0);
    expect((await world.run("failed", "--json")).json.total).toBe(0);
    expect((await world.run("failed", "drop", "1", "--why", "spam")).err).toContain("has not failed");
  });

  const editor = (script: string) => {
    const path = world.write("editor.sh", `#!/bin/sh\n${script}\n`, 0o700);
    chmodSync(path, 0o700);
    return { env: { EDITOR: path } };
  };

  it("edit opens the record as it came, maps it with today's map, and a later retry keeps the edit", async () => {
    await withFailed("1");
    const mend = editor('cp "$1" seen.json; sed -i "s/nobody@example.com/ghost@example.com/; s/lead-1@/ada@/" "$1"');
    const ran = await world.runWith(
      { env: { EDITOR: `cd ${world.folder} && ${mend.env.EDITOR}` } },
      "failed",
      "edit",
      "1",
      "--json",
    );
    expect(ran.json).toEqual({ source: "website", key: "1", result: "requeued" });
    expect(readFileSync(world.path("seen.json"), "utf8")).toMatch(/^\{\n {2}"id": "1",/);
    // Still an owner that the CRM does not have: it fails again.
    expect((await world.run("sync", "--max-wait", "0s")).code).toBe(3);
    world.config(`${WEBSITE}    map: { id: id, person.email: person.email, deal.title: deal.title }\n`);
    expect((await world.run("retry-failed", "--all", "--drain")).code).toBe(0);
    const story = (await world.run("show", "ada@example.com", "--json")).json;
    expect(story.submission).toMatchObject({ key: "1", state: "done", raw: { person: { email: "ada@example.com" } } });
    expect(world.simulator.records.persons.map((person) => person.emails[0]?.value)).toEqual(["ada@example.com"]);
  });

  it.each([
    ["is no JSON", "echo '{' > \"$1\"", "not JSON"],
    ["has nobody in it any more", "echo '{}' > \"$1\"", "no usable e-mail"],
  ])("edit of what then %s changes nothing and keeps the edit", async (_, script, reason) => {
    await withFailed("1");
    const ran = await world.runWith(editor(script), "failed", "edit", "1", "--json");
    expect(ran.code).toBe(65);
    expect(ran.json.error.message).toContain(reason);
    const path = /kept in (\S+);/.exec(ran.json.error.hint)?.[1] as string;
    expect(statSync(path).mode & 0o077).toBe(0);
    rmSync(dirname(path), { recursive: true });
    expect((await world.run("failed", "--json")).json.total).toBe(1);
  });

  it("edit asks at a terminal whether to edit a wrong one again", async () => {
    await withFailed("1");
    const script = 'if [ -e again ]; then cp again "$1"; else cp "$1" again; echo "{" > "$1"; fi';
    const { env } = editor(script);
    const ran = await world.runWith(
      { env: { EDITOR: `cd ${world.folder} && ${env.EDITOR}` }, answers: ["y"] },
      ...["failed", "edit", "1", "--json"],
    );
    expect(ran.json).toEqual({ source: "website", key: "1", result: "unchanged" });
    expect(ran.err).toContain("not JSON");
    // Ctrl-C at the question leaves at once, and nobody else would know where people's data lies.
    const question = ran.err.indexOf("Edit it again?");
    expect(ran.err.slice(0, question)).toMatch(/Your edit is kept in \S+record\.json; it holds personal data/);
  });

  it("names what it does not know", async () => {
    expect((await world.run("failed", "mend", "1")).code).toBe(64);
    await world.run("ingest");
    const ran = await world.run("show", "website/none", "--json");
    expect(ran.code).toBe(65);
    expect(ran.json.error.message).toContain("website/none");
  });
});

describe("retry-failed", () => {
  it("without a choice is wrong usage and lists the causes", async () => {
    await withFailed("1", "2");
    const ran = await world.run("retry-failed", "--json");
    expect(ran.code).toBe(64);
    expect(ran.json.error.hint).toMatch(/^Causes: .+ \(2\)$/);
  });

  it("--dry-run names them and changes nothing", async () => {
    await withFailed("1", "2");
    const ran = await world.run("retry-failed", "--all", "--dry-run", "--json");
    expect(ran.json).toMatchObject({
      requeued: 0,
      submissions: [
        { source: "website", key: "1" },
        { source: "website", key: "2" },
      ],
    });
    expect((await world.run("status", "--json")).json.queue.failed).toBe(2);
  });

  it("plans anew from the kept record and today's map, and --drain sends at once", async () => {
    await withFailed("1", "2");
    world.config(
      `${WEBSITE}    map:\n      id: id\n      person.email: person.email\n      deal.title: "= 'Mended ' & deal.title"\n`,
    );
    const ran = await world.run("retry-failed", "1", "--drain", "--json");
    expect(ran.code).toBe(0);
    expect(ran.json).toMatchObject({
      requeued: 1,
      submissions: [{ source: "website", key: "1" }],
      sync: { drained: { done: 1 } },
    });
    expect(world.simulator.records.deals.map((deal) => deal.title)).toEqual(["Mended Deal 1"]);
    expect((await world.run("failed", "--json")).json.total).toBe(1);
  });

  it("takes cause, source, time and number together", async () => {
    await withFailed("1", "2", "3");
    const cause = (await world.run("failed", "--json")).json.causes[0].cause;
    const choose = (...flags: string[]) => world.run("retry-failed", "--json", "--dry-run", ...flags);
    expect((await choose("--cause", cause)).json.submissions).toHaveLength(3);
    expect((await choose("--cause", "SOMETHING_ELSE")).json.submissions).toHaveLength(0);
    expect((await choose("--source", "website", "--since", "1h", "--limit", "2")).json.submissions).toHaveLength(2);
    expect((await choose("--since", "2020-01-01")).json.submissions).toHaveLength(3);
    expect((await choose("--since", "soon")).code).toBe(64);
  });
});

describe("rejects", () => {
  it("are listed with file, line and reason, exported privately, mended and imported again", async () => {
    world.write("missed.csv", "id,person.name,person.email\n1,Ada,\n2,Bob,bob@example.com\n");
    expect((await world.run("import", "missed.csv")).code).toBe(3);
    const { json } = await world.run("rejects", "--json");
    expect(json.total).toBe(1);
    expect(json.rejects[0]).toMatchObject({
      kind: "reject",
      source: "import",
      line: 2,
      record: { id: "1", "person.name": "Ada" },
    });

    const exported = await world.run("rejects", "--export", "rejects.csv");
    expect(exported.code).toBe(0);
    const path = world.path("rejects.csv");
    expect(statSync(path).mode & 0o077).toBe(0);
    const text = readFileSync(path, "utf8");
    expect(text.split("\r\n")[0]?.replaceAll('"', "")).toBe(
      "id,person.name,person.email,crmledger.reject,crmledger.line,crmledger.reason",
    );
    writeFileSync(path, text.replace('"Ada",""', '"Ada","ada@example.com"'));
    const again = await world.run("import", "rejects.csv", "--json");
    expect(again.json).toMatchObject({ new: 1, rejected: 0 });
    expect((await world.run("rejects", "--json")).json.total).toBe(0);
  });

  it("--retry takes what today's map reads, in each one's own source", async () => {
    world.write("spool/odd.json", JSON.stringify([{ id: "7", mail: "ada@example.com" }, { id: "8" }]));
    expect((await world.run("ingest")).code).toBe(3);
    world.config(`${WEBSITE}    map: { id: id, person.email: mail }\n`);
    const ran = await world.run("rejects", "--retry", "--json");
    expect(ran.code).toBe(3);
    expect(ran.json).toMatchObject({ retried: 2, new: 1, rejected: 1 });
    expect((await world.run("show", "website/7", "--json")).json.submission.lane).toBe("operational");
    const again = await world.run("rejects", "--retry", "--json");
    expect(again.json).toMatchObject({ retried: 1, new: 0, rejected: 1 });
    expect((await world.run("rejects", "--json")).json.total).toBe(1);
  });

  it("--retry beside --export or a decision is refused: one of them would not be done", async () => {
    world.write("spool/odd.json", JSON.stringify({ id: "7" }));
    await world.run("ingest");
    for (const more of [
      ["--export", "rejects.csv"],
      ["drop", "1", "--why", "spam"],
    ])
      expect((await world.run("rejects", "--retry", ...more)).code).toBe(64);
    expect((await world.run("rejects", "--json")).json.total).toBe(1);
  });

  it("--retry of none says so", async () => {
    await world.run("ingest");
    const ran = await world.run("rejects", "--retry", "--json");
    expect([ran.code, ran.err]).toEqual([0, "no rejects to try again\n"]);
    expect(ran.json).toMatchObject({ retried: 0, new: 0, rejected: 0, warnings: [] });
  });

  const withConflict = async () => {
    world.write("spool/a.json", JSON.stringify(lead("1")));
    expect((await world.run("ingest")).code).toBe(0);
    world.write("spool/b.json", JSON.stringify(lead("1", { deal: { title: "Newer" } })));
    expect((await world.run("ingest")).code).toBe(3);
    return (await world.run("rejects", "--json")).json.rejects[0].id as string;
  };

  it("take puts a conflict's newer content in the place of what was not sent", async () => {
    const id = await withConflict();
    const ran = await world.run("rejects", "take", id, "--json");
    expect(ran.json).toEqual({ id, kind: "conflict", source: "website", key: "1", result: "taken" });
    expect((await world.run("sync")).code).toBe(0);
    expect(world.simulator.records.deals.map((deal) => deal.title)).toEqual(["Newer"]);
    expect((await world.run("rejects", "take", id)).code).toBe(65);
  });

  it("take says what it can't do where it was sent, keep closes it", async () => {
    const id = await withConflict();
    await world.run("sync");
    const ran = await world.run("rejects", "take", id, "--json");
    expect(ran.code).toBe(64);
    expect(ran.json.error).toMatchObject({ message: expect.stringContaining("in the CRM already") });
    expect((await world.run("rejects", "keep", id)).code).toBe(0);
    expect((await world.run("rejects", "--json")).json.total).toBe(0);
    expect((await world.run("sync")).code).toBe(0);
  });

  it("drop sets one aside with a reason, and a reject has no versions to choose from", async () => {
    world.write("spool/odd.json", "[{}]");
    await world.run("ingest");
    const id = (await world.run("rejects", "--json")).json.rejects[0].id as string;
    expect((await world.run("rejects", "take", id)).code).toBe(64);
    expect((await world.run("rejects", "drop", id)).code).toBe(64);
    expect((await world.run("rejects", "drop", id, "--why", "a test")).code).toBe(0);
    expect((await world.run("rejects", "--json")).json.total).toBe(0);
    expect((await world.run("rejects", "mend", id)).code).toBe(64);
    expect((await world.run("rejects", "keep")).code).toBe(64);
  });

  it("never replace a file and never guess a format", async () => {
    world.write("there.csv", "precious");
    await world.run("ingest");
    expect((await world.run("rejects", "--export", "there.csv")).code).toBe(64);
    expect(readFileSync(world.path("there.csv"), "utf8")).toBe("precious");
    expect((await world.run("rejects", "--export", "there.xlsx")).code).toBe(64);
  });
});

describe("import", () => {
  it("takes standard input and several files, and sends in the background lane", async () => {
    const line = `${JSON.stringify(lead("1"))}\n`;
    const piped = await world.runWith({ stdin: line }, "import", "-", "--format", "jsonl", "--json");
    expect(piped.json).toMatchObject({ file: "-", rows: 1, new: 1, duplicate: 0, warnings: [], rejectsFile: null });
    world.write("a.json", JSON.stringify(lead("2")));
    world.write("b.jsonl", line);
    const several = await world.run("import", "a.json", "b.jsonl", "--json");
    expect(several.json).toMatchObject([
      { file: "a.json", new: 1 },
      { file: "b.jsonl", new: 0, duplicate: 1 },
    ]);
    expect((await world.run("show", "import/1", "--json")).json.submission.lane).toBe("background");
  });

  it("tells what it took before a file that can't be taken, and whose nothing was taken", async () => {
    world.write("good.json", JSON.stringify(lead("1")));
    world.write("bad.csv", "a,b\n1,2\n");
    const gone = await world.run("import", "good.json", "gone.csv", "--json");
    expect(gone.code).toBe(65);
    expect(gone.json).toEqual({
      error: { code: "inputUnreadable", message: expect.stringContaining("gone.csv"), hint: expect.any(String) },
      files: [expect.objectContaining({ file: "good.json", rows: 1, new: 1 })],
    });
    expect(gone.err.match(/^error: /gm)).toHaveLength(1);
    const bad = await world.run("import", "good.json", "bad.csv");
    expect([bad.code, bad.out]).toEqual([65, expect.stringMatching(/^good\.json: 1 record: .*1 duplicate/)]);
    expect(bad.err.match(/^(error|hint): .*/gm)).toEqual([
      expect.stringMatching(/bad\.csv: no column/),
      expect.stringMatching(/^hint: Nothing of it was taken\. /),
    ]);
    const alone = await world.run("import", "gone.csv", "good.json", "--json");
    expect(Object.keys(alone.json)).toEqual(["error"]);
  });

  it("calls an empty standard input by its name", async () => {
    const { code, json, err } = await world.runWith({ stdin: "" }, "import", "-", "--json");
    expect([code, json.warnings]).toEqual([0, ["standard input holds no records"]]);
    expect(err).toBe("warning: standard input holds no records\n");
    const broken = await world.runWith({ stdin: "[1" }, "import", "-", "--format", "json", "--json");
    expect(broken.json.error.message).toMatch(/^standard input/);
  });

  it("--dry-run counts and writes nothing, not even a ledger", async () => {
    world.write("a.json", JSON.stringify(lead("1")));
    const ran = await world.run("import", "a.json", "--dry-run", "--json");
    expect(ran.json).toMatchObject({ new: 1 });
    expect((await world.run("status")).code).toBe(74);
  });

  it("leaves 65 for a file that is not there and 64 for a source that is not", async () => {
    expect((await world.run("import", "none.csv", "--json")).code).toBe(65);
    world.write("a.json", "{}");
    const ran = await world.run("import", "a.json", "--source", "websit", "--json");
    expect(ran.code).toBe(64);
    expect(ran.json.error.hint).toBe("Did you mean website?");
  });
});
