import { escapeHtml, htmlPage } from "./html-text.ts";
import { renderStatus, type StatusDocument } from "./status-page.ts";
import type { Style } from "./style.ts";

const REFRESH_SECONDS = 60;

/** A status as one page that needs nothing else, for a file that a web server shows. `plain` is a style without colour. */
export function renderStatusHtml(status: StatusDocument, plain: Style, writtenAt: string): string {
  const worst = status.alerts.some((alert) => alert.level === "critical")
    ? "critical"
    : status.alerts.length > 0
      ? "warning"
      : "ok";
  const colour = { critical: "#b00020", warning: "#a15c00", ok: "#1b5e20" }[worst];
  const body = `<h1>crmledger: <strong>${worst}</strong></h1>
<pre>${escapeHtml(renderStatus(status, plain))}</pre>
<p>Written ${escapeHtml(writtenAt)}</p>`;
  const style = `body { font-family: system-ui, sans-serif; margin: 2em } pre { white-space: pre-wrap } strong { color: ${colour} }`;
  return htmlPage({ title: `crmledger: ${worst}`, style, refreshSeconds: REFRESH_SECONDS, body });
}
