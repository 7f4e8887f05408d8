/** Pipedrive: API v2 for everything that has it, v1 for notes and users. What it calls is in docs/adapters/pipedrive.md. */
import type { Entity } from "../../domain/catalog.ts";
import type { CrmId } from "../../domain/ids.ts";
import type { CrmAdapter, CrmSession } from "../adapter.ts";
import { pipedriveCapabilities } from "./capabilities.ts";
import { classifyOne } from "./classify.ts";
import { contains } from "./contains.ts";
import { pipedriveCodec } from "./fields/codec.ts";
import { DEFAULT_BASE_URL, HOST_SUFFIX } from "./hosts.ts";
import { readLimits, serverTimeMs } from "./limits.ts";
import { sameNote } from "./note-text.ts";
import { packOne } from "./pack.ts";

export const pipedriveAdapter: CrmAdapter = {
  vendor: "pipedrive",
  capabilities: pipedriveCapabilities,
  codec: pipedriveCodec,
  defaultBaseUrl: DEFAULT_BASE_URL,
  hostSuffixes: [HOST_SUFFIX],
  authorize: (secret) => ({ "x-api-token": secret }),
  pack: (operations, session) => operations.map((operation) => packOne(operation, session)),
  classify: (request, result, session) => [classifyOne(request, result, session)],
  limits: readLimits,
  serverTimeMs,
  contains,
  sameNote,
  link: recordLink,
};

/** Only on the company's own host, which the account's set-up or the base URL names. */
function recordLink(entity: Entity, id: CrmId, session: CrmSession): string | null {
  if (entity === "note") return null;
  const domain = session.catalog.account?.domain ?? domainOf(session.baseUrl);
  return domain === null ? null : `https://${domain}${HOST_SUFFIX}/${entity}/${id}`;
}

function domainOf(baseUrl: string): string | null {
  const domain = /^https:\/\/([a-z0-9-]+)\.pipedrive\.com$/i.exec(baseUrl)?.[1] ?? "api";
  return domain === "api" ? null : domain;
}
