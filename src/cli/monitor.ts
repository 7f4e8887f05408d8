import { counted } from "../report/human.ts";
import { safeLine } from "../report/safe-text.ts";
import type { StatusDocument } from "../report/status-page.ts";
import type { Reply } from "./command.ts";
import { errorDocument } from "./error-document.ts";

const LEVELS = { ok: 0, warning: 1, critical: 2, unknown: 3 } as const;

/** `status --check`: one line and the monitors' exit codes. What can't be found out is unknown, never ok. */
export async function monitorReply(look: () => Promise<StatusDocument>): Promise<Reply> {
  try {
    const status = await look();
    const worst = status.alerts.reduce((level, alert) => Math.max(level, LEVELS[alert.level]), LEVELS.ok as number);
    const name = (["OK", "WARNING", "CRITICAL"] as const)[worst]!;
    const waiting = (status.queue.pending ?? 0) + (status.queue.waiting ?? 0) + (status.queue.uncertain ?? 0);
    const what = status.alerts.map((alert) => alert.message).join("; ") || `${counted(waiting, "submission")} waiting`;
    return { json: { ...status, check: name }, text: () => `${name} - ${safeLine(what)}\n`, exitCode: worst };
  } catch (error) {
    const document = errorDocument(error);
    return {
      json: { error: document, check: "UNKNOWN" },
      text: () => `UNKNOWN - ${safeLine(document.message)}\n`,
      exitCode: LEVELS.unknown,
    };
  }
}
