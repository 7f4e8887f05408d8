import { nearest } from "../config/problem.ts";
import type { FailedFilter, FailedRow } from "../ledger/rows.ts";
import { count, counted } from "../report/human.ts";
import type { Invocation } from "./command.ts";
import type { Shop } from "./compose.ts";

const NAMES_SHOWN = 10;

/**
 * Says on standard error why `retry-failed` puts back less than was named: IDs that have not failed, or a filter that nothing
 * of what has failed meets. It is no wrong usage: a retry that is asked for twice finds nothing the second time.
 */
export async function tellNotChosen(
  { ledger, config }: Pick<Shop, "ledger" | "config">,
  { args, talk }: Invocation,
  filter: FailedFilter,
  rows: readonly FailedRow[],
): Promise<void> {
  const { ids = [], cause, source } = filter;
  if (rows.length > 0 && rows.length >= new Set(ids).size) return;
  if (ids.length > 0) {
    const failed = new Set((await ledger.failed({ ids })).map(({ id }) => id));
    const others = args.filter((_, index) => !failed.has(ids[index]!));
    if (others.length > 0) return talk.warn(notFailed(others));
  }
  if (rows.length > 0) return;
  const all = await ledger.failed({});
  if (all.length === 0) return talk.warn("nothing was put back: nothing has failed");
  const names = Object.keys(config.sources);
  const isKnown = source === undefined || names.includes(source) || all.some((row) => row.source === source);
  if (!isKnown) {
    const near = nearest(source, names);
    const hint = near === null ? `Sources: ${names.join(", ")}.` : `Did you mean ${near}?`;
    return talk.warn(`nothing was put back: there is no source ${JSON.stringify(source)}. ${hint}`);
  }
  const why =
    cause !== undefined && (await ledger.failed({ cause })).length === 0
      ? `nothing has failed with the cause ${JSON.stringify(cause)}`
      : `none of the ${counted(all.length, "failed submission")} is what was asked for`;
  talk.warn(`nothing was put back: ${why}. See: crmledger failed`);
}

function notFailed(names: readonly string[]): string {
  const [first] = names;
  const more = names.length > NAMES_SHOWN ? ` and ${count(names.length - NAMES_SHOWN)} more` : "";
  const have = names.length === 1 ? "has" : "have";
  const list = `${names.slice(0, NAMES_SHOWN).join(", ")}${more}`;
  return `${list} ${have} not failed: nothing to put back there. See: crmledger show ${first}`;
}
