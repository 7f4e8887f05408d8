/** What the config needs to know of a CRM vendor. The composer takes it from the adapter. */
export interface VendorFacts {
  defaultBaseUrl: string;
  /** Host suffixes that belong to the vendor, with their leading dot. */
  hostSuffixes: readonly string[];
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Whether a URL stays on this machine. */
export function isLoopback(url: URL): boolean {
  return LOOPBACK.test(url.hostname);
}

/**
 * Decides whether the token may be sent to a base URL: https on the vendor's hosts or on an allowed one, plain http to
 * loopback only. Gives the URL without its trailing slash, or what is wrong with it.
 */
export function checkBaseUrl(
  text: string,
  vendor: VendorFacts,
  allowHosts: readonly string[],
): { ok: true; url: string } | { ok: false; reason: string } {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return { ok: false, reason: "must be a URL such as https://acme.pipedrive.com" };
  }
  if (url.username !== "" || url.password !== "")
    return { ok: false, reason: "must not carry a user name or password" };
  if (url.search !== "" || url.hash !== "") return { ok: false, reason: "must not have a query or a fragment" };
  const clean = url.origin + url.pathname.replace(/\/+$/, "");
  if (isLoopback(url) && (url.protocol === "http:" || url.protocol === "https:")) return { ok: true, url: clean };
  if (url.protocol !== "https:") return { ok: false, reason: "must be https (plain http goes to this machine only)" };
  const host = url.hostname.toLowerCase();
  const known =
    vendor.hostSuffixes.some((suffix) => host.endsWith(suffix) || host === suffix.replace(/^\./, "")) ||
    allowHosts.some((allowed) => host === allowed.toLowerCase());
  if (!known) {
    const own = vendor.hostSuffixes.map((suffix) => `*${suffix}`).join(", ");
    return {
      ok: false,
      reason: `points to ${host}, which is neither ${own} nor named in crm.allowHosts; the token is not sent there`,
    };
  }
  return { ok: true, url: clean };
}
