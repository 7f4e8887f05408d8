import type { Operation } from "../domain/operation.ts";
import type { Lane } from "../domain/submission.ts";
import type { Performed, Ticket } from "./ticket.ts";

/** Of twenty operations that wait in both lanes, one is background: it never starves, and nobody waits for it. */
const BACKGROUND_EVERY = 20;

/** Operations that belong together and wait for their slots. */
export interface Job {
  operations: Operation[];
  tickets: Ticket[];
  lane: Lane;
  resolve: (performed: Performed[]) => void;
  reject: (reason: unknown) => void;
}

const isFirst = (job: Job): boolean => job.tickets.some((ticket) => ticket.first);
const continues = (job: Job): boolean => job.tickets.some((ticket) => ticket.continues);

/** Jobs that wait, by lane, first come first served. Bounded by the drivers: each waits for one job at a time. */
export class Queues {
  readonly #lanes: Record<Lane, Job[]> = { operational: [], background: [] };
  readonly #first: Job[] = [];
  #picks = 0;

  get size(): number {
    return this.#first.length + this.#lanes.operational.length + this.#lanes.background.length;
  }

  /** Behind all that wait; a job that continues a begun chain goes before those that begin one. */
  push(job: Job): void {
    if (isFirst(job)) {
      this.#first.push(job);
      return;
    }
    const lane = this.#lanes[job.lane];
    const beginners = continues(job) ? lane.findIndex((other) => !continues(other)) : -1;
    if (beginners === -1) lane.push(job);
    else lane.splice(beginners, 0, job);
  }

  /** Takes jobs of at most about `max` operations, in the order in which they should leave; `onlyFirst`: none of the ordinary ones. */
  pick(max: number, onlyFirst = false): Job[] {
    const picked = max > 0 ? this.#first.splice(0) : [];
    if (onlyFirst) return picked;
    const { operational, background } = this.#lanes;
    let operations = 0;
    while (operations < max && (operational.length > 0 || background.length > 0)) {
      const turnOfBackground = background.length > 0 && this.#picks % BACKGROUND_EVERY === BACKGROUND_EVERY - 1;
      const job = (operational.length === 0 || turnOfBackground ? background : operational).shift()!;
      this.#picks += 1;
      operations += job.operations.length;
      picked.push(job);
    }
    return picked;
  }

  /** Gives back what found no slot, to the front, in its order. */
  putBack(jobs: readonly Job[]): void {
    for (const job of [...jobs].reverse()) (isFirst(job) ? this.#first : this.#lanes[job.lane]).unshift(job);
    this.#picks = Math.max(0, this.#picks - jobs.length);
  }

  rejectAll(reason: () => unknown, lane: Lane | null = null): void {
    if (lane === null) for (const job of this.#first.splice(0)) job.reject(reason());
    for (const each of lane ? [lane] : (["operational", "background"] as const)) {
      for (const job of this.#lanes[each].splice(0)) job.reject(reason());
    }
  }
}
