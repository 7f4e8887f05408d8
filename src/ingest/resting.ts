/**
 * A url-encoded post does not tell whether it is whole: every beginning of one is one too. So a form is taken only if nobody
 * has written to it for a moment. A writer that pauses for longer than that must rename.
 */
import type { Clock } from "../domain/clock.ts";
import type { SpoolFile } from "./listing.ts";
import type { OpenedFile } from "./open.ts";

const REST_MS = 2_000;

/** Lets the youngest form of a listing come of age: one wait for all of them, none where all are older. */
export async function letFormsRest(clock: Clock, listed: readonly SpoolFile[], signal?: AbortSignal): Promise<void> {
  const nowMs = clock.wallMs();
  const ages = listed.flatMap(({ format, modifiedAtMs }) => (format === "form" ? [nowMs - modifiedAtMs] : []));
  const youngest = Math.min(...ages);
  // One from the future is of a clock that is off: it may be as young as can be.
  if (youngest < REST_MS) await clock.sleep(REST_MS - Math.max(0, youngest), signal);
}

/** Whether a form is not as it was listed: somebody is writing to it. */
export function isStillWritten(listed: SpoolFile, opened: OpenedFile): boolean {
  if (listed.format !== "form") return false;
  return opened.size !== listed.size || opened.modifiedAtMs !== Math.floor(listed.modifiedAtMs);
}
