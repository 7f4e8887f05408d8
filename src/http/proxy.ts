/** Which requests go through a proxy. Pure: the environment is handed in. */

export interface ProxySettings {
  proxyUrl?: string;
  noProxy?: string;
}

/** Reads `HTTPS_PROXY` and `NO_PROXY` (lower case wins, as with curl) out of an environment. */
export function proxySettings(env: Readonly<Record<string, string | undefined>>): ProxySettings {
  const proxyUrl = env.https_proxy || env.HTTPS_PROXY || undefined;
  const noProxy = env.no_proxy || env.NO_PROXY || undefined;
  return { ...(proxyUrl && { proxyUrl }), ...(noProxy && { noProxy }) };
}

/**
 * Whether a URL is fetched directly. `noProxy` lists host names, `.suffix`, `host:port` or `*`, separated by commas or
 * spaces; a name also covers its subdomains. Plain http is never proxied: it is allowed to loopback only.
 */
export function bypassesProxy(url: URL, noProxy: string | undefined): boolean {
  if (url.protocol !== "https:") return true;
  const port = url.port === "" ? "443" : url.port;
  return (noProxy ?? "").split(/[\s,]+/).some((entry) => covers(entry.toLowerCase(), url.hostname, port));
}

function covers(entry: string, hostname: string, port: string): boolean {
  if (entry === "") return false;
  if (entry === "*") return true;
  const [, host = "", entryPort] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? [];
  if (entryPort !== undefined && entryPort !== port) return false;
  const suffix = host.replace(/^\*?\./, "");
  return suffix !== "" && (hostname === suffix || hostname.endsWith(`.${suffix}`));
}
