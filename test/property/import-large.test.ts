/** A large file is taken in by a way of its own: counts, words and ledger are those of the ordinary one. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import fc from "fast-check";
import { expect, it, vi } from "vitest";
import type { SourceSettings } from "../../src/domain/settings.ts";
import type { MapRows } from "../../src/ingest/mapped-rows.ts";
import { batchRows } from "../../src/ingest/mapped-rows.ts";
import { readCsvBatches } from "../../src/intake/csv.ts";
import { compileMapping } from "../../src/intake/mapping.ts";
import { loadPhoneNormalizer } from "../../src/intake/phone.ts";
import { NOW_MS, openIngestRig } from "../support/ingest-rig.ts";
import { pictureOf, unsound } from "../support/ledger-soundness.ts";

vi.setConfig({ testTimeout: 180_000 });

/** In this thread: what is looked at here is how the ledger takes it. */
const mapHere: MapRows = async function* ({ source, csv, maps }, chunks) {
  const mapping = await compileMapping(source, await loadPhoneNormalizer());
  yield* batchRows(readCsvBatches(chunks, { ...csv, dialect: null, whole: true, onDialect: () => {} }), mapping, maps);
};

const SETTINGS: Partial<SourceSettings> = {
  map: { id: "id", submittedAt: "at", "person.email": "mail", "person.phone": "phone", "deal.value": "value" },
  where: "value != 'test'",
  sendFromMs: NOW_MS - 86_400_000 * 15,
};

/** Few of them are odd, so that most come in by the large way. */
const oddities = fc.array(
  fc.record({
    at: fc.nat(5_999),
    what: fc.constantFrom("again", "other", "reject", "skipped", "bad", "name", "person", "broken"),
    to: fc.nat(5_999),
  }),
  { maxLength: 40 },
);

function csvOf(odd: readonly { at: number; what: string; to: number }[]): string {
  const lines = Array.from({ length: 6_000 }, (_, n) => [
    ...[`wf_${n}`, new Date(NOW_MS - n * 300_000).toISOString(), `p${n % 4_000}@example.com`, "", `${n}`],
  ]);
  for (const { at, what, to } of odd) {
    const line = lines[at]!;
    if (what === "again") lines[at] = [...lines[to]!];
    if (what === "other") line[0] = lines[to]![0]!;
    if (what === "reject") line[2] = "";
    if (what === "skipped") line[4] = "test";
    if (what === "bad") line[4] = "a lot";
    if (what === "name") line[0] = `${"x".repeat(250)}${at}`;
    if (what === "person") line[2] = lines[to]![2]!;
    if (what === "broken") line[2] = '"open';
  }
  return ["id,at,mail,phone,value", ...lines.map((line) => line.join(","))].join("\n");
}

let arrivedInAll = 0;

async function imported(
  files: readonly string[],
  isLarge: boolean,
  { asNew = true, sendFromMs = SETTINGS.sendFromMs } = {},
) {
  const folder = mkdtempSync(join(tmpdir(), "crmledger-large-"));
  const path = join(folder, "ledger.db");
  const rig = await openIngestRig(path);
  try {
    let arrived = 0;
    const { ledger } = rig.deps;
    rig.deps.ledger = {
      ...ledger,
      arrive: async (parts, now) => {
        for (const { key } of parts) arrived += key.length;
        return await ledger.arrive(parts, now);
      },
    };
    rig.deps.mapRows = { bytesMin: isLarge ? 0 : Number.POSITIVE_INFINITY, start: mapHere };
    const reports = [];
    for (const [n, text] of files.entries()) {
      const { files: counts, warnings } = await rig.import(
        rig.put(`${n}.csv`, text),
        { ...SETTINGS, sendFromMs },
        { asNew },
      );
      reports.push({ counts, warnings });
    }
    if (!isLarge) expect(arrived).toBe(0);
    arrivedInAll += arrived;
    const db = new Database(path, { readonly: true });
    const picture = pictureOf(db);
    expect(unsound(db)).toEqual({});
    db.close();
    return JSON.parse(JSON.stringify({ reports, picture }).replaceAll(rig.folder, "")) as object;
  } finally {
    await rig.close();
    rmSync(folder, { recursive: true });
  }
}

it("gives what the ordinary way gives", async () => {
  await fc.assert(
    fc.asyncProperty(oddities, oddities, async (first, second) => {
      const files = [csvOf(first), csvOf(second).replaceAll("wf_5", "wg_5")];
      expect(await imported(files, true)).toEqual(await imported(files, false));
    }),
    { numRuns: 3, endOnFailure: true },
  );
  expect(arrivedInAll).toBeGreaterThan(3_000);
});

it("counts what is all known without mapping it, in another file too, as the ordinary way does", async () => {
  const odd = fc.array(fc.record({ at: fc.nat(5_999), to: fc.nat(5_999), what: fc.constantFrom("again", "person") }));
  await fc.assert(
    fc.asyncProperty(odd, async (changes) => {
      const file = csvOf(changes);
      const half = file.split("\n").slice(0, 3_000).join("\n");
      const files = [file, file, half];
      const plain = { asNew: false, sendFromMs: null };
      expect(await imported(files, true, plain)).toEqual(await imported(files, false, { ...plain, asNew: true }));
    }),
    { numRuns: 2, endOnFailure: true },
  );
});
