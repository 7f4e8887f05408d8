import type { Clock } from "../domain/clock.ts";
import type { Operation, Outcome } from "../domain/operation.ts";
import type { Read } from "./mirror.ts";

type Applied = Extract<Outcome, { type: "applied" }>;
type Gone = { type: "gone" };

/** The CRM gave no usable answer to a read. Nothing was changed there: the submissions behind it wait and try again. */
export class LookupFailed extends Error {
  /** `refused` codes are the adapter's, else `deferred` reason or the code of the lost answer. */
  readonly code: string;
  readonly outcome: Exclude<Outcome, Applied>;
  readonly operation: Operation["type"];

  constructor(outcome: Exclude<Outcome, Applied>, operation: Operation) {
    super(
      `The CRM did not answer a ${operation.type} of the look-up: ${"message" in outcome ? outcome.message : outcome.type}`,
    );
    this.name = "LookupFailed";
    this.outcome = outcome;
    this.operation = operation.type;
    this.code = outcome.type === "deferred" ? outcome.reason : "code" in outcome ? outcome.code : outcome.type;
  }
}

/** A search that nobody answered, or that is not even sent while the breaker of searches is open: pages may tell the same. */
export function isSearchDown(error: unknown): boolean {
  if (error instanceof LookupFailed) return error.operation === "search" && error.outcome.type !== "refused";
  // What the runner rejects a read with for a hold: no room may know the other's class.
  const { name, hold } = error as { name?: unknown; hold?: { scope?: unknown } };
  return name === "Held" && hold?.scope === "group:search";
}

/** A lost or deferred read is sent this often in all. A refused one would be refused again, and one that a firewall blocks, blocked. */
const TRIES_MAX = 3;
const RETRY_AFTER_MAX_MS = 5000;

/** Reads until there is an answer. Throws `LookupFailed`; rejects as `read` does when the run stops. */
export async function readApplied(
  deps: { read: Read; clock: Clock },
  operation: Operation,
): Promise<{ outcome: Applied | Gone; serverTimeMs: number | null }> {
  for (let tries = 1; ; tries += 1) {
    const { outcome, serverTimeMs } = await deps.read(operation);
    if (outcome.type === "applied") return { outcome, serverTimeMs };
    // Only a single record can be gone: a list that is "not found" must not pass for an empty directory.
    if (operation.type === "read" && outcome.type === "refused" && outcome.gone === true)
      return { outcome: { type: "gone" }, serverTimeMs };
    const isBlocked = outcome.type === "deferred" && outcome.reason === "blocked";
    if (outcome.type === "refused" || isBlocked || tries >= TRIES_MAX) throw new LookupFailed(outcome, operation);
    if (outcome.type === "deferred" && outcome.retryAfterMs !== null)
      await deps.clock.sleep(Math.min(outcome.retryAfterMs, RETRY_AFTER_MAX_MS));
  }
}
