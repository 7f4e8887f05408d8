/** Cells beyond a CSV's header are called `#5` and so on by their place; columns of a header may well be called `#1`. */
const EXTRA = /^#\d+$/;

/** Why a kept row is still to be mended: its cells may stand in the wrong columns. Null where none is beyond the header. */
export function extraCellsFault(record: unknown): string | null {
  if (record === null || typeof record !== "object" || Object.hasOwn(record, "#1")) return null;
  const extra = Object.entries(record).filter(
    ([name, cell]) => EXTRA.test(name) && typeof cell === "string" && cell.trim() !== "",
  );
  if (extra.length === 0) return null;
  const names = extra.map(([name]) => name).join(", ");
  return `it has cells beyond the header (${names}): put them where they belong, or empty them`;
}
