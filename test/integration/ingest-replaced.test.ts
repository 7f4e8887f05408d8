/** A name in a spool is not a file: what came under it since it was read is never moved away unread. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { emailKey } from "../../src/domain/identity.ts";
import { mentionsOf } from "../../src/domain/mentions.ts";
import type { SourceSettings } from "../../src/domain/settings.ts";
import { forgetInFiles } from "../../src/ingest/forget-files.ts";
import { HOUR_MS, type IngestRig, openIngestRig, person, sourceOf, total } from "../support/ingest-rig.ts";

/** On Linux a file system of its own, in memory. */
const OTHER_DISK = "/dev/shm";

let rig: IngestRig;
beforeEach(async () => {
  rig = await openIngestRig();
});
afterEach(() => rig.close());

/** Ingests once; between the commit and the way to the archive something happens to the spool. */
async function ingestWhile(happens: () => void, changes: Partial<SourceSettings> = {}): Promise<void> {
  let left = 1;
  rig.deps.failpoint = (name) => {
    if (name !== "ingest.acknowledge.before" || left === 0) return;
    left = 0;
    happens();
  };
  await rig.ingest(changes);
  rig.deps.failpoint = () => {};
  expect(left).toBe(0);
}

/** As a writer does who uses a name again as soon as it is free. */
function replace(name: string, content: string): void {
  rig.put(`.new-${name}.tmp`, content);
  renameSync(join(rig.spool, `.new-${name}.tmp`), join(rig.spool, name));
}

const keys = async (): Promise<string[]> => (await rig.queued()).map(({ key }) => key);

describe.each(["archive", "delete"] as const)("after: %s", (after) => {
  it("leaves a document that took the place of the one that was read, and takes it next time", async () => {
    rig.put("form.json", person(1));
    await ingestWhile(() => replace("form.json", person(2)), { after });
    expect(rig.list()).toContain("form.json");
    expect(await keys()).toEqual(["s1"]);
    await rig.ingest({ after });
    expect(await keys()).toEqual(["s1", "s2"]);
    expect(rig.list().filter((name) => name !== ".archive")).toEqual([]);
  });

  it("leaves a document that was written anew in its place", async () => {
    const path = rig.put("form.json", person(1));
    await ingestWhile(() => writeFileSync(path, `[${person(1)},${person(2)}]`), { after });
    await rig.ingest({ after });
    expect(await keys()).toEqual(["s1", "s2"]);
  });

  it("does nothing where another run was faster", async () => {
    const path = rig.put("form.json", person(1));
    await ingestWhile(() => rmSync(path), { after });
    expect(rig.list(".").filter((name) => name !== ".archive")).toEqual([]);
    if (after === "archive") expect(rig.list(".archive/2026-11-24")).toEqual([]);
  });
});

describe("an archive", () => {
  it("keeps both files where another run gives one the same name at the same moment", async () => {
    rig.put("form.json", person(1));
    const other = join(rig.spool, ".archive/2026-11-24/form.json");
    await ingestWhile(() => {
      mkdirSync(join(other, ".."), { recursive: true });
      writeFileSync(other, "of the other run");
    });
    expect(readFileSync(other, "utf8")).toBe("of the other run");
    expect(rig.list(".archive/2026-11-24")).toEqual(["form.json", "form~2.json"]);
  });

  const isElsewhere = existsSync(OTHER_DISK) && statSync(OTHER_DISK).dev !== statSync(tmpdir()).dev;
  it.skipIf(!isElsewhere)("on another disk, where nothing can be moved to, gets no empty files instead", async () => {
    const elsewhere = mkdtempSync(join(OTHER_DISK, "crmledger-"));
    try {
      symlinkSync(elsewhere, join(rig.spool, ".archive"));
      rig.put("form.json", person(1));
      const { warnings } = await rig.ingest();
      expect(warnings.join()).toContain("can't be moved away (EXDEV)");
      expect([rig.list(), rig.list(".archive/2026-11-24")]).toEqual([[".archive", "form.json"], []]);
    } finally {
      rmSync(elsewhere, { recursive: true });
    }
  });

  it("that another run moved a growing file to is read on there", async () => {
    const path = rig.put("calls.jsonl", `${person(1)}\n`, 25 * HOUR_MS);
    const moved = join(rig.spool, ".archive/2026-11-24/calls-of-the-other.jsonl");
    await ingestWhile(() => {
      mkdirSync(join(moved, ".."), { recursive: true });
      renameSync(path, moved);
    });
    expect(existsSync(moved)).toBe(true);
    writeFileSync(moved, `${person(2)}\n`, { flag: "a" });
    expect(total(await rig.ingest())).toEqual({ rows: 1, new: 1 });
    expect(await keys()).toEqual(["s1", "s2"]);
  });

  it("with a file that can't be opened for a while is not forgotten", async () => {
    rig.put("calls.jsonl", `${person(1)}\n`, 25 * HOUR_MS);
    await rig.ingest();
    const path = join(rig.spool, ".archive/2026-11-24/calls.jsonl");
    renameSync(path, `${path}.aside`);
    mkdirSync(path);
    await rig.ingest();
    rmSync(path, { recursive: true });
    renameSync(`${path}.aside`, path);
    writeFileSync(path, `${person(2)}\n`, { flag: "a" });
    await rig.ingest();
    expect(await keys()).toEqual(["s1", "s2"]);
  });
});

describe("a growing file that was complete", () => {
  it("and is written anew with as many bytes on its way to the archive is read there", async () => {
    const path = rig.put("calls.jsonl", `${person(1)}\n`, 25 * HOUR_MS);
    await ingestWhile(() => writeFileSync(path, `${person(2)}\n`));
    expect(existsSync(path)).toBe(false);
    expect(total(await rig.ingest())).toEqual({ rows: 1, new: 1 });
    expect(await keys()).toEqual(["s1", "s2"]);
  });

  it("and grows on its way to be deleted stays, and is read on", async () => {
    const path = rig.put("calls.jsonl", `${person(1)}\n`, 9 * 24 * HOUR_MS);
    await ingestWhile(() => writeFileSync(path, `${person(2)}\n`, { flag: "a" }), { after: "delete" });
    expect(existsSync(path)).toBe(true);
    expect(total(await rig.ingest({ after: "delete" }))).toEqual({ rows: 1, new: 1 });
  });
});

describe("forgetting somebody", () => {
  it("leaves a file alone that its writer replaced meanwhile", async () => {
    rig.put("many.json", `[${person(1)},${person(2)}]`);
    const mentions = mentionsOf([emailKey("p1@example.com")], []);
    let left = 1;
    const meanwhile = (name: string): void => {
      if (name !== "ingest.forget.written" || left === 0) return;
      left = 0;
      replace("many.json", `[${person(3)},${person(4)}]`);
    };
    const found = await forgetInFiles(sourceOf(), rig.spool, mentions, false, meanwhile);
    expect(found).toMatchObject({ deleted: 0, records: 0, left: [expect.stringContaining("changed while")] });
    expect(rig.list()).toEqual(["many.json"]);
    await rig.ingest();
    expect(await keys()).toEqual(["s3", "s4"]);
  });
});
