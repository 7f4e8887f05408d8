/** Logs that something rotates in the spool: what was written last before the turn is a lead as well. */
import { appendFileSync, copyFileSync, renameSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HOUR_MS, type IngestRig, openIngestRig, person } from "../support/ingest-rig.ts";

let rig: IngestRig;
beforeEach(async () => {
  rig = await openIngestRig();
});
afterEach(() => rig.close());

const keys = async (): Promise<string[]> => (await rig.queued()).map(({ key }) => key);
const CSV = "id,person.email\n";
const row = (n: number): string => `s${n},p${n}@example.com\n`;

describe.each([
  ["leads.jsonl", "", (n: number) => `${person(n)}\n`],
  ["leads.csv", CSV, row],
])("%s", (name, header, line) => {
  it.each([`${name}.1`, `${name}-20261124`, `${name}.2026-11-24`])(
    "rotated to %s is read to its end",
    async (rotated) => {
      const path = rig.put(name, header + line(1));
      await rig.ingest();
      appendFileSync(path, line(2));
      renameSync(path, join(rig.spool, rotated));
      rig.put(name, header + line(3));
      const { warnings } = await rig.ingest();
      expect(await keys()).toEqual(["s1", "s2", "s3"]);
      expect(warnings).toEqual([]);
      // Its writer may have it open still.
      appendFileSync(join(rig.spool, rotated), line(4));
      await rig.ingest();
      expect(await keys()).toEqual(["s1", "s2", "s3", "s4"]);
      rig.time.nowMs += 25 * HOUR_MS;
      await rig.ingest();
      expect(rig.list()).toEqual([".archive"]);
    },
  );

  it("copied and cut short is read from its new start, and what nobody had read yet from the copy", async () => {
    const path = rig.put(name, header + line(1));
    await rig.ingest();
    appendFileSync(path, line(2));
    copyFileSync(path, `${path}.1`);
    truncateSync(path);
    appendFileSync(path, header + line(3));
    const { files } = await rig.ingest();
    expect(await keys()).toEqual(["s1", "s2", "s3"]);
    expect(files.reduce((sum, { duplicate }) => sum + duplicate, 0)).toBe(1);
  });
});
