/**
 * `npm run import-speed [-- --rows 1000000 --keys sequential|random --in FOLDER]`: a CSV imported by the built program, next to
 * `sqlite3 .import` of the same file into a table with the same unique key, before and after it; then the same file once
 * more; then another import beside a process that asks for the write lock again and again, as a sync does. Whole processes:
 * wall and processor seconds, peak of resident memory, as Linux tells them. The system's `sqlite3` is needed.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openBeside } from "../../src/ledger/sqlite/open.ts";
import { ROOT } from "../support/house-source.ts";

const { values } = parseArgs({
  options: {
    rows: { type: "string", default: "1000000" },
    keys: { type: "string", default: "sequential" },
    in: { type: "string", default: tmpdir() },
  },
});
const rows = Number(values.rows);
const isRandom = values.keys === "random";
const folder = mkdtempSync(join(values.in, "crmledger-import-"));
const file = join(folder, "missed.csv");
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const COLUMNS = ["Entry Id", "Entry Date", "Name", "Email", "Phone", "Company", "Budget", "Message", "Page", "IP"];
const CONFIG = `ledger: ./ledger.db
limits: { backfill: 100000000 }
crm: { type: pipedrive, apiToken: "none-is-needed-for-an-import" }
sources:
  import:
    country: DE
    map: { id: Entry Id, submittedAt: Entry Date, person.name: Name, person.email: Email, person.phone: Phone,
      organization.name: Company, deal.value: Budget, notes: Message }
`;

/** Persons come in no order, times in theirs. */
function writeFile(from: number): void {
  const to = openSync(file, "w");
  let text = `${COLUMNS.join(",")}\n`;
  for (let n = from; n < from + rows; n += 1) {
    const hash = createHash("md5").update(String(n)).digest("hex");
    const at = new Date(Date.UTC(2026, 0, 1) + n * 25_000).toISOString().slice(0, 19).replace("T", " ");
    const id = isRandom ? hash : `wf_${String(n).padStart(9, "0")}`;
    const phone = `+4917${String(Number.parseInt(hash.slice(0, 7), 16)).padStart(9, "0")}`;
    const who = `Person ${hash.slice(0, 6)} ${n},${hash.slice(0, 10)}.${n}@example.com,${phone}`;
    text += `${id},${at},${who},Company ${n % 5000},${n % 10_000},"We need ""${n}"" lots, please.",https://www.example.com/contact,203.0.113.${n % 256}\n`;
    if (text.length > 1 << 20 || n === from + rows - 1) {
      writeSync(to, text);
      text = "";
    }
  }
  closeSync(to);
}

interface Cost {
  seconds: number;
  cpuSeconds: number;
  peakMib: number;
}

const LOOK_EVERY_MS = 50;
const TICKS_A_SECOND = 100;

/** What Linux says of a process that runs: it keeps the peak itself, so a look now and then does. */
function lookAt(pid: number, cost: Cost): void {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    cost.peakMib = Math.max(cost.peakMib, Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024));
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
    cost.cpuSeconds = (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
  } catch {
    // It has just ended.
  }
}

/** Runs a whole process and gives what it wrote. */
async function ran(command: string, args: string[], input = ""): Promise<{ cost: Cost; out: string }> {
  const cost = { seconds: 0, cpuSeconds: 0, peakMib: 0 };
  const began = performance.now();
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  const look = setInterval(() => lookAt(child.pid!, cost), LOOK_EVERY_MS);
  let out = "";
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stdin.end(input);
  const code = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  clearInterval(look);
  cost.seconds = (performance.now() - began) / 1000;
  if (code !== 0) throw new Error(`${command} left with ${code}: ${out}`);
  return { cost, out };
}

const ledger = join(folder, "ledger.db");

/** The program as it is installed. */
async function imported(expected: Record<string, number>): Promise<Cost> {
  const args = ["import", file, "--json", "--quiet", "--config", join(folder, "crmledger.yaml")];
  const { cost, out } = await ran(process.execPath, [join(ROOT, "bin/crmledger.js"), ...args]);
  const counts = JSON.parse(out) as Record<string, number>;
  if (Object.entries(expected).some(([name, count]) => counts[name] !== count)) throw new Error(out);
  return cost;
}

async function bySqlite(): Promise<Cost> {
  const database = join(folder, "table.db");
  rmSync(database, { force: true });
  const columns = COLUMNS.map((name) => `"${name}"`).join(",");
  const script = `CREATE TABLE t (${columns}, UNIQUE ("Entry Id"));\n.mode csv\n.import --skip 1 ${file} t\n`;
  return (await ran("sqlite3", [database], script)).cost;
}

const LOCK_PAUSE_MS = 10;

/** The waits for the write lock, in ms, of a process that asks for it again and again, as a sync does, until `work` has ended. */
async function waitsBeside(work: () => Promise<unknown>): Promise<number[]> {
  const store = openBeside(ledger);
  const waits: number[] = [];
  let isOver = false;
  const done = work().finally(() => {
    isOver = true;
  });
  while (!isOver) {
    const began = performance.now();
    store.write(() => waits.push(performance.now() - began));
    await new Promise((resolve) => setTimeout(resolve, LOCK_PAUSE_MS));
  }
  await done;
  store.db.close();
  return waits.sort((a, b) => a - b);
}

try {
  writeFileSync(join(folder, "crmledger.yaml"), CONFIG, { mode: 0o600 });
  writeFile(0);
  const mib = Math.round(statSync(file).size / 1_048_576);
  say(`${rows.toLocaleString("en")} rows, ${mib} MiB, ${values.keys} keys, 10 columns`);
  const first = await bySqlite();
  const took = await imported({ new: rows });
  const second = await bySqlite();
  const base = (first.seconds + second.seconds) / 2;
  const tell = (what: string, { seconds, cpuSeconds, peakMib }: Cost): void => {
    const cost = `, processor ${cpuSeconds.toFixed(1)} s, peak ${peakMib} MiB`;
    say(`  ${what.padEnd(34)} ${seconds.toFixed(1).padStart(7)} s, ratio ${(seconds / base).toFixed(2)}${cost}`);
  };
  tell("sqlite3 .import, before", first);
  tell("crmledger import", took);
  tell("sqlite3 .import, after", second);
  const again = await imported({ duplicate: rows });
  tell("the same file once more", again);
  say(`  once more by the first: ${(again.seconds / took.seconds).toFixed(2)}`);
  writeFile(rows);
  const waits = await waitsBeside(() => imported({ new: rows }));
  const at = (part: number): string => waits[Math.min(waits.length - 1, Math.floor(waits.length * part))]!.toFixed(1);
  say(
    `  waits of another process for the write lock (${waits.length}): p50 ${at(0.5)}, p99 ${at(0.99)}, longest ${at(1)} ms`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
