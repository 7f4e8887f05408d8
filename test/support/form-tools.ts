/** The seven form tools of `fixtures/`: their payloads, and their maps as the real config parser reads them. */
import { join } from "node:path";
import { parseConfig } from "../../src/config/parse-config.ts";
import type { SourceSettings } from "../../src/domain/settings.ts";
import { readText } from "./house-source.ts";

export const TOOLS = {
  typeform: "typeform-webhook.jsonl",
  webflow: "webflow-form-submission.json",
  "gravity-forms": "gravity-forms-export.csv",
  "google-forms": "google-forms-responses.csv",
  shopify: "shopify-customers-create.jsonl",
  "facebook-lead-ads": "facebook-lead-ads-export.csv",
  vapi: "vapi-end-of-call-report.jsonl",
} as const;

export type Tool = keyof typeof TOOLS;
export const toolNames = Object.keys(TOOLS) as Tool[];
export const csvTools: Tool[] = ["gravity-forms", "google-forms", "facebook-lead-ads"];
export const jsonTools: Tool[] = ["typeform", "webflow", "shopify", "vapi"];

export const payloadPath = (tool: Tool): string => join(import.meta.dirname, "../../fixtures/payloads", TOOLS[tool]);

/** Sources of a `sources:` block, as the program reads them. */
export function sourcesOfYaml(block: string): Record<string, SourceSettings> {
  const vendor = { defaultBaseUrl: "https://api.pipedrive.com", checkBaseUrl: (text: string) => new URL(text) };
  const origin = { file: "/srv/crmledger/crmledger.yaml", env: {}, ownerOnly: true, vendors: { pipedrive: vendor } };
  return { ...parseConfig(`crm: { type: pipedrive, apiToken: "${"0".repeat(40)}" }\n${block}`, origin).sources };
}

export const mapText = (tool: Tool): string => readText(`fixtures/maps/${tool}.yaml`);

export function sourceOfTool(tool: Tool, name: string = tool): SourceSettings {
  return sourcesOfYaml(mapText(tool))[name] as SourceSettings;
}
