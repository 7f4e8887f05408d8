/** What the manual page says beside the commands. */

type Rows = readonly (readonly [tag: string, meaning: string])[];

export const EXIT_STATUS: Rows = [
  ["0", "Done; nothing needs a person. What waits for a retry is 0 too."],
  ["1", "Unexpected failure; of status --check: a warning."],
  ["2", "Of reconcile and report: breaks are open. Of status --check: critical."],
  ["3", "Done, but records need attention. Of status --check: unknown."],
  ["4", "Nothing done: another sync is working on this ledger."],
  ["64", "Wrong usage."],
  ["65", "The input is not there, or can't be read as what it claims to be."],
  ["74", "This machine: disk full, ledger locked, damaged or newer than this version, spool unreadable."],
  ["75", "Stopped early for a hold; what is left waits in the ledger."],
  ["77", "The CRM refused the credentials."],
  ["78", "The config is wrong, or the CRM lacks what it needs."],
  ["130, 143", "SIGINT, SIGTERM: what was in flight is finished and recorded."],
];

export const ENVIRONMENT: Rows = [
  ["CRMLEDGER_CONFIG", "The config, where --config is not given."],
  ["CRMLEDGER_LEDGER", "The ledger, where --ledger is not given."],
  ["CRMLEDGER_LOG", "A file that gets a JSON line for each thing that happens, instead of the config's log."],
  ["OTEL_EXPORTER_OTLP_ENDPOINT", "A collector of OpenTelemetry traces; the other OTEL_ variables are read too."],
  ["XDG_CONFIG_HOME", "Where the user's config folder is, if not ~/.config."],
  ["VISUAL, EDITOR", "What failed edit opens a record with."],
  ["HTTPS_PROXY, NO_PROXY", "The way to the CRM."],
  ["NO_COLOR", "No colour."],
];

export const FILES: Rows = [
  ["./crmledger.yaml", "The config. Otherwise crmledger/crmledger.yaml in the user's config folder."],
  ["crmledger.db", "The ledger, as the config names it, with its log (-wal, -shm) beside it while something works."],
  [
    "crmledger.db.runs",
    "How many runs the ledger has seen: by it a copy that was put back is told from the ledger itself.",
  ],
  ["SPOOL/.archive", "The files that were taken in, as they came."],
];
