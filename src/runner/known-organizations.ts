import type { Clock } from "../domain/clock.ts";
import type { IdentityKey } from "../domain/identity.ts";
import type { CrmRecord } from "../domain/operation.ts";
import type { Answer } from "../mirror/mirror.ts";

/** So long one that was read or written a moment ago serves others that name it: a batch's look-up serves as long. */
const SERVES_MS = 60_000;
/** Names kept; the oldest go. */
const NAMES_MAX = 1_000;

interface Known {
  answer: Answer;
  atMs: number;
}

/**
 * Organizations by the key of their name, as this run saw them last. What a look-up ahead found or missed is taken once,
 * however old; what was found, made or changed a moment ago serves everybody who names it, so that it costs no read each.
 */
export class KnownOrganizations {
  readonly #ahead = new Map<IdentityKey, Known>();
  readonly #recent = new Map<IdentityKey, Known>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether a look-up ahead would be for nothing. */
  has(key: IdentityKey): boolean {
    return this.#ahead.has(key) || this.#servedBy(key) !== null;
  }

  /** From a look-up for many. */
  ahead(key: IdentityKey, answer: Answer): void {
    this.#ahead.set(key, { answer, atMs: this.#clock.monoMs() });
  }

  /** `exact`: what it holds decides what is written, so nothing but a look-up for it alone will do. */
  take(key: IdentityKey, exact: boolean): Answer | null {
    const ahead = this.#ahead.get(key);
    this.#ahead.delete(key);
    if (ahead !== undefined && ahead.answer.candidates.length > 0) this.#keep(key, ahead);
    return (exact ? null : this.#servedBy(key)) ?? ahead?.answer ?? null;
  }

  /** Read or written just now. */
  seen(key: IdentityKey, answer: Answer): void {
    if (answer.candidates.length > 0) this.#keep(key, { answer, atMs: this.#clock.monoMs() });
  }

  written(key: IdentityKey, record: CrmRecord): void {
    this.seen(key, { candidates: [record], explanation: "Written by this run a moment ago.", via: "mirror" });
  }

  forget(key: IdentityKey): void {
    this.#ahead.delete(key);
    this.#recent.delete(key);
  }

  #servedBy(key: IdentityKey): Answer | null {
    const known = this.#recent.get(key);
    return known !== undefined && this.#clock.monoMs() - known.atMs < SERVES_MS ? known.answer : null;
  }

  #keep(key: IdentityKey, known: Known): void {
    const before = this.#recent.get(key);
    if (before !== undefined && before.atMs > known.atMs) return;
    this.#recent.delete(key);
    this.#recent.set(key, known);
    const [oldest] = this.#recent.keys();
    if (this.#recent.size > NAMES_MAX && oldest !== undefined) this.#recent.delete(oldest);
  }
}
