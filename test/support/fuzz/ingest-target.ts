/** Fuzzes spools and imports: real files in a real folder, taken into a real ledger. */
import { existsSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import type { SourceFormat, SourceSettings } from "../../../src/domain/settings.ts";
import { type IngestRig, NOW_MS, openIngestRig, sourceOf } from "../ingest-rig.ts";
import type { Chance } from "./chance.ts";
import { ingestSamples, type Sample } from "./corpus.ts";
import { type FuzzCase, type FuzzTarget, must, mustBeOurs } from "./fuzz-target.ts";
import { HOSTILE_TEXTS } from "./hostile-values.ts";
import { accounted, copiesIn, hashOf, keptBy, mustBeKept, treeOf } from "./ingest-promises.ts";
import { anyBytes, mutateBytes } from "./mutate-bytes.ts";
import { mutateJson, writeJson } from "./mutate-json.ts";

interface Params {
  /** Of the sample whose settings are used. */
  sample: number;
  file: string;
  ageMs: number;
  changes: Partial<SourceSettings>;
  /** Bytes that are there at the first run; the rest is written behind them before the second. */
  first: number;
}

const AGES_MS = [0, 2 * 3_600_000, 48 * 3_600_000];
const good = (id: string): string => `${JSON.stringify({ id, person: { email: `${id}@example.com` } })}\n`;

function mutated(sample: Sample, chance: Chance, other: Sample): Buffer {
  if (chance.maybe(0.03)) return anyBytes(chance);
  if (chance.maybe(0.5)) {
    const lines = extname(sample.name) === ".jsonl" ? sample.bytes.toString().split("\n").filter(Boolean) : null;
    const isJson = lines !== null || extname(sample.name) === ".json";
    if (isJson) {
      const texts = lines ?? [sample.bytes.toString()];
      const changed = texts.map((text) => writeJson(mutateJson(JSON.parse(text), chance), chance));
      return Buffer.from(changed.join("\n") + (lines === null ? "" : "\n"));
    }
    if (chance.maybe(0.5)) return hostileCells(sample.bytes, chance);
  }
  return mutateBytes(sample.bytes, chance, other.bytes);
}

/** Some cells of a CSV are texts that broke somebody's program before, quoted as they must be, or not. */
function hostileCells(bytes: Buffer, chance: Chance): Buffer {
  const cells = bytes.toString("utf8").split(/([,;\t\n])/);
  const quoted = (text: string): string => (chance.maybe(0.7) ? `"${text.replaceAll('"', '""')}"` : text);
  return Buffer.from(cells.map((cell) => (chance.maybe(0.08) ? quoted(chance.pick(HOSTILE_TEXTS)) : cell)).join(""));
}

/** Names are told in warnings, so none of these is a person's. */
const NAMES = HOSTILE_TEXTS.filter((text) => !/@|\+\d/.test(text));

/** Names that a stranger may give a file; all of them are one segment. */
function hostileName(chance: Chance, suffix: string): string {
  const text = chance
    .pick(NAMES)
    .replaceAll(/^\.|[/\0]/g, "_")
    .slice(0, 60);
  return `${text}${chance.below(1000)}${chance.maybe(0.1) ? suffix.toUpperCase() : suffix}`;
}

function changesOf(chance: Chance): Partial<SourceSettings> {
  return {
    ...(chance.maybe(0.1) && { format: chance.pick<SourceFormat>(["json", "jsonl", "csv", "form"]) }),
    ...(chance.maybe(0.1) && {
      encoding: chance.pick(["utf-8", "windows-1252", "utf-16le", "iso-8859-15", "shift_jis", "utf-7"]),
    }),
    ...(chance.maybe(0.1) && { delimiter: chance.pick([",", ";", "\t", "|"]) }),
    ...(chance.maybe(0.1) && { after: chance.pick(["keep", "delete"] as const) }),
    ...(chance.maybe(0.1) && { restToNote: "fields" }),
    ...(chance.maybe(0.05) && { where: "$exists(id)" }),
    ...(chance.maybe(0.05) && { records: "items" }),
    ...(chance.maybe(0.1) && { sameWithinMs: 60_000 }),
  };
}

type Fuzzed = (rig: IngestRig, bytes: Buffer, params: Params, sample: Sample) => Promise<void>;

function ingestTarget(name: string, samples: readonly Sample[], run: Fuzzed): FuzzTarget {
  let rig: IngestRig | null = null;
  const renew = async (): Promise<void> => {
    await rig?.close();
    rig = null;
  };
  return {
    name,
    makeCase(chance): FuzzCase {
      const sample = chance.below(samples.length);
      const bytes = mutated(samples[sample]!, chance, chance.pick(samples));
      const file = hostileName(chance, extname(samples[sample]!.name));
      const first = chance.maybe(0.3) ? chance.below(bytes.length + 1) : bytes.length;
      return { bytes, params: { sample, file, first, ageMs: chance.pick(AGES_MS), changes: changesOf(chance) } };
    },
    async run({ bytes, params }) {
      // A ledger of its own: a case goes alone as it went among others.
      await renew();
      rig = await openIngestRig();
      await run(rig, bytes, params as unknown as Params, samples[(params as unknown as Params).sample]!);
    },
    renew,
    close: renew,
  };
}

let serial = 0;

/** Settings under a name of their own: what other cases left in the ledger is another source's. */
function settingsOf(sample: Sample, changes: Partial<SourceSettings>): Partial<SourceSettings> {
  serial += 1;
  return { ...sourceOf(), ...sample.source, ...changes, name: `f${serial}` };
}

export const spoolTarget = (): FuzzTarget =>
  ingestTarget("spool", ingestSamples(), async (rig, bytes, params, sample) => {
    const changes = settingsOf(sample, params.changes);
    const spool = join(rig.folder, `s${serial}`);
    mkdirSync(spool);
    const outside = treeOf(rig.folder);
    try {
      await fuzzSpool(rig, { ...changes, spool }, bytes, params);
      const now = treeOf(rig.folder);
      for (const path of now.keys())
        must(path.startsWith(spool) || outside.has(path), "nothing is written outside", path);
      for (const [path, hash] of outside) must(now.get(path) === hash, "nothing outside is touched", path);
    } finally {
      rmSync(spool, { recursive: true });
    }
  });

async function fuzzSpool(
  rig: IngestRig,
  changes: Partial<SourceSettings>,
  bytes: Buffer,
  params: Params,
): Promise<void> {
  const spool = changes.spool!;
  const seconds = (NOW_MS - params.ageMs) / 1000;
  const put = (file: string, content: Uint8Array | string): void => {
    writeFileSync(join(spool, file), content);
    utimesSync(join(spool, file), seconds, seconds);
  };
  const ingest = async () => {
    const before = await keptBy(rig.ledger);
    const totals = accounted(await rig.ingest(changes));
    mustBeKept(before, await keptBy(rig.ledger), totals);
    return totals;
  };
  put(params.file, bytes.subarray(0, params.first));
  await ingest();
  if (params.first < bytes.length && existsSync(join(spool, params.file))) {
    put(params.file, bytes);
    await ingest();
  }
  if (changes.after !== "delete")
    must(copiesIn(spool, hashOf(bytes)) > 0 || params.first < bytes.length, "the file is still there");
  put(`again-${params.file}`, bytes);
  const again = await ingest();
  if (params.first === bytes.length)
    must(
      again.new + again.conflict + again.history + again.rejected === 0,
      "the same bytes twice are duplicates",
      again,
    );
  // A good file beside a bad one is never kept waiting by it.
  const neutral = sourceOf({ name: `${changes.name}g`, spool, after: "keep" });
  put("good.jsonl", good(neutral.name));
  const report = await rig.ingest(neutral);
  accounted(report);
  const found = report.files.find(({ file }) => file.endsWith("/good.jsonl"));
  must(found?.new === 1, "a good file is read", report);
}

export const csvTarget = (): FuzzTarget =>
  ingestTarget(
    "csv",
    ingestSamples().filter(({ name }) => /\.(csv|tsv)$/.test(name)),
    async (rig, bytes, params, sample) => {
      const changes = settingsOf(sample, { ...params.changes, format: params.changes.format ?? "csv" });
      const path = join(rig.folder, "import.csv");
      const rejectsFile = join(rig.folder, "rejects.csv");
      rmSync(rejectsFile, { force: true });
      writeFileSync(path, bytes);
      const take = async (file: string, rejects: string | null) => {
        const before = await keptBy(rig.ledger);
        const options = { asNew: params.first === bytes.length, format: changes.format ?? null, rejectsFile: rejects };
        const totals = accounted(await rig.import(file, changes, options));
        mustBeKept(before, await keptBy(rig.ledger), totals);
        return totals;
      };
      try {
        await take(path, rejectsFile);
        const again = await take(path, null);
        must(
          again.new + again.conflict + again.history + again.rejected === 0,
          "the same bytes twice are duplicates",
          again,
        );
      } catch (error) {
        mustBeOurs(error, ["inputUnreadable", "configInvalid"]);
        return;
      }
      if (existsSync(rejectsFile)) await mustComeBack(rig, changes, rejectsFile);
      must(hashOf(readFileSync(path)) === hashOf(bytes), "a file that is imported is not changed");
    },
  );

/**
 * Rejects that are imported as they were exported stay the rejects that they are. Only a short row whose header alone was too
 * wide is mended by the export itself, which has no columns that no record fills.
 */
async function mustComeBack(rig: IngestRig, changes: Partial<SourceSettings>, rejectsFile: string): Promise<void> {
  const rejects = async () => (await rig.ledger.rejects(100_000)).rows.filter(({ source }) => source === changes.name);
  const open = async (): Promise<number> => (await rejects()).length;
  const tooWide = (await rejects()).filter(({ reason }) => reason.includes(" columns; ")).length;
  const before = await open();
  const options = { asNew: true, format: "csv" as const, rejectsFile: null };
  accounted(await rig.import(rejectsFile, { ...changes, delimiter: null, encoding: null }, options));
  const after = await open();
  must(after <= before && after >= before - tooWide, "exported rejects come back as themselves", { before, after });
}
