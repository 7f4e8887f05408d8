/**
 * Loaded before the program (`node --import`): writes to the file of MEASURE_TO, as the process ends, its peak memory, the
 * longest time that it held the ledger's write lock (and that without the disk's part, the commit), and the longest block of
 * its event loop.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import Database from "better-sqlite3";

const locks = { count: 0, totalMs: 0, longestMs: 0, workMs: 0 };
const calls = new Map();
let lockedAt = 0;
let stretchAt = performance.now();
const loop = { longestMs: 0, at: "" };

/** Everything that runs between two turns of the event loop blocks it. */
function turned() {
  const now = performance.now();
  if (now - stretchAt > loop.longestMs) loop.longestMs = now - stretchAt;
  stretchAt = now;
  setImmediate(turned).unref();
}
// Loading the program is no work on data.
setTimeout(() => {
  stretchAt = performance.now();
  turned();
}, 200).unref();

const prepare = Database.prototype.prepare;
Database.prototype.prepare = function measured(sql) {
  const statement = prepare.call(this, sql);
  const begins = /^BEGIN IMMEDIATE/.test(sql);
  const ends = /^(COMMIT|ROLLBACK$)/.test(sql);
  for (const verb of ["run", "get", "all"]) {
    const plain = statement[verb];
    statement[verb] = (...values) => {
      const began = performance.now();
      try {
        return plain.apply(statement, values);
      } finally {
        const now = performance.now();
        if (process.env.MEASURE_SQL) tally(sql, now - began);
        if (begins) lockedAt = now;
        if (ends && lockedAt > 0) {
          locks.count += 1;
          locks.workMs = Math.max(locks.workMs, began - lockedAt);
          locks.totalMs += now - lockedAt;
          locks.longestMs = Math.max(locks.longestMs, now - lockedAt);
          lockedAt = 0;
        }
      }
    };
  }
  return statement;
};

function tally(sql, ms) {
  const known = calls.get(sql) ?? { calls: 0, ms: 0 };
  calls.set(sql, { calls: known.calls + 1, ms: known.ms + ms });
}

process.on("exit", () => {
  const peakKib = Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? 0);
  const statements = [...calls].map(([sql, each]) => ({ ...each, sql: sql.replace(/\s+/g, " ").trim() }));
  statements.sort((a, b) => b.ms - a.ms);
  const cpu = process.cpuUsage();
  const measured = {
    peakMib: Math.round(peakKib / 1024),
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    loopLongestMs: Math.round(loop.longestMs),
    lockLongestMs: Math.round(locks.longestMs),
    lockWorkMs: Math.round(locks.workMs),
    lockTotalMs: Math.round(locks.totalMs),
    transactions: locks.count,
    statements: statements.slice(0, 25),
  };
  writeFileSync(process.env.MEASURE_TO, JSON.stringify(measured));
});
