/** Configs as texts, parsed as the program does, in a folder that is not there. */
import { parseConfig } from "../../src/config/parse-config.ts";
import { CrmledgerError } from "../../src/domain/errors.ts";
import { checkBaseUrl } from "../../src/http/base-url.ts";

const vendors = {
  pipedrive: {
    defaultBaseUrl: "https://api.pipedrive.com",
    checkBaseUrl: (text: string, allowHosts: readonly string[]) => checkBaseUrl(text, [".pipedrive.com"], allowHosts),
  },
};
export const origin = { file: "/srv/forms/crmledger.yaml", env: {}, ownerOnly: false, vendors };

export function parse(text: string, overrides: Partial<typeof origin> & { env?: Record<string, string> } = {}) {
  return parseConfig(text, { ...origin, ...overrides });
}

export function failure(text: string, overrides = {}): CrmledgerError {
  try {
    parse(text, overrides);
  } catch (error) {
    if (error instanceof CrmledgerError) return error;
    throw error;
  }
  throw new Error("the config was accepted");
}

export const CRM = "crm:\n  type: pipedrive\n";
