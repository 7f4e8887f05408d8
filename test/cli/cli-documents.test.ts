import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CliWorld, createCliWorld, WEBSITE } from "../support/cli-world.ts";
import { readText } from "../support/house-source.ts";

/** Examples of docs/json-output.md by the heading that they stand under. */
function examples(): Map<string, unknown[]> {
  const found = new Map<string, unknown[]>();
  for (const section of readText("docs/json-output.md").split(/^## /m).slice(1)) {
    const name = section.slice(0, section.indexOf("\n")).trim();
    const blocks = [...section.matchAll(/^```json\n([\s\S]*?)^```/gm)].map((match) => JSON.parse(match[1]!));
    found.set(name, blocks);
  }
  return found;
}

/** Members of the example that the document lacks, or has as another kind of thing. */
function missing(example: unknown, document: unknown, path = ""): string[] {
  if (example === null || document === null || typeof example !== "object") return [];
  if (Array.isArray(example)) {
    if (!Array.isArray(document)) return [`${path} is no list`];
    return example.length === 0 || document.length === 0 ? [] : missing(example[0], document[0], `${path}[0]`);
  }
  if (typeof document !== "object") return [`${path} is no object`];
  return Object.entries(example).flatMap(([name, value]) =>
    name in document
      ? missing(value, (document as Record<string, unknown>)[name], `${path}.${name}`)
      : [`${path}.${name} is missing`],
  );
}

/** Members that go by what is in them are not compared by name. */
function withoutNames(example: {
  plan?: { byStep?: unknown; writes?: { fields?: unknown }[] };
  discrepancies?: unknown;
}): unknown {
  if (example.discrepancies !== undefined) return { ...example, counts: {}, edits: {} };
  if (!example.plan) return example;
  const writes = example.plan.writes?.map(({ fields: _, ...rest }) => rest);
  return { ...example, plan: { ...example.plan, writes } };
}

describe("docs/json-output.md", () => {
  const told = examples();
  let world: CliWorld;
  const json = async (...args: string[]) => (await world.run(...args, "--json")).json;
  const compare = async (name: string, document: unknown, index = 0) =>
    expect(missing(withoutNames(told.get(name)![index] as object), document), name).toEqual([]);

  beforeAll(async () => {
    world = await createCliWorld();
    world.config(`${WEBSITE}    onBadValue: reject\n`);
    const person = { name: "Ada Lovelace", email: "ada@example.com" };
    world.write("spool/good.json", JSON.stringify({ id: "good", person, notes: ["Hello."] }));
    world.write("spool/bad.json", JSON.stringify({ id: "bad", person: { name: "Nobody" } }));
    world.write("missed.csv", "id,person.email\nm1,grace@example.com\n");
  });
  afterAll(() => world.close());

  test("shows what each command answers, in the order of a day", async () => {
    await compare("check-source", await json("check-source", "spool/good.json"));
    await compare("sync", await json("sync", "--dry-run"), 1);
    await compare("ingest", await json("ingest"));
    await compare("sync", await json("sync"));
    await compare("import", await json("import", "missed.csv"));
    const checked = await json("reconcile");
    expect(checked.counts).toEqual({ rejected: 1 });
    await compare("reconcile", checked);
    const status = await json("status");
    expect(status.lastCheck.kinds).toEqual({ rejected: 1 });
    await compare("status", status);
    await compare("show", await json("show", "good"));
    await compare("rejects", await json("rejects"));
    await compare("doctor", await json("doctor"));
    const init = ["init", "--config", "new/crmledger.yaml", "--token-file", "token", "--base-url", world.url];
    await compare("init", await json(...init));
    expect((await json("rejects")).total).toBe(1);
    expect((await json("show", "good")).steps[0].attempts).not.toEqual([]);
  });

  test("shows what is said of a failure", async () => {
    const person = { name: "Grace Hopper", email: "hopper@example.com" };
    // Found out only when the chain is planned, so it fails instead of being rejected.
    const deal = { title: "Compiler", owner: "nobody@example.com" };
    for (const id of ["fails", "fails-too"]) world.write(`spool/${id}.json`, JSON.stringify({ id, person, deal }));
    await json("sync");
    const failed = await json("failed");
    expect(failed.total).toBe(2);
    await compare("failed", failed);
    await compare("retry-failed", await json("retry-failed", "--cause", failed.causes[0].cause));
    expect(await json("show", "unknown-id")).toMatchObject({
      error: { code: expect.any(String), message: expect.any(String) },
    });
  });

  test("shows what care for the ledger answers", async () => {
    await compare("backup", await json("backup", "copy.db"));
    const forgotten = await json("forget", "grace@example.com", "--yes");
    expect(forgotten).toMatchObject({ forgotten: true });
    await compare("forget", forgotten);
  });

  test("leaves out no command that answers with a document of its own", () => {
    expect([...told.keys()].sort()).toEqual(
      // The demo plays an hour: test/cli/demo.test.ts holds its document; adopt, export and report have tests of their own.
      [
        "adopt",
        "backup",
        "check-source",
        "demo",
        "doctor",
        "export",
        "failed",
        "forget",
        "import",
        "ingest",
        "init",
        "reconcile",
        "rejects",
        "report",
        "retry-failed",
        "show",
        "status",
        "sync",
      ].sort(),
    );
  });
});
