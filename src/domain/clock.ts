/**
 * Time and chance, handed in everywhere, so that a whole run can be replayed on a virtual clock from one seed.
 * Nothing below `cli` reads the machine's clock or its randomness.
 */
export interface Clock {
  /** UTC wall time in whole milliseconds. It may jump; use it for what people read and for the CRM's times only. */
  wallMs(): number;
  /** Milliseconds of the boot's monotonic clock, the same for every process of this boot. Use it for durations and windows. */
  monoMs(): number;
  /** Names the boot whose monotonic clock `monoMs` reads. Monotonic times of another boot can't be compared. */
  readonly bootId: string;
  /** Resolves after `ms` milliseconds, or at once when `signal` fires. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** A source of chance. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
}

/** Full jitter: a delay anywhere in [0, min(maxMs, baseMs * 2^attempt)). `attempt` counts from 0. */
export function fullJitterMs(random: Random, baseMs: number, maxMs: number, attempt: number): number {
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30));
  return Math.floor(random.next() * ceiling);
}
