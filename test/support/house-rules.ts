/**
 * The house as a table: which room may import what, with the reason that is printed when a rule is broken. A room's
 * contract files are those that lie in its own folder; its engines and vendors lie in folders below.
 */
export interface Room {
  level: number;
  /** Rooms, or single files of a room, that it may import. */
  may: readonly string[];
  why: string;
}

const PURE = "it is pure, so that it can be replayed and tested without a CRM, a disk or a clock";
const LEDGER_CONTRACT = [
  "ledger/ledger.ts",
  "ledger/rows.ts",
  "ledger/checks.ts",
  "ledger/accounts.ts",
  "ledger/alerts.ts",
  "ledger/arriving.ts",
  "ledger/breakers.ts",
  "ledger/findings.ts",
  "ledger/history.ts",
  "ledger/measurements.ts",
  "ledger/members.ts",
  "ledger/names.ts",
  "ledger/replaced.ts",
  "ledger/samples.ts",
  "ledger/takeover.ts",
  "ledger/traces.ts",
];
const CONTRACTS = [...LEDGER_CONTRACT, "crm/adapter.ts"];
const SEAM = "it knows ledger and CRM by their contract files only, so that engines and vendors can be exchanged";

export const ROOMS: Readonly<Record<string, Room>> = {
  domain: { level: 0, may: [], why: "the words that everyone uses depend on nobody" },
  intake: { level: 1, may: ["domain"], why: PURE },
  planner: { level: 1, may: ["domain"], why: PURE },
  pacer: { level: 1, may: ["domain"], why: PURE },
  report: { level: 1, may: ["domain"], why: "what is printed is made of plain data, never of live objects" },
  config: { level: 1, may: ["domain"], why: "a config is read without anything else being there" },
  http: { level: 1, may: ["domain"], why: "the transport knows no vendor" },
  ledger: { level: 2, may: ["domain"], why: "what is recorded does not depend on who sends or reads it" },
  crm: {
    level: 2,
    may: ["domain", "pacer", "http"],
    why: "an adapter declares and classifies; others send and decide",
  },
  mirror: { level: 3, may: ["domain", ...CONTRACTS], why: SEAM },
  runner: { level: 4, may: ["domain", "mirror", "planner", "pacer", ...CONTRACTS], why: SEAM },
  reconcile: { level: 4, may: ["domain", "mirror", "planner", "pacer", ...CONTRACTS], why: SEAM },
  ingest: { level: 4, may: ["domain", "intake", ...LEDGER_CONTRACT], why: "getting things in must work without a CRM" },
  notify: { level: 4, may: ["domain", "http", ...LEDGER_CONTRACT], why: "an alert is sent without a CRM" },
  telemetry: {
    level: 4,
    may: ["domain", ...LEDGER_CONTRACT],
    why: "traces and logs tell what is committed, so that no other room needs a word of them",
  },
  simulator: {
    level: 4,
    may: ["domain", "pacer"],
    why: "an examiner that shares code with the examined proves nothing",
  },
  cli: { level: 5, may: ["*"], why: "the composer sees everything" },
};

/** Packages of which only these folders may know. What is not named here may be used anywhere above `domain`. */
export const PACKAGE_OWNERS: Readonly<Record<string, { folders: readonly string[]; why: string }>> = {
  undici: { folders: ["src/http/"], why: "one place sends bytes: timeouts, redaction and limits are there" },
  "better-sqlite3": { folders: ["src/ledger/sqlite/"], why: "the engine is exchangeable behind the ledger's contract" },
  commander: { folders: ["src/cli/"], why: "only the command line knows of flags" },
  chalk: { folders: ["src/cli/", "src/report/"], why: "colour belongs to what is printed" },
  "cli-progress": { folders: ["src/cli/", "src/report/"], why: "progress belongs to what is printed" },
  "cli-table3": { folders: ["src/cli/", "src/report/"], why: "tables belong to what is printed" },
  jsonata: { folders: ["src/intake/"], why: "maps are evaluated in one place, with its limits on time and depth" },
  "csv-parse": { folders: ["src/intake/"], why: "one reading of CSV" },
  "iconv-lite": { folders: ["src/intake/"], why: "one reading of encodings" },
  "libphonenumber-js": { folders: ["src/intake/"], why: "one normalisation of phone numbers, handed in elsewhere" },
  yaml: { folders: ["src/config/", "src/cli/"], why: "one reading of the config" },
  "@opentelemetry/api": { folders: ["src/telemetry/"], why: "one place makes spans" },
  "@opentelemetry/sdk-trace": { folders: ["src/telemetry/"], why: "it is loaded in one place, where it is asked for" },
  "@opentelemetry/resources": { folders: ["src/telemetry/"], why: "it is loaded in one place, where it is asked for" },
  "@opentelemetry/exporter-trace-otlp-proto": {
    folders: ["src/telemetry/"],
    why: "it is loaded in one place, where it is asked for",
  },
  "@opentelemetry/exporter-trace-otlp-http": {
    folders: ["src/telemetry/"],
    why: "it is loaded in one place, where it is asked for",
  },
  pino: { folders: ["src/telemetry/"], why: "the log's allow-list of fields is in one place" },
  "p-limit": { folders: ["src/runner/"], why: "the runner alone decides what is in flight" },
};

/** Parts of Node that touch the world, and who may. Everyone else has what they need handed in. */
export const NODE_OWNERS: Readonly<Record<string, readonly string[]>> = {
  "node:fs": ["src/ledger/sqlite/", "src/ingest/", "src/cli/"],
  "node:os": ["src/cli/"],
  "node:child_process": ["src/cli/"],
  "node:worker_threads": ["src/ledger/sqlite/", "src/cli/"],
  "node:process": ["src/cli/"],
  "node:net": ["src/http/", "src/simulator/"],
  "node:dns": ["src/http/"],
  "node:tls": ["src/http/"],
  "node:http": ["src/simulator/", "src/cli/"],
  "node:https": [],
  "node:timers": ["src/cli/", "src/http/"],
};

/** Globals that would make a run impossible to replay, and the folders that may use them all the same. */
export const WORLD: readonly { what: string; folders: readonly string[]; why: string }[] = [
  {
    what: "process",
    folders: ["src/cli/"],
    why: "environment and process state are read by the composer and handed in",
  },
  { what: "console", folders: ["src/cli/"], why: "stdout carries data, and one room decides what" },
  { what: "Date.now", folders: ["src/cli/"], why: "time comes from the Clock that is handed in" },
  { what: "new Date()", folders: ["src/cli/"], why: "time comes from the Clock that is handed in" },
  { what: "performance.now", folders: ["src/cli/"], why: "time comes from the Clock that is handed in" },
  { what: "Math.random", folders: ["src/cli/"], why: "chance comes from the Random that is handed in" },
  { what: "setTimeout", folders: ["src/cli/", "src/http/"], why: "waiting goes through the Clock that is handed in" },
  { what: "setInterval", folders: ["src/cli/"], why: "waiting goes through the Clock that is handed in" },
  { what: "fetch", folders: [], why: "one place sends bytes, and that is not the global fetch" },
];
