/** The hand that ends, kills and stops processes by chance. */
import { setTimeout as wait } from "node:timers/promises";
import type { Crew, Member } from "./chaos-crew.ts";

const PAUSE_MS = { least: 50, most: 700 };
/** Shorter than a statement waits for a lock; one stands still at a time. */
const STOP_MS = { least: 100, most: 2_500 };
/** How long a statement waits for a lock, and time to say so. */
const BUSY_MS = 10_000;

export async function signalAtRandom(
  crew: Crew,
  random: () => number,
  sent: Record<string, number>,
  over: AbortSignal,
): Promise<void> {
  const send = (member: Member, signal: NodeJS.Signals): void => {
    member.told.add(signal);
    if (member.process.kill(signal)) sent[signal] = (sent[signal] ?? 0) + 1;
  };
  const between = ({ least, most }: { least: number; most: number }) => least + random() * (most - least);
  const pause = (ms: number) => wait(ms, undefined, { signal: over }).catch(() => undefined);
  while (!over.aborted) {
    await pause(between(PAUSE_MS));
    const alive = [...crew.members].filter(
      ({ process: child }) => child.exitCode === null && child.signalCode === null,
    );
    const member = alive[Math.floor(random() * alive.length)];
    if (member === undefined || over.aborted) continue;
    const die = random();
    if (die < 0.4) send(member, "SIGKILL");
    else if (die < 0.75) {
      crew.lockedUntilMs = performance.now() + STOP_MS.most + BUSY_MS;
      send(member, "SIGSTOP");
      await pause(between(STOP_MS));
      send(member, "SIGCONT");
    } else {
      send(member, "SIGTERM");
      if (random() > 0.3) continue;
      await pause(between(PAUSE_MS) / 2);
      send(member, "SIGTERM");
    }
  }
}
