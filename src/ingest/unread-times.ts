/** The guard against sending history whose times can't be read. */
import { CrmledgerError } from "../domain/errors.ts";
import type { SourceSettings } from "../domain/settings.ts";
import type { Mapped } from "../intake/mapping.ts";

export interface TimeCheck {
  /** Told of each record of the file. */
  see(mapped: Mapped, line: number | null): void;
  /** The refusal of the file; null where its times tell what is history. */
  refusal(shown: string): CrmledgerError | null;
}

/**
 * Where a source has a `sendFrom`, a file is suspicious in which over half of what would be sent should have a time and has
 * none: an absent or unreadable one counts as now, and last year's export would go to the CRM.
 */
export function checkTimes(source: SourceSettings): TimeCheck {
  const { sendFromMs } = source;
  let sent = 0;
  let timeless = 0;
  let first: number | null = null;
  return {
    see: (mapped, line) => {
      if (sendFromMs === null || mapped.type !== "submission") return;
      if (mapped.submittedAtMs !== null && mapped.submittedAtMs < sendFromMs) return;
      sent += 1;
      if (mapped.submittedAtMs !== null || !isTimeMeant(source, mapped)) return;
      timeless += 1;
      first ??= line;
    },
    refusal: (shown) => {
      if (timeless * 2 <= sent) return null;
      const which = `${timeless} of the ${sent} records that would be sent have no time that can be read`;
      const where = first === null ? "" : ` (first in line ${first})`;
      return new CrmledgerError(
        "inputUnreadable",
        `${shown}: ${which}${where}, so nobody can tell which are older than the sendFrom of ${source.name}`,
        {
          hint: `Nothing of it was taken. Mend \`submittedAt\` in the map, with $time where the file writes times in its own way; \`crmledger check-source FILE --source ${source.name}\` shows what it reads. \`crmledger import --as-new\` would send all of them.`,
        },
      );
    },
  };
}

/** A map without a line for the time has no history, as its owner wants it. */
function isTimeMeant({ map }: SourceSettings, { content }: Mapped & { type: "submission" }): boolean {
  const isBad = content.badValues?.some(({ path }) => path === "submittedAt") === true;
  return isBad || (map !== null && Object.hasOwn(map, "submittedAt"));
}
