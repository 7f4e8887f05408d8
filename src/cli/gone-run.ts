import { hostname } from "node:os";
import type { RunRow } from "../ledger/rows.ts";

/** Whether the process of a run is no longer there. Of another host's nothing is known. */
export function isGone(run: Pick<RunRow, "host" | "pid">): boolean {
  if (run.host !== hostname() || run.pid === process.pid) return false;
  try {
    process.kill(run.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}
