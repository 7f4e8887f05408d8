import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import type { Config } from "../config/config.ts";
import { RANGES } from "../report/history-slots.ts";
import type { StatusDocument } from "../report/status-page.ts";
import type { Invocation } from "./command.ts";
import type { Shop } from "./compose.ts";
import { readVersion } from "./version.ts";
import { writeForAll, writeWhole } from "./write-whole.ts";

const HOLDS_MAX = 200;

type Reader = Pick<Shop, "ledger" | "clock"> & { config: Config | null };

/** The files that `status` was asked for: `--html`, `--prometheus`. Each is written whole, then renamed. */
export async function writeStatusFiles(shop: Reader, { flags, io }: Invocation, status: StatusDocument): Promise<void> {
  const { html, prometheus } = flags as { html?: string; prometheus?: string };
  // Another user's node exporter reads it.
  if (prometheus !== undefined) writeForAll(resolve(io.cwd, prometheus), await metricsOf(shop, status), process.pid);
  if (html !== undefined) writeWhole(resolve(io.cwd, html), await htmlOf(shop, status), process.pid);
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
