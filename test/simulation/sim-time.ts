/**
 * The one true time of a simulated world, and the clocks that people and machines read off it. Nothing waits for real: when
 * nothing can run any more, time jumps to the next sleeper. The same sleeps give the same order, every time.
 */

interface Sleeper {
  at: number;
  no: number;
  wake: () => void;
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Turns of the event loop at one instant of virtual time: more is an endless loop, and must fail instead of hang. */
const TURNS_MAX = 200_000;

export class SimTime {
  #nowMs = 0;
  #no = 0;
  readonly #heap: Sleeper[] = [];

  /** Milliseconds since the world began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((wake) => {
      this.#no += 1;
      this.#push({ at: this.#nowMs + Math.max(0, ms), no: this.#no, wake });
    });
  }

  /** Lets time pass until `work` settles. Throws where nothing sleeps and it still has not. */
  async drive<T>(work: Promise<T>): Promise<T> {
    let settled = false;
    const mark = (): void => {
      settled = true;
    };
    work.then(mark, mark);
    for (;;) {
      await quiet();
      if (settled) return await work;
      const next = this.#pop();
      if (next === null) throw new Error("Nothing sleeps any more, and what was waited for has not come to its end.");
      this.#nowMs = Math.max(this.#nowMs, next.at);
      next.wake();
    }
  }

  #push(sleeper: Sleeper): void {
    const heap = this.#heap;
    let at = heap.push(sleeper) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(sleeper, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = sleeper;
  }

  #pop(): Sleeper | null {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined) return null;
    if (heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

const before = (a: Sleeper, b: Sleeper): boolean => a.at < b.at || (a.at === b.at && a.no < b.no);

/** Until nothing of ours can run without time passing: no callback of `setImmediate` waits any more. */
async function quiet(): Promise<void> {
  for (let turns = 0; turns < TURNS_MAX; turns += 1) {
    await turn();
    if (!process.getActiveResourcesInfo().includes("Immediate")) return;
  }
  throw new Error("Something runs on and on without time passing.");
}

/** How long a boot's monotonic clock had run when the world began: not 0, so that a mix-up with other times shows. */
const UP_SINCE_MS = 5_000;

/** The machine that the ledger lies on: its wall clock can be set, it can be suspended, and it can be started anew. */
export class Machine {
  readonly #time: SimTime;
  readonly #startMs: number;
  #shiftMs = 0;
  #bootedAtMs = -UP_SINCE_MS;
  #boots = 1;
  /** Time that the monotonic clock of this boot has not seen. */
  #sleptMs = 0;
  #suspendedAtMs: number | null = null;
  /** Nothing runs on it before this instant of true time. */
  stillUntilMs = 0;

  constructor(time: SimTime, startMs: number) {
    this.#time = time;
    this.#startMs = startMs;
  }

  get bootId(): string {
    return `boot-${this.#boots}`;
  }

  wallMs(): number {
    return Math.floor(this.#startMs + this.#time.nowMs + this.#shiftMs);
  }

  /** It stands still while the machine is suspended, as Linux's does. */
  monoMs(): number {
    const now = this.#suspendedAtMs === null ? this.#time.nowMs : Math.min(this.#time.nowMs, this.#suspendedAtMs);
    return now - this.#bootedAtMs - this.#sleptMs;
  }

  /** By how much the wall clock is off. */
  get setMs(): number {
    return this.#shiftMs;
  }

  setWall(byMs: number): void {
    this.#shiftMs += byMs;
  }

  /** Whoever ran on it is gone; nothing runs before `downMs` are over. */
  reboot(downMs: number): void {
    this.#boots += 1;
    this.#bootedAtMs = this.#time.nowMs;
    this.#sleptMs = 0;
    this.#suspendedAtMs = null;
    this.stillUntilMs = this.#time.nowMs + downMs;
  }

  /** To be called while it is awake; wakes by itself. */
  async suspend(ms: number): Promise<void> {
    const boot = this.#boots;
    this.#suspendedAtMs = this.#time.nowMs;
    this.stillUntilMs = this.#time.nowMs + ms;
    await this.#time.sleep(ms);
    if (boot !== this.#boots) return;
    this.#sleptMs += ms;
    this.#suspendedAtMs = null;
  }
}
