/** Which hosts the credential may go to. Pure: it resolves no name; the transport checks the resolved address. */
import { CrmledgerError } from "../domain/errors.ts";

/** `localhost`, 127.0.0.0/8 or ::1, as the URL parser writes them (it folds `0x7f.1` and the like). */
export function isLoopbackHost(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/**
 * Checks `crm.baseUrl`: https on the vendor's hosts or on a host of `allowHosts` (`host` or `host:port`), plain http to
 * loopback only; no user info, query or fragment; on the vendor's own hosts no path, since the adapter adds it.
 * Throws `configInvalid`; the message never repeats user info.
 */
export function checkBaseUrl(text: string, hostSuffixes: readonly string[], allowHosts: readonly string[]): URL {
  const url = parseUrl(text);
  if (url.username !== "" || url.password !== "" || /^[a-z]+:\/\/[^/?#]*@/i.test(text))
    throw invalid("must not contain a user name or password", "Put the token into crm.apiTokenFile.");
  if (text.includes("?") || text.includes("#")) throw invalid(`must end before any "?" or "#" (${url.host})`, PLAIN);
  if (url.protocol === "http:") return checkPlain(url);
  if (url.protocol !== "https:") throw invalid(`must start with https:// (found ${url.protocol}//)`, PLAIN);
  if (isAllowed(url, allowHosts)) return url;
  if (!hostSuffixes.some((suffix) => url.hostname.endsWith(suffix) && url.hostname.length > suffix.length))
    throw invalid(
      `names ${url.host}, which is not one of the vendor's hosts (${hostSuffixes.map((suffix) => `*${suffix}`).join(", ")})`,
      `The token would be sent there. If that is meant, name the host in crm.allowHosts.`,
    );
  if (url.pathname !== "/") throw invalid(`must have no path on ${url.host} (found ${url.pathname})`, PLAIN);
  return url;
}

const PLAIN = "Write only scheme and host, such as https://acme.pipedrive.com.";

function parseUrl(text: string): URL {
  // The parser would quietly drop tabs and line ends, and turn backslashes into slashes.
  if (/[\s\\]/.test(text) || /\p{Cc}/u.test(text)) throw invalid("holds spaces or control characters", PLAIN);
  try {
    return new URL(text);
  } catch {
    throw invalid("is not a URL", PLAIN);
  }
}

function checkPlain(url: URL): URL {
  if (isLoopbackHost(url.hostname)) return url;
  throw invalid(`is plain http to ${url.host}`, "Use https; plain http is for this machine (localhost) only.");
}

function isAllowed(url: URL, allowHosts: readonly string[]): boolean {
  return allowHosts.some((allowed) => {
    const wanted = allowed.trim().toLowerCase();
    return (
      wanted !== "" && (wanted === url.hostname || wanted === url.host || wanted === `${url.hostname}:${portOf(url)}`)
    );
  });
}

const portOf = (url: URL): string => (url.port === "" ? "443" : url.port);

function invalid(what: string, hint: string): CrmledgerError {
  return new CrmledgerError("configInvalid", `crm.baseUrl ${what}`, { hint });
}
