import { appendFileSync, existsSync, mkdirSync, readdirSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CrmledgerError } from "../domain/errors.ts";
import type { DemoFile } from "./demo-data.ts";

export const DEMO_TOKEN = "token-of-the-demo";

/** The demo's folder: what a user of crmledger has, made for an hour. */
export interface DemoFolder {
  path: string;
  config: string;
  ledger: string;
}

/** Fills `path` with a config, a token and empty spools. A folder that holds something already is refused with `usage`. */
export function makeDemoFolder(path: string, baseUrl: string): DemoFolder {
  if (existsSync(path) && readdirSync(path).length > 0) {
    throw new CrmledgerError("usage", `${path} is not empty`, { hint: "Name a new folder: nothing was changed." });
  }
  for (const source of ["website", "calls", "fair"]) {
    mkdirSync(join(path, "spool", source), { recursive: true, mode: 0o700 });
  }
  writeFileSync(join(path, "pipedrive.token"), `${DEMO_TOKEN}\n`, { mode: 0o600 });
  const config = join(path, "crmledger.yaml");
  writeFileSync(config, configOf(baseUrl), { mode: 0o600 });
  return { path, config, ledger: join(path, "crmledger.db") };
}

/** As a web server does: whole files under a name that ingest leaves alone first; lines are added to what is there. */
export function spoolDemoFile(folder: DemoFolder, file: DemoFile, nowMs: number): void {
  const spool = join(folder.path, "spool", file.source);
  const path = join(spool, file.name);
  if (file.name.endsWith(".jsonl")) appendFileSync(path, file.text);
  else {
    const temporary = join(spool, `.${file.name}.tmp`);
    writeFileSync(temporary, file.text);
    renameSync(temporary, path);
  }
  // Ages of files are counted on the demo's clock.
  utimesSync(path, nowMs / 1000, nowMs / 1000);
}

function configOf(baseUrl: string): string {
  return `# Written by crmledger demo. The CRM at this address was a simulator, and is gone with the demo.
ledger: ./crmledger.db
crm:
  type: pipedrive
  baseUrl: ${baseUrl}
  apiTokenFile: ./pipedrive.token
  plan: lite
  seats: 1
sources:
  website:                     # forms, one JSON file each, as a webhook's receiver writes them
    spool: ./spool/website
    lane: operational
    target: 15m
    map:
      id: event_id
      submittedAt: submitted_at
      person.name: fields.full_name
      person.email: fields.email
      person.phone: fields.phone
      organization.name: fields.company
      deal.title: "= 'Website: ' & fields.product"
      deal.value: fields.budget
      notes: ["= fields.message"]
    restToNote: fields
  calls:                       # a phone service's log that grows, already in crmledger's own shape
    spool: ./spool/calls
    lane: operational
  fair:                        # a list of leads from a trade fair
    spool: ./spool/fair
    lane: background
    map:
      id: "\`Lead no.\`"
      submittedAt: "\`Scanned at\`"
      person.name: Name
      person.email: "\`E-mail\`"
      organization.name: Company
      deal.title: "= 'Fair: ' & Interest"
      notes: ["= Remarks"]
`;
}
