import type { Step, StepName } from "../domain/chain.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Attempt } from "../ledger/rows.ts";
import type { DemoInput } from "./demo-data.ts";
import type { DemoFolder } from "./demo-folder.ts";

/** A write that was on its way when its process died. */
export interface Doubt {
  stamp: string;
  step: StepName;
}

type StepStory = Step & { history: Attempt[] };

/** What the ledger says between two runs. */
export async function lookIntoDemoLedger(
  folder: DemoFolder,
  input: DemoInput,
  nowMs: number,
  withDoubts: boolean,
): Promise<{ done: number; open: number; doubts: Doubt[] }> {
  return await withLedgerOf(folder, nowMs, async (ledger) => {
    const queue = await ledger.queue();
    const doubts: Doubt[] = [];
    for (const { stamp } of withDoubts ? input.submissions : []) {
      for (const step of await stepsOf(ledger, stamp)) {
        if (step.state === "begun") doubts.push({ stamp, step: step.name });
      }
    }
    const open = queue.pending + queue.waiting + queue.uncertain + queue.inProgress;
    return { done: queue.done, open, doubts };
  });
}

/** What became of doubtful writes: found at the CRM, sent a second time, or not known yet. */
export async function settledDoubts(
  folder: DemoFolder,
  doubts: readonly Doubt[],
  nowMs: number,
): Promise<{ found: number; sentAgain: number; left: Doubt[] }> {
  if (doubts.length === 0) return { found: 0, sentAgain: 0, left: [] };
  return await withLedgerOf(folder, nowMs, async (ledger) => {
    const settled = { found: 0, sentAgain: 0, left: [] as Doubt[] };
    for (const doubt of doubts) {
      const step = (await stepsOf(ledger, doubt.stamp)).find(({ name }) => name === doubt.step);
      if (step?.state !== "done") settled.left.push(doubt);
      else if (writesOf(step) > 1) settled.sentAgain += 1;
      else settled.found += 1;
    }
    return settled;
  });
}

/** Over the whole hour: writes whose answer was lost, and how many of them were sent a second time. */
export async function lostAnswers(
  folder: DemoFolder,
  input: DemoInput,
  nowMs: number,
): Promise<{ total: number; sentAgain: number; failed: number }> {
  return await withLedgerOf(folder, nowMs, async (ledger) => {
    const lost = { total: 0, sentAgain: 0, failed: (await ledger.queue()).failed };
    for (const { stamp } of input.submissions) {
      for (const { history } of await stepsOf(ledger, stamp)) {
        const at = history.findIndex(({ outcome }) => outcome === "uncertain");
        if (at < 0) continue;
        lost.total += 1;
        if (history.slice(at + 1).some(isWrite)) lost.sentAgain += 1;
      }
    }
    return lost;
  });
}

/** Rejected records with their reasons, as people read them. */
export async function demoRejects(folder: DemoFolder, nowMs: number): Promise<{ where: string; reason: string }[]> {
  return await withLedgerOf(folder, nowMs, async (ledger) => {
    const { rows } = await ledger.rejects(100);
    return rows.map(({ source, origin, reason }) => {
      const line = origin.line === null ? "" : `:${origin.line}`;
      return { where: `${source}/${origin.file.split(/[/\\]/).at(-1)}${line}`, reason };
    });
  });
}

const isWrite = ({ method }: Attempt): boolean => method !== "GET";
const writesOf = ({ history }: StepStory): number => history.filter(isWrite).length;

async function stepsOf(ledger: Ledger, stamp: string): Promise<StepStory[]> {
  const [found] = await ledger.findByName(stamp, []);
  return found === undefined ? [] : ((await ledger.story(found.id))?.steps ?? []);
}

async function withLedgerOf<T>(folder: DemoFolder, nowMs: number, look: (ledger: Ledger) => Promise<T>): Promise<T> {
  const { openSqliteLedger } = await import("../ledger/sqlite/open.ts");
  const ledger = await openSqliteLedger({ path: folder.ledger, create: false, nowMs });
  try {
    return await look(ledger);
  } finally {
    await ledger.close();
  }
}
