/** A process of a simulated world: it can die between any two effects, stand still, and be ended with its machine. */
import type { Clock } from "../../src/domain/clock.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { Died } from "../support/mortal-run.ts";
import type { Machine, SimTime } from "./sim-time.ts";

/** What becomes of a process at an instant: it dies, stands still for so many ms, or goes on. */
export type Turn = "die" | number | null;

export interface ProcessDeps {
  name: string;
  time: SimTime;
  machine: Machine;
  fate: (instant: string) => Turn;
  /** Told of a death (`ms` null) or of a standstill. */
  told: (instant: string, ms: number | null) => void;
}

const never = (): Promise<never> => new Promise(() => {});

export class SimProcess {
  readonly name: string;
  readonly clock: Clock;
  /** Resolves when it died. */
  readonly gone: Promise<void>;
  dead = false;
  stillUntilMs = 0;
  readonly #deps: ProcessDeps;
  #go: () => void = () => {};

  constructor(deps: ProcessDeps) {
    this.#deps = deps;
    this.name = deps.name;
    this.gone = new Promise((resolve) => {
      this.#go = resolve;
    });
    const { machine } = deps;
    this.clock = {
      wallMs: () => machine.wallMs(),
      monoMs: () => machine.monoMs(),
      get bootId() {
        return machine.bootId;
      },
      sleep: (ms, signal) => this.#sleep(ms, signal),
    };
  }

  die(at: string): void {
    if (this.dead) return;
    this.dead = true;
    this.#deps.told(at, null);
    this.#go();
  }

  standStill(ms: number, at: string): void {
    if (this.dead) return;
    this.stillUntilMs = Math.max(this.stillUntilMs, this.#deps.time.nowMs + ms);
    this.#deps.told(at, ms);
  }

  /** Comes back when the process runs; never, once it is dead: nothing of it happens any more. */
  async gate(): Promise<void> {
    const { time, machine } = this.#deps;
    for (;;) {
      if (this.dead) return await never();
      const untilMs = Math.max(this.stillUntilMs, machine.stillUntilMs);
      if (untilMs <= time.nowMs) return;
      await time.sleep(untilMs - time.nowMs);
    }
  }

  /** A named instant at which nothing can be awaited. */
  readonly failpoint = (instant: string): void => {
    this.#pass(instant);
    if (this.dead) throw new Died(instant);
  };

  /**
   * Every verb asks before (`claim<`) and after (`claim>`) whether the process dies or stands still there. `done` is told of what a
   * verb did, even if the process does not live to hear it.
   */
  mortal(ledger: Ledger, done: (verb: string, result: unknown) => void = () => {}): Ledger {
    return new Proxy(ledger, {
      get: (target, name) => {
        const verb: unknown = Reflect.get(target, name);
        if (typeof verb !== "function") return verb;
        return async (...args: unknown[]): Promise<unknown> => {
          this.#pass(`${String(name)}<`);
          await this.gate();
          const result: unknown = await Reflect.apply(verb, target, args);
          done(String(name), result);
          this.#pass(`${String(name)}>`);
          await this.gate();
          return result;
        };
      },
    });
  }

  #pass(instant: string): void {
    if (this.dead) return;
    const turn = this.#deps.fate(instant);
    if (turn === "die") this.die(instant);
    else if (turn !== null) this.standStill(turn, instant);
  }

  #sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    const { time, machine } = this.#deps;
    return new Promise((resolve) => {
      let over = false;
      const abort = (): void => void this.gate().then(end);
      const end = (): void => {
        over = true;
        signal?.removeEventListener("abort", abort);
        resolve();
      };
      signal?.addEventListener("abort", abort, { once: true });
      const untilMs = machine.monoMs() + Math.max(0, ms);
      const wait = async (): Promise<void> => {
        for (let leftMs = ms; ; leftMs = untilMs - machine.monoMs()) {
          await time.sleep(leftMs);
          if (over) return;
          await this.gate();
          if (over) return;
          if (machine.monoMs() >= untilMs) break;
        }
        end();
      };
      void wait();
    });
  }
}
