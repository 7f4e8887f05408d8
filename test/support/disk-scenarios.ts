/** What the program is doing as its disk fails, and how one series of tries is ordered and told. */
import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type CliWorld, lead } from "./cli-world.ts";
import type { DiskFault } from "./faulty-disk.ts";

interface DiskScenario {
  args: readonly string[];
  /** Exit codes that are no surprise on such a disk. */
  codes: readonly number[];
  prepare(world: CliWorld): Promise<void>;
  /** What must be at the CRM in the end. */
  ids: readonly string[];
}

const leads = (...ids: string[]): string => JSON.stringify(ids.map((id) => lead(id)));

async function withPast(world: CliWorld): Promise<void> {
  world.write("spool/old.json", leads("old"));
  const { code, err } = await world.run("sync");
  if (code !== 0) throw new Error(`the first sync left with ${code}: ${err}`);
}

async function withPastAndNews(world: CliWorld): Promise<void> {
  await withPast(world);
  world.write("spool/new.json", leads("a", "b"));
  world.write("spool/one.json", JSON.stringify(lead("c")));
}

const MACHINE = [0, 74];

export const DISK_SCENARIOS: Record<string, DiskScenario> = {
  first: {
    args: ["sync"],
    codes: MACHINE,
    prepare: async (world) => void world.write("spool/new.json", leads("a", "b")),
    ids: ["a", "b"],
  },
  sync: { args: ["sync"], codes: MACHINE, prepare: withPastAndNews, ids: ["old", "a", "b", "c"] },
  ingest: { args: ["ingest"], codes: MACHINE, prepare: withPastAndNews, ids: ["old", "a", "b", "c"] },
  import: {
    args: ["import", "missed.json", "--source", "website"],
    codes: MACHINE,
    async prepare(world) {
      await withPast(world);
      world.write("missed.json", leads("m"));
    },
    ids: ["old", "m"],
  },
  status: {
    args: ["status", "--prometheus", "ledger.prom"],
    codes: [0, 64, 74],
    prepare: withPastAndNews,
    ids: ["old", "a", "b", "c"],
  },
  backup: { args: ["backup", "copy.db"], codes: [0, 64, 74], prepare: withPastAndNews, ids: ["old", "a", "b", "c"] },
};

/** All calls of one kind, the first `dense` one by one, the later ones by strides that grow. */
export interface DiskSeries extends Omit<DiskFault, "nth"> {
  scenario: string;
  dense: number;
  stride: number;
  nthMax: number;
}

export interface DiskTry {
  nth: number;
  fired: boolean;
  code: number;
  error: string | null;
  /** What was wrong in it, or after it. */
  found: string[];
}

const ROOT = resolve(import.meta.dirname, "../..");
const TSX = pathToFileURL(resolve(ROOT, "node_modules/tsx/dist/esm/index.mjs")).href;

/** Runs a series in a process on the faulty disk. Rejects where that process itself breaks. */
export async function runSeries(series: DiskSeries, env: Record<string, string>): Promise<DiskTry[]> {
  const script = resolve(import.meta.dirname, "disk-child.ts");
  const child = spawn(process.execPath, ["--import", TSX, script, JSON.stringify(series)], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString();
  });
  const code = await new Promise<number | string | null>((done) =>
    child.on("close", (code, signal) => done(signal ?? code)),
  );
  if (code !== 0)
    throw new Error(`${JSON.stringify(series)} broke with ${code}: ${err.slice(-3_000)} after ${out.slice(-500)}`);
  return out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as DiskTry);
}
