/** Many worlds over several processes: how often each kind of trouble really came, and the seeds that broke something. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Tale } from "./simulate.ts";

export interface ManyOptions {
  from: number;
  seeds: number;
  workers: number;
  lateMaxMs: number;
  say: (line: string) => void;
}

/** One seed's end, without its story. */
export type Ending = Omit<Tale, "story">;

export interface ManyFindings {
  broken: Ending[];
  page: string;
}

const SHARE = 25;
const SAY_EVERY = 500;

/** A worker that ends before its time is a finding too: of the share it had. */
export async function simulateMany({ from, seeds, workers, lateMaxMs, say }: ManyOptions): Promise<ManyFindings> {
  const began = performance.now();
  const counts: Record<string, number> = {};
  const broken: Ending[] = [];
  let next = from;
  let ended = 0;
  const until = from + seeds;
  const take = (ending: Ending): void => {
    ended += 1;
    for (const [what, times] of Object.entries(ending.counts)) counts[what] = (counts[what] ?? 0) + times;
    if (ending.broken.length > 0) {
      broken.push(ending);
      say(`seed ${ending.seed}: ${ending.broken.slice(0, 3).join("; ").slice(0, 600)}`);
    }
    if (ended % SAY_EVERY === 0)
      say(`${ended} of ${seeds} seeds, ${rate(ended, began)} a minute, ${broken.length} broken`);
  };
  const one = (): Promise<void> =>
    new Promise((resolve) => {
      const child = fork(fileURLToPath(new URL("simulate-child.ts", import.meta.url)), [String(lateMaxMs)], {
        execArgv: ["--import", "tsx"],
      });
      const more = (): void => {
        const share = { from: next, to: Math.min(until, next + SHARE) };
        next = share.to;
        if (share.from < share.to) child.send(share);
        else child.disconnect();
      };
      child.on("message", (message: Ending | "more") => (message === "more" ? more() : take(message)));
      child.once("exit", (code) => {
        if (code !== 0) broken.push({ seed: 0, hash: "", broken: [`a worker left with ${code}`], counts: {} });
        resolve();
      });
      more();
    });
  await Promise.all(Array.from({ length: workers }, one));
  return { broken, page: pageOf(counts, broken, ended, began) };
}

const rate = (ended: number, began: number): number => Math.round((ended / (performance.now() - began)) * 60_000);

function pageOf(counts: Record<string, number>, broken: readonly Ending[], ended: number, began: number): string {
  const seconds = Math.round((performance.now() - began) / 1000);
  const names = Object.keys(counts).sort();
  return [
    ...names.map((name) => `${String(counts[name]).padStart(9)}  ${name}`),
    `${ended} seeds in ${seconds} s, ${rate(ended, began)} a minute: ${broken.length} broken`,
    ...broken
      .slice(0, 50)
      .map(({ seed, broken: what }) => `npm run simulate -- --seed ${seed}   # ${what[0]!.split("\n")[0]}`),
  ].join("\n");
}
