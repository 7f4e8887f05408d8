import type { Hold } from "../domain/hold.ts";
import { utcTime } from "../report/human.ts";
import type { HoldDocument } from "../report/sync-summary.ts";

/** A hold as `--json` shows it. */
export function holdDocument(hold: Hold): HoldDocument {
  return { kind: hold.kind, scope: hold.scope, until: utcTime(hold.untilMs), message: hold.message };
}
