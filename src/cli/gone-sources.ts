import { counted } from "../report/human.ts";
import type { Shop } from "./compose.ts";

/** The oldest of what waits; of more than these a source may go unnamed. */
const CONTENTS_MAX = 2_000;

export interface GoneSource {
  message: string;
  fix: string;
}

/**
 * What waits of sources that the config does not name: renamed or taken out in the meantime. It goes out all the same, but
 * by the general settings, and no map can mend it. One for each source.
 */
export async function goneSources({ ledger, config }: Pick<Shop, "ledger" | "config">): Promise<GoneSource[]> {
  const open = async (source: string | null): Promise<number> => {
    const { pending, waiting, uncertain } = await ledger.queue({ source });
    return pending + waiting + uncertain;
  };
  let unnamed = await open(null);
  for (const source of Object.keys(config.sources)) if (unnamed > 0) unnamed -= await open(source);
  if (unnamed <= 0) return [];
  const rows = await ledger.openContents(CONTENTS_MAX);
  const names = new Set(rows.map(({ source }) => source).filter((source) => !Object.hasOwn(config.sources, source)));
  return await Promise.all(
    [...names].map(async (name) => {
      const count = await open(name);
      const go =
        count === 1 ? "1 submission of it waits, and goes" : `${counted(count, "submission")} of it wait, and go`;
      return {
        message: `source ${name} is not in the config any more: ${go} out by the general settings, without quiet hours, and no map mends what is on hold`,
        fix: `Name sources.${name} again, without a spool, until nothing of it waits.`,
      };
    }),
  );
}
