import type { CrmAdapter } from "./adapter.ts";
import { DEFAULT_BASE_URL, HOST_SUFFIX } from "./pipedrive/hosts.ts";

/** What reading a config needs of each CRM, without its adapter: most commands speak to none. */
export const VENDORS: Readonly<Record<string, Pick<CrmAdapter, "defaultBaseUrl" | "hostSuffixes">>> = {
  pipedrive: { defaultBaseUrl: DEFAULT_BASE_URL, hostSuffixes: [HOST_SUFFIX] },
};
