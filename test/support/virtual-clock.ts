import type { Clock } from "../../src/domain/clock.ts";

/** Time that stands still until `run` or `advance` moves it, so that a day of quotas passes in milliseconds. */
export interface VirtualClock extends Clock {
  /**
   * Drives until `work` settles, and settles as it does: lets everything run that can, then jumps to the next sleeper.
   * Throws where nothing sleeps any more and `work` has still not settled after `stuckAfterMs` of real time.
   */
  run<T>(work: Promise<T> | (() => Promise<T>)): Promise<T>;
  /** Moves on by `ms`, waking every sleeper on the way at its own instant. */
  advance(ms: number): Promise<void>;
  /** Lets everything run that can run without time passing. */
  settle(): Promise<void>;
  /** Time does not move while `work` (real disk, real sockets) is under way. Gives back `work`. */
  hold<T>(work: Promise<T>): Promise<T>;
  /** Shifts the wall clock only, as an NTP step or a person would. */
  jumpWall(ms: number): void;
  /** A new boot: the monotonic clock starts again under another name. Only while nobody sleeps. */
  reboot(): void;
  readonly sleepers: number;
  bootId: string;
}

export interface VirtualClockOptions {
  /** Turns of the event loop without anyone touching the clock, after which nothing more is expected to run. */
  quietTurns?: number;
  stuckAfterMs?: number;
}

interface Sleeper {
  at: number;
  wake: () => void;
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Requests of the runtime whose end will run code of ours, although no timer shows it. */
const REAL_WORK = /^(FSReq|FileHandleCloseReq|GetAddrInfo)/;
const realWork = () => process.getActiveResourcesInfo().some((name) => REAL_WORK.test(name));

class Virtual implements VirtualClock {
  bootId = "boot-1";
  private readonly queue: Sleeper[] = [];
  private readonly quietTurns: number;
  private readonly stuckAfterMs: number;
  private elapsed = 0;
  private bootedAt = -5_000;
  private wallShift = 0;
  private touched = 0;
  private held = 0;
  private readonly startMs: number;

  constructor(startMs: number, options: VirtualClockOptions) {
    this.startMs = startMs;
    this.quietTurns = options.quietTurns ?? 16;
    this.stuckAfterMs = options.stuckAfterMs ?? 10_000;
  }

  get sleepers(): number {
    return this.queue.length;
  }

  wallMs(): number {
    return Math.floor(this.startMs + this.elapsed + this.wallShift);
  }

  monoMs(): number {
    return this.elapsed - this.bootedAt;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.touched++;
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        signal?.removeEventListener("abort", abort);
        this.touched++;
        resolve();
      };
      const sleeper: Sleeper = { at: this.elapsed + Math.max(0, ms), wake };
      const abort = () => {
        const index = this.queue.indexOf(sleeper);
        if (index >= 0) this.queue.splice(index, 1);
        wake();
      };
      signal?.addEventListener("abort", abort, { once: true });
      this.insert(sleeper);
    });
  }

  async run<T>(work: Promise<T> | (() => Promise<T>)): Promise<T> {
    const promise = typeof work === "function" ? work() : work;
    let settled = false;
    const mark = () => {
      settled = true;
    };
    promise.then(mark, mark);
    const isSettled = () => settled;
    let idleSince = performance.now();
    while (!settled) {
      await this.settle(isSettled);
      if (settled) break;
      if (this.wakeNext(Number.MAX_VALUE)) idleSince = performance.now();
      else if (performance.now() - idleSince > this.stuckAfterMs)
        throw new Error("Nothing sleeps on the virtual clock, and the promise it was asked to drive has not settled.");
      else await turn();
    }
    return promise;
  }

  async advance(ms: number): Promise<void> {
    const until = this.elapsed + ms;
    await this.settle();
    while (this.wakeNext(until)) await this.settle();
    this.elapsed = until;
    await this.settle();
  }

  async settle(enough: () => boolean = () => false): Promise<void> {
    let quiet = 0;
    let seen = this.touched;
    while (quiet < this.quietTurns && !enough()) {
      await turn();
      const busy = this.held > 0 || this.touched !== seen;
      quiet = busy || (quiet === this.quietTurns - 1 && realWork()) ? 0 : quiet + 1;
      seen = this.touched;
    }
  }

  async hold<T>(work: Promise<T>): Promise<T> {
    this.held++;
    try {
      return await work;
    } finally {
      this.held--;
      this.touched++;
    }
  }

  jumpWall(ms: number): void {
    this.wallShift += ms;
  }

  reboot(): void {
    if (this.queue.length > 0) throw new Error("A process that sleeps does not survive a reboot.");
    this.bootedAt = this.elapsed;
    this.bootId = `boot-${Number(this.bootId.slice(5)) + 1}`;
  }

  private wakeNext(until: number): boolean {
    const next = this.queue[0];
    if (!next || next.at > until) return false;
    this.queue.shift();
    this.elapsed = Math.max(this.elapsed, next.at);
    next.wake();
    return true;
  }

  private insert(sleeper: Sleeper): void {
    let low = 0;
    let high = this.queue.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.queue[middle]!.at <= sleeper.at) low = middle + 1;
      else high = middle;
    }
    this.queue.splice(low, 0, sleeper);
  }
}

/** `startMs` is the wall time at the start. The monotonic clock starts elsewhere, so that a mix-up shows. */
export function createVirtualClock(
  startMs: number = Date.UTC(2026, 10, 24, 8, 0, 0),
  options: VirtualClockOptions = {},
): VirtualClock {
  return new Virtual(startMs, options);
}
