import { sha256 } from "../domain/json.ts";

/** Text as it stands in a page, in content and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

/** A link, only where it leads to a web page: a `javascript:` address stays text. */
export function htmlLink(address: string | null, text: string): string {
  if (address === null || !/^https?:\/\//i.test(address)) return escapeHtml(text);
  return `<a href="${escapeHtml(address)}" rel="noopener noreferrer">${escapeHtml(text)}</a>`;
}

export interface HtmlPage {
  title: string;
  style: string;
  script?: string;
  /** The browser loads it anew after so long. */
  refreshSeconds?: number;
  body: string;
}

/** A page that needs nothing else and loads nothing: its policy lets only this style and this script run. */
export function htmlPage({ title, style, script, refreshSeconds, body }: HtmlPage): string {
  const policy = `default-src 'none'; style-src ${hashOf(style)}; script-src ${script === undefined ? "'none'" : hashOf(script)}; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
${refreshSeconds === undefined ? "" : `<meta http-equiv="refresh" content="${refreshSeconds}">\n`}<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
${body}
${script === undefined ? "" : `<script>${script}</script>\n`}</body>
</html>
`;
}

/** As a content security policy names an inline style or script. */
function hashOf(text: string): string {
  return `'sha256-${Buffer.from(sha256(text), "hex").toString("base64")}'`;
}
