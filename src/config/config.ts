import type { DrainSettings, PlanSettings, SourceSettings } from "../domain/settings.ts";
import type { AlertsConfig } from "./alert-settings.ts";
import type { PlanName } from "./daily-tokens.ts";
import type { Secret } from "./secret.ts";

/** Where the CRM's token comes from. A file is read only when a command speaks to the CRM. */
export type TokenSource = { type: "value"; secret: Secret } | { type: "file"; path: string } | { type: "none" };

export interface CrmSettings {
  type: string;
  /** Checked, without its trailing slash. */
  baseUrl: string;
  token: TokenSource;
  timeoutMs: number;
  /** Null where the file does not say. */
  plan: PlanName | null;
}

/** Ages at which something is erased: archived spool files, payloads of ended submissions, closed rejects. */
export interface Retention {
  archiveMs: number;
  payloadsMs: number;
  rejectsMs: number;
}

/** The whole configuration with defaults filled in, absolute paths and units in the names. Frozen. */
export interface Config {
  /** Absolute path of the file that it came from. */
  file: string;
  /** Absolute path of the ledger. */
  ledger: string;
  crm: CrmSettings;
  drain: DrainSettings;
  /** What a source without its own says. */
  plan: PlanSettings;
  /** By name, in the order of the file; `import` is always there. */
  sources: Readonly<Record<string, SourceSettings>>;
  /** Null: nothing is ever erased by itself. */
  retention: Retention | null;
  alerts: AlertsConfig;
  /** Told start, success and failure of each sync; null: nobody. */
  heartbeat: Secret | null;
  /** Absolute path of the log of what happens, as JSON lines; null: none is kept. */
  log: string | null;
}
