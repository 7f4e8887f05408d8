/** Submissions as they come in, runs as cron starts them, and how long each took. */
import type { Simulator } from "../../../src/simulator/simulator.ts";
import { type Given, lead, type Rig, seeded } from "../../support/drain-rig.ts";

export const CRON_MS = 60_000;
/** Persons that the CRM holds already; two submissions in five are of one of them. */
export const KNOWN_PERSONS = 5_000;
const KNOWN_PART = 0.4;

export class Arrivals {
  readonly #perMs: number;
  readonly #curve: (ms: number) => number;
  readonly #random = seeded(11);
  readonly #cameAt = new Map<string, number>();
  #nextMs: number;
  #count = 0;

  /** `curve` says how much more or less than `perMs` comes at a time of the wall clock. */
  constructor(perMs: number, curve: (ms: number) => number, fromMs: number) {
    this.#perMs = perMs;
    this.#curve = curve;
    this.#nextMs = fromMs;
  }

  /** What came until then, each told once. */
  until(ms: number): Given[] {
    const given: Given[] = [];
    while (this.#nextMs <= ms) {
      given.push(this.#make(this.#nextMs));
      const rate = this.#perMs * Math.max(0.01, this.#curve(this.#nextMs));
      this.#nextMs += -Math.log(1 - this.#random.next()) / rate;
    }
    return given;
  }

  #make(atMs: number): Given {
    this.#count += 1;
    this.#cameAt.set(`Deal ${this.#count}`, atMs);
    const number = Math.floor(this.#random.next() * KNOWN_PERSONS) + 1;
    const known = this.#random.next() < KNOWN_PART;
    const person = { name: `Lead ${number}`, email: `lead${number}@example.com` };
    return { ...lead(this.#count, known ? { person } : {}), submittedAtMs: Math.round(atMs) };
  }

  /** From a submission's time to its note, in the order of the notes. */
  delays({ log }: Pick<Simulator, "log">): number[] {
    return log.flatMap(({ entity, action, body, at }) => {
      const number =
        entity === "note" && action === "create" ? /lead (\d+)/.exec(String(body.content))?.[1] : undefined;
      const cameAt = this.#cameAt.get(`Deal ${number}`);
      return cameAt === undefined ? [] : [at - cameAt];
    });
  }
}

/** Cron starts a run each `everyMs`, but while one is at work; a run without work is left out, since it sends nothing. */
export async function runOn(rig: Rig, arrivals: Arrivals, untilMs: number, everyMs: number): Promise<void> {
  const { clock, ledger } = rig;
  while (clock.wallMs() < untilMs) {
    const given = arrivals.until(clock.wallMs());
    if (given.length > 0) await rig.take(given);
    if ((await ledger.queue()).pending > 0 || (await ledger.nextDueAtMs({ source: null, lane: null })) !== null) {
      await rig.run({ durationMaxMs: 55 * 60_000 });
    }
    await clock.run(() => clock.sleep(everyMs - (clock.wallMs() % everyMs)));
  }
}
