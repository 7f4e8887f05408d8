import { escapeHtml } from "./html-text.ts";
import { renderStatus, type StatusDocument } from "./status-page.ts";
import type { Style } from "./style.ts";

/** A status as one page that needs nothing else, for a file that a web server shows. `plain` is a style without colour. */
export function renderStatusHtml(status: StatusDocument, plain: Style, writtenAt: string): string {
  const worst = status.alerts.some((alert) => alert.level === "critical")
    ? "critical"
    : status.alerts.length > 0
      ? "warning"
      : "ok";
  const colour = { critical: "#b00020", warning: "#a15c00", ok: "#1b5e20" }[worst];
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="60">
<title>crmledger: ${worst}</title>
<style>body { font-family: system-ui, sans-serif; margin: 2em } pre { white-space: pre-wrap } strong { color: ${colour} }</style>
<h1>crmledger: <strong>${worst}</strong></h1>
<pre>${escapeHtml(renderStatus(status, plain))}</pre>
<p>Written ${escapeHtml(writtenAt)}</p>
</html>
`;
}
