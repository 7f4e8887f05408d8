/** A real ledger in memory, a spool in a temp folder, and a clock that stands still: what ingest needs, and no more. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Clock } from "../../src/domain/clock.ts";
import type { RunId } from "../../src/domain/ids.ts";
import type { SourceSettings } from "../../src/domain/settings.ts";
import { importFile } from "../../src/ingest/file.ts";
import type { FileCounts, ImportOptions, IngestDeps, IngestReport } from "../../src/ingest/ingest.ts";
import { ingestSource } from "../../src/ingest/spool.ts";
import { loadPhoneNormalizer } from "../../src/intake/phone.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import type { SubmissionRow } from "../../src/ledger/rows.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";

export const NOW_MS = Date.UTC(2026, 10, 24, 8, 0, 0);
export const HOUR_MS = 3_600_000;

export function sourceOf(changes: Partial<SourceSettings> = {}): SourceSettings {
  return {
    name: "website",
    spool: null,
    after: "archive",
    lane: "operational",
    targetMs: 900_000,
    sendFromMs: null,
    map: null,
    restToNote: null,
    format: null,
    records: null,
    where: null,
    timezone: "UTC",
    country: null,
    encoding: null,
    delimiter: null,
    revisions: "report",
    sameWithinMs: null,
    plan: {
      persons: { match: ["email", "phone"], onMatch: "fillEmpty", country: null },
      deals: { match: "submission" },
      notes: { reference: true, format: "text" },
      onBadValue: "note",
    },
    ...changes,
  };
}

export interface IngestRig {
  folder: string;
  spool: string;
  ledger: Ledger;
  deps: IngestDeps;
  /** Wall time; tests move it. */
  time: { nowMs: number };
  /** Puts a file there, last changed `ageMs` ago. */
  put(name: string, content: string | Uint8Array, ageMs?: number): string;
  /** Names in the spool, or in a folder of it. */
  list(below?: string): string[];
  ingest(changes?: Partial<SourceSettings>): Promise<IngestReport>;
  import(
    file: string,
    changes?: Partial<SourceSettings>,
    options?: Partial<ImportOptions>,
  ): ReturnType<typeof importFile>;
  /** Everything in the queue, in the order of its keys. */
  queued(): Promise<SubmissionRow[]>;
  close(): Promise<void>;
}

export async function openIngestRig(path = ":memory:"): Promise<IngestRig> {
  const folder = mkdtempSync(join(tmpdir(), "crmledger-ingest-"));
  const spool = join(folder, "spool");
  mkdirSync(spool);
  const time = { nowMs: NOW_MS };
  const clock: Clock = {
    wallMs: () => time.nowMs,
    monoMs: () => time.nowMs - NOW_MS,
    bootId: "boot",
    sleep: async () => {},
  };
  const ledger = await openSqliteLedger({ path, create: true, nowMs: NOW_MS });
  const now = { wallMs: NOW_MS, monoMs: 0, bootId: "boot" };
  const runId: RunId = await ledger.openRun({ kind: "test", pid: 1, host: "here", lockName: null, now });
  const deps: IngestDeps = {
    ledger,
    clock,
    phone: await loadPhoneNormalizer(),
    runId,
    failpoint: () => {},
    dryRun: false,
  };
  return {
    ...{ folder, spool, ledger, deps, time },
    put: (name, content, ageMs = 0) => {
      const at = join(spool, name);
      mkdirSync(dirname(at), { recursive: true });
      writeFileSync(at, content);
      const seconds = (time.nowMs - ageMs) / 1000;
      utimesSync(at, seconds, seconds);
      return at;
    },
    list: (below = "") => readdirSync(join(spool, below)).sort(),
    ingest: (changes) => ingestSource(deps, sourceOf({ spool, ...changes })),
    import: (file, changes, options) =>
      importFile(deps, sourceOf(changes), { file, format: null, asNew: false, rejectsFile: null, ...options }),
    queued: async () =>
      (await ledger.peek(100_000, time.nowMs, { source: null, lane: null })).sort((a, b) => (a.key < b.key ? -1 : 1)),
    close: async () => {
      await ledger.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Counts of all files together, without those that are zero. */
export function total(report: IngestReport): Partial<FileCounts> {
  const names = ["rows", "new", "duplicate", "conflict", "skipped", "history", "rejected"] as const;
  const sums = names.map((name) => [name, report.files.reduce((sum, file) => sum + file[name], 0)] as const);
  return Object.fromEntries(sums.filter(([, sum]) => sum > 0));
}

export const person = (n: number): string => JSON.stringify({ id: `s${n}`, person: { email: `p${n}@example.com` } });
