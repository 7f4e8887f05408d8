/**
 * What the server makes of a note's HTML. The vendor says "sanitised" and no more; this is how a browser's parser with an
 * allow-list would write it back: scripts and comments gone, unknown tags gone (their text stays), attributes gone but
 * for a link's address, entities decoded and only the necessary ones written again.
 */
const KEPT = new Set(
  "a b blockquote br code div em h1 h2 h3 h4 h5 h6 hr i li ol p pre s span strong sub sup table tbody td th thead tr u ul".split(
    " ",
  ),
);
/** Removed with everything inside. */
const HIDDEN = /<(script|style|iframe|object|template|noscript|svg|math|title)\b[^>]*>[\s\S]*?(<\/\1\s*>|$)/gi;
const COMMENT = /<!--[\s\S]*?(-->|$)|<!\w[^>]*>|<\?[^>]*>/g;
const TAG = /<(\/?)([a-zA-Z][a-zA-Z0-9]*)((?:\s+[^<>]*|\/)?)>/g;
const NAMED: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: "\u00a0",
};

export function sanitizeNote(html: string): string {
  const bare = html.replace(COMMENT, "").replace(HIDDEN, "");
  let out = "";
  let at = 0;
  for (const match of bare.matchAll(TAG)) {
    out += writeText(bare.slice(at, match.index)) + writeTag(match[1]!, match[2]!.toLowerCase(), match[3]!);
    at = match.index + match[0].length;
  }
  return out + writeText(bare.slice(at));
}

function writeTag(slash: string, name: string, attributes: string): string {
  if (!KEPT.has(name)) return "";
  if (name === "br" || name === "hr") return slash ? "" : `<${name}>`;
  if (slash || name !== "a") return `<${slash}${name}>`;
  const address = /\bhref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/i.exec(attributes);
  const href = decode(address?.[1] ?? address?.[2] ?? address?.[3] ?? "").trim();
  return /^(https?:|mailto:|tel:)/i.test(href) ? `<a href="${escapeText(href).replaceAll('"', "&quot;")}">` : "<a>";
}

function writeText(text: string): string {
  return escapeText(decode(text));
}

function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("\u00a0", "&nbsp;");
}

function decode(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(\w{2,8}));/gi, (whole, decimal, hex, name) => {
    if (name) return NAMED[String(name)] ?? whole;
    const code = decimal ? Number(decimal) : Number.parseInt(String(hex), 16);
    return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) ? String.fromCodePoint(code) : whole;
  });
}
