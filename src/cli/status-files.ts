import { resolve } from "node:path";
import { RANGES } from "../report/history-slots.ts";
import type { StatusDocument } from "../report/status-page.ts";
import type { Invocation } from "./command.ts";
import type { Shop } from "./compose.ts";
import { writeWhole } from "./write-whole.ts";

const HOLDS_MAX = 200;

/** The files that `status` was asked for: `--html`, `--prometheus`. Each is written whole, then renamed. */
export async function writeStatusFiles(
  shop: Pick<Shop, "ledger" | "clock">,
  { flags, io }: Invocation,
  document: StatusDocument,
): Promise<void> {
  const { html, prometheus } = flags as { html?: string; prometheus?: string };
  if (prometheus !== undefined) {
    const { renderPrometheus } = await import("../report/prometheus.ts");
    writeWhole(resolve(io.cwd, prometheus), renderPrometheus(document, shop.clock.wallMs()), process.pid);
  }
  if (html !== undefined) writeWhole(resolve(io.cwd, html), await htmlOf(shop, document), process.pid);
}

async function htmlOf({ ledger, clock }: Pick<Shop, "ledger" | "clock">, document: StatusDocument): Promise<string> {
  const nowMs = clock.wallMs();
  const sinceMs = nowMs - Math.max(...RANGES.map(({ spanMs }) => spanMs));
  const [{ renderStatusHtml }, { createStyle }, samples, holds] = await Promise.all([
    import("../report/status-html.ts"),
    import("../report/style.ts"),
    ledger.history(sinceMs),
    ledger.pastHolds(sinceMs, HOLDS_MAX),
  ]);
  const plain = createStyle({ isTTY: false, columns: undefined }, { color: false }, {});
  return renderStatusHtml(document, { samples, holds, nowMs }, plain);
}
