import type { HttpResult, Transport } from "../../domain/wire.ts";
import type { CrmAdapter, SendPacked } from "../adapter.ts";
import { createRedactor } from "./redactor.ts";

/**
 * Adds the credential's headers at the last moment, so that a packed request can be stored and shown without them, and takes
 * the credential out of whatever comes back, before anybody reads it: nothing that is made of a reply can hold it.
 */
export function withCredentials(
  transport: Transport,
  adapter: Pick<CrmAdapter, "authorize">,
  secret: string,
): SendPacked {
  const redact = createRedactor([secret]);
  return async ({ http }, mayLeave) => {
    const headers = { ...http.headers, ...adapter.authorize(secret) };
    return withoutSecret(await transport({ ...http, headers }, mayLeave), redact);
  };
}

function withoutSecret(result: HttpResult, redact: (text: string) => string): HttpResult {
  if (result.type === "failure") return { ...result, message: redact(result.message) };
  const headers = Object.entries(result.headers).map(([name, value]) => [name, redact(value)]);
  return { ...result, headers: Object.fromEntries(headers), body: redact(result.body) };
}
