import type { Transport } from "../../domain/wire.ts";
import type { CrmAdapter, SendPacked } from "../adapter.ts";

/** Adds the credential's headers at the last moment, so that a packed request can be stored and shown without them. */
export function withCredentials(
  transport: Transport,
  adapter: Pick<CrmAdapter, "authorize">,
  secret: string,
): SendPacked {
  return ({ http }) => transport({ ...http, headers: { ...http.headers, ...adapter.authorize(secret) } });
}
