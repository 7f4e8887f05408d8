import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import type { Config } from "../config/config.ts";
import { RANGES } from "../report/history-slots.ts";
import type { StatusDocument } from "../report/status-page.ts";
import type { Invocation } from "./command.ts";
import type { Shop } from "./compose.ts";
import { readVersion } from "./version.ts";
import { STDOUT, writeForAll, writeWhole } from "./write-whole.ts";

const HOLDS_MAX = 200;

type Reader = Pick<Shop, "ledger" | "clock"> & { config: Config | null };

export interface StatusFiles {
  html?: string;
  prometheus?: string;
}

/**
 * The files that `status` was asked for: `--html`, `--prometheus`. Each is written whole, then renamed. Gives the text of
 * the one that is to be standard output; null where none is.
 */
export async function writeStatusFiles(
  shop: Reader,
  { flags, io }: Invocation,
  status: StatusDocument,
): Promise<string | null> {
  const { html, prometheus } = flags as StatusFiles;
  const metrics = prometheus === undefined ? null : await metricsOf(shop, status);
  const page = html === undefined ? null : await htmlOf(shop, status);
  // Another user's node exporter reads it.
  if (metrics !== null && prometheus !== STDOUT) writeForAll(resolve(io.cwd, prometheus!), metrics, process.pid);
  if (page !== null && html !== STDOUT) writeWhole(resolve(io.cwd, html!), page, process.pid);
  return prometheus === STDOUT ? metrics : html === STDOUT ? page : null;
}

async function metricsOf({ ledger, clock, config }: Reader, status: StatusDocument): Promise<string> {
  const [{ renderPrometheus }, counters, delays, facts, { bytes }] = await Promise.all([
    import("../report/prometheus.ts"),
    ledger.counters(),
    ledger.delays(),
    ledger.metricFacts(),
    ledger.facts(),
  ]);
  return renderPrometheus({
    ...{ status, counters, delays, ...facts, ledgerBytes: bytes, nowMs: clock.wallMs() },
    ...{ spools: spoolsOf(config), version: readVersion(), node: process.versions.node },
  });
}

/** What is set aside in a spool, such as its archive, has a name that starts with a dot. */
function spoolsOf(config: Config | null): { source: string; files: number | null }[] {
  return Object.entries(config?.sources ?? {}).flatMap(([source, { spool }]) =>
    spool === null ? [] : [{ source, files: filesIn(spool) }],
  );
}

function filesIn(folder: string): number | null {
  try {
    return readdirSync(folder).filter((name) => !name.startsWith(".")).length;
  } catch {
    return null;
  }
}

async function htmlOf({ ledger, clock }: Reader, status: StatusDocument): Promise<string> {
  const nowMs = clock.wallMs();
  const sinceMs = nowMs - Math.max(...RANGES.map(({ spanMs }) => spanMs));
  const [{ renderStatusHtml }, { createStyle }, samples, holds] = await Promise.all([
    import("../report/status-html.ts"),
    import("../report/style.ts"),
    ledger.history(sinceMs),
    ledger.pastHolds(sinceMs, HOLDS_MAX),
  ]);
  const plain = createStyle({ isTTY: false, columns: undefined }, { color: false }, {});
  return renderStatusHtml(status, { samples, holds, nowMs }, plain);
}
