/** A large CSV is mapped in a thread of its own: what comes of it is the same, byte for byte. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import fc from "fast-check";
import { expect, it, vi } from "vitest";
import { mapRows } from "../../src/cli/map-thread.ts";
import type { SourceSettings } from "../../src/domain/settings.ts";
import { openIngestRig } from "../support/ingest-rig.ts";

vi.setConfig({ testTimeout: 180_000 });

const HEADER = "id,at,name,mail,phone,note,extra";
const MAPPED: Partial<SourceSettings> = {
  map: {
    ...{ id: "id", submittedAt: "at", "person.name": "name", "person.email": "mail", "person.phone": "phone" },
    ...{ notes: ["= 'Says: ' & note"], "deal.value": "extra" },
  },
  country: "DE",
  where: "extra != 'test'",
  sameWithinMs: 600_000,
};
const OWN_SHAPE = "id,submittedAt,person.name,person.email,person.phone,notes.0,colour";

/** Few different values, so that keys, raw records, persons and contents meet; some of them broken. */
const line = fc
  .record({
    id: fc.constantFrom("", ...Array.from({ length: 40 }, (_, n) => `wf_${n}`)),
    at: fc.constantFrom("", "2026-11-20 10:15:00", "2026-11-20T10:18:00Z", "soon", "1795168800"),
    name: fc.constantFrom("Ada  Lovelace", '"Lovelace, ""Ada"""', "Zo\u00eb", '"two\nlines"', "__proto__", ""),
    mail: fc.constantFrom("", "nobody", ...Array.from({ length: 25 }, (_, n) => `P${n}@example.com`)),
    phone: fc.constantFrom("", "0171 12345678", "+49 171 1234 5678", "call me"),
    note: fc.constantFrom("", "Hello", "=1+1", '"a ""quoted"" note"', '"open'),
    extra: fc.constantFrom("", "test", "7", "$ 7", "1,2", "8,,,"),
  })
  .map((cells) => Object.values(cells).join(","));

const bytesOf = (header: string, lines: readonly string[], odd: boolean): Buffer =>
  Buffer.concat([
    Buffer.from(`${header}\n${lines.join("\n")}\n`),
    odd ? Buffer.from("x,,M\xfcller,a@example.com\n", "latin1") : Buffer.of(),
  ]);

async function imported(files: readonly Buffer[], settings: Partial<SourceSettings>, bytesMin: number | null) {
  const folder = mkdtempSync(join(tmpdir(), "crmledger-thread-"));
  const path = join(folder, "ledger.db");
  const rig = await openIngestRig(path);
  try {
    if (bytesMin !== null) rig.deps.mapRows = { bytesMin, start: mapRows };
    const told: unknown[] = [];
    rig.deps.onVerdict = (item, verdict) => told.push([item.key, item.content, verdict]);
    const reports = [];
    for (const [n, bytes] of files.entries()) {
      const { files: counts, warnings } = await rig.import(rig.put(`${n}.csv`, bytes), settings);
      reports.push(
        counts.map((one) => ({ ...one, file: "" })),
        warnings.map((text) => text.replaceAll(rig.folder, "")),
      );
    }
    const db = new Database(path, { readonly: true });
    const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'meta'").pluck().all();
    const rows = tables.map((table) => [table, db.prepare(`SELECT * FROM ${table}`).raw().all()]);
    db.close();
    return JSON.parse(JSON.stringify({ reports, told, rows }).replaceAll(rig.folder, "")) as object;
  } finally {
    await rig.close();
    rmSync(folder, { recursive: true });
  }
}

it.each([
  ["with a map, a condition and double clicks", HEADER, MAPPED],
  ["of a submission's own shape, with revisions", OWN_SHAPE, { revisions: "update" as const }],
])("gives the same ledger, verdicts and words as one thread does: %s", async (_, header, settings) => {
  const files = fc.tuple(fc.array(line, { minLength: 700, maxLength: 1_000 }), fc.array(line, { maxLength: 60 }));
  await fc.assert(
    fc.asyncProperty(files, fc.boolean(), async ([lines, more], odd) => {
      const both = [bytesOf(header, lines, odd), bytesOf(header, [...more, ...lines.slice(0, 90)], false)];
      expect(await imported(both, settings, 0)).toEqual(await imported(both, settings, null));
    }),
    { numRuns: 2, endOnFailure: true },
  );
});

it("ends with the import that was stopped, and the next one goes on", async () => {
  const rig = await openIngestRig();
  try {
    const stop = new AbortController();
    rig.deps.signal = stop.signal;
    rig.deps.mapRows = { bytesMin: 0, start: mapRows };
    rig.deps.progress = () => stop.abort();
    const rows = Array.from({ length: 5_000 }, (_, n) => `s${n},p${n}@example.com`);
    const file = rig.put("a.csv", `id,person.email\n${rows.join("\n")}\n`);
    const first = (await rig.import(file)).files[0]!;
    expect(first.new).toBeGreaterThan(0);
    expect(first.new).toBeLessThan(5_000);
    rig.deps.signal = undefined;
    const second = (await rig.import(file)).files[0]!;
    expect(second).toMatchObject({ rows: 5_000, new: 5_000 - first.new, duplicate: first.new });
  } finally {
    await rig.close();
  }
});

it("says what is no export of the source before a thread is started", async () => {
  const rig = await openIngestRig();
  try {
    rig.deps.mapRows = { bytesMin: 0, start: () => expect.unreachable() };
    const file = rig.put("a.csv", "colour,shape\nred,round\n");
    await expect(rig.import(file)).rejects.toMatchObject({ code: "inputUnreadable" });
  } finally {
    await rig.close();
  }
});
