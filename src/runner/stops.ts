/**
 * Ways in which work stops that are no outcome of an operation. Drivers catch them and put their submissions back; none of
 * them uses up a try.
 */
import type { Hold } from "../domain/hold.ts";
import type { DrainReport } from "./runner.ts";

/** The run is ending: nothing new is begun. */
export class Halted extends Error {
  readonly reason: DrainReport["stopped"];
  constructor(reason: DrainReport["stopped"]) {
    super(`the run is ending: ${reason}`);
    this.name = "Halted";
    this.reason = reason;
  }
}

/** A lesser hold keeps this work back; other work goes on. */
export class Held extends Error {
  readonly hold: Hold;
  /** When to try again. UTC ms. */
  readonly dueAtMs: number;
  constructor(hold: Hold, dueAtMs: number) {
    super(hold.message);
    this.name = "Held";
    this.hold = hold;
    this.dueAtMs = dueAtMs;
  }
}

/** Another process has the claim now: what it does not know of is lost to us, nothing may be written any more. */
export class Fenced extends Error {
  constructor() {
    super("the lease on this submission was taken over");
    this.name = "Fenced";
  }
}

/** Another claim has the same CRM person, organization or deal in hand: wait for it. */
export class Busy extends Error {
  /** Kept by a write that is uncertain, so it takes until the next look; else a live claim has it, for seconds. */
  readonly kept: boolean;
  constructor(what: string, kept: boolean) {
    super(kept ? `an uncertain write keeps ${what} taken` : `another submission has ${what} in hand`);
    this.name = "Busy";
    this.kept = kept;
  }
}
