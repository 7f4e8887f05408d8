import type { Drift } from "../ledger/members.ts";
import { shownName } from "./warnings.ts";

/** One drift in a line: the member, an example's key and counts, no values. */
export function driftText(drift: Omit<Drift, "foundAtMs"> & { source: string }): string {
  const path = shownName(drift.path);
  const { source, count, since, before, after, mapped, lastKey } = drift;
  const example = lastKey === null ? "" : `, e.g. ${source}/${lastKey}`;
  const reader = mapped ? "; the map reads it" : "";
  switch (drift.drift) {
    case "vanished":
      return `source ${source}: ${path} was in nearly all records (${count}${example}) and is missing or empty in the last ${since}${reader}`;
    case "retyped":
      return `source ${source}: ${path} was ${before} and is ${after} in the last ${count} records that have it${example.replace(", e.g.", ", such as")}${reader}`;
    case "added":
      return `source ${source}: ${path} is new (${count} records${example}) and no line of the map reads it`;
    case "tooMany":
      return `source ${source}: its records have more different members than are watched; changes of their shape are not told`;
  }
}
