/** How each tool is set up, started, and started again. */
import { spawn } from "node:child_process";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../support/house-source.ts";
import type { PeerSubmission } from "./cast.ts";

export const TOKEN = "bench-token-of-the-first-user";

export interface Setting {
  folder: string;
  url: string;
  submissions: readonly PeerSubmission[];
  /** Requests per 2 s of the plan; null: no limits. */
  burst: number | null;
  inFlight: number;
  redisSocket: string;
  stamps: readonly { entity: string; code: string }[];
  firstPersonId: number;
}

export interface Tool {
  name: string;
  needsRedis?: true;
  /** Shown in the first scenario only. */
  onlyFirst?: true;
  /** Runs that may follow one that left something: who watches a script starts it again, cron does it by itself. */
  unattended: boolean;
  /** Writes what it reads. */
  lay(setting: Setting): void;
  /** Brings it to where it is every day: only the warm one. */
  warmUp?(setting: Setting): Promise<void>;
  args(setting: Setting): string[];
  /** Whether a run that ended left nothing. */
  isThrough(out: string): boolean;
  /** Before it is started again after a run that left something. */
  again?(setting: Setting): Promise<unknown>;
}

export interface Running {
  pid: number;
  kill(): void;
  ended: Promise<{ code: number | null; out: string; err: string }>;
}

export function start(args: readonly string[], cwd: string): Running {
  const child = spawn(process.execPath, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString();
  });
  const ended = new Promise<{ code: number | null; out: string; err: string }>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, out, err }));
  });
  return { pid: child.pid!, kill: () => void child.kill("SIGKILL"), ended };
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return null;
  }
}

/** Searches of any plan, per 2 s. */
const SEARCHES = 10;
/** Requests that the cast's submissions need on an average when each person and company is searched for. */
const REQUESTS_EACH = 3.7;
const SEARCHES_EACH = 1.1;

function peer(name: string, script: string, more: (setting: Setting) => object, needsRedis?: true): Tool {
  return {
    name,
    ...(needsRedis && { needsRedis }),
    unattended: false,
    lay: ({ folder, submissions }) =>
      writeFileSync(join(folder, "export.jsonl"), submissions.map((one) => `${JSON.stringify(one)}\n`).join("")),
    args: (setting) => {
      const { url, folder, burst, inFlight } = setting;
      const searches = burst === null ? null : SEARCHES;
      const shared = { url, token: TOKEN, exported: join(folder, "export.jsonl"), burst, searches, windowMs: 2_000 };
      const given = JSON.stringify({ ...shared, inFlight, ...more(setting) });
      return [join(import.meta.dirname, script), given];
    },
    isThrough: (out) => parsed(out)?.failed === 0,
  };
}

function jobsPerWindow(burst: number | null): number | null {
  return burst === null ? null : Math.floor(Math.min(burst / REQUESTS_EACH, SEARCHES / SEARCHES_EACH));
}

const BIN = join(ROOT, "bin", "crmledger.js");
const sync = (folder: string): string[] => [BIN, "sync", "--json", "--config", join(folder, "crmledger.yaml")];

function put(folder: string, name: string, submissions: readonly PeerSubmission[]): void {
  const temporary = join(folder, "spool", `.${name}.tmp`);
  writeFileSync(temporary, JSON.stringify(submissions));
  renameSync(temporary, join(folder, "spool", `${name}.json`));
}

function crmledger(name: string, share: number, warm: boolean): Tool {
  return {
    name,
    unattended: true,
    lay: ({ folder, url, burst, inFlight, submissions }) => {
      mkdirSync(join(folder, "spool"));
      writeFileSync(join(folder, "token"), `${TOKEN}\n`, { mode: 0o600 });
      const limits = burst === null ? `burst: 1000000, concurrency: ${inFlight}, ` : "";
      const lines = [
        "ledger: ./ledger.db",
        `crm: { type: pipedrive, baseUrl: "${url}", apiTokenFile: ./token, timeout: 10s }`,
        `limits: { ${limits}share: ${share} }`,
        // By default a lost answer is looked for after one and five minutes: no bench waits so long.
        "retry: { settle: [5s, 15s], baseDelay: 1s }",
        "sources: { website: { spool: ./spool } }",
      ];
      writeFileSync(join(folder, "crmledger.yaml"), `${lines.join("\n")}\n`);
      if (!warm) put(folder, "all", submissions);
    },
    ...(warm && {
      warmUp: async ({ folder, submissions }) => {
        const first = { ...submissions[0]!, id: "before", deal: { title: "Before", value: 1, currency: "EUR" } };
        const person = { name: "Somebody else", email: "somebody.else@example.com" };
        put(folder, "before", [{ ...first, person, organization: undefined, notes: ["Earlier."] }]);
        const { code, err } = await start(sync(folder), folder).ended;
        if (code !== 0) throw new Error(`the first sync left with ${code}: ${err}`);
        put(folder, "all", submissions);
      },
    }),
    args: ({ folder }) => sync(folder),
    isThrough: (out) => {
      const summary = parsed(out) as { remaining?: number; drained?: { failed: number } } | null;
      return summary?.remaining === 0 && summary.drained?.failed === 0;
    },
    again: ({ folder }) =>
      start([BIN, "retry-failed", "--all", "--json", "--config", join(folder, "crmledger.yaml")], folder).ended,
  };
}

/** What the machine gives at best: no look-ups, no memory, nothing that survives. */
export const BARE = peer("bare undici loop, writes only", "bare.mjs", ({ stamps, firstPersonId }) => ({
  stamps,
  firstPersonId,
}));

export const EVERY_DAY = crmledger("crmledger, every day", 1, true);

export const TOOLS: readonly Tool[] = [
  peer("script: p-limit, retry on 429, log of ids", "script.mjs", ({ folder }) => ({
    log: join(folder, "through.log"),
  })),
  { ...peer("script without a log", "script.mjs", () => ({ log: null })), onlyFirst: true },
  peer("official client, bottleneck, p-retry", "official.mjs", () => ({})),
  peer(
    "BullMQ worker with limiter",
    "bullmq.mjs",
    ({ folder, burst, redisSocket }) => ({
      redis: redisSocket,
      queue: `q${folder.replaceAll(/\W/g, "-")}`,
      jobsPerWindow: jobsPerWindow(burst),
    }),
    true,
  ),
  crmledger("crmledger, new ledger", 1, false),
  EVERY_DAY,
  { ...crmledger("crmledger, every day, default share 0.8", 0.8, true), onlyFirst: true },
];
