/** Amounts for the texts of alerts. */

export function counted(value: number, one: string, many = `${one}s`): string {
  return `${value.toLocaleString("en-US")} ${value === 1 ? one : many}`;
}

export const percent = (part: number): string => `${Math.round(part * 100)} %`;

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
] as const;

/** Its two largest units: `1h 5m`; below a second `0s`. */
export function span(ms: number): string {
  const first = UNITS.findIndex(([, size]) => ms >= size);
  if (first === -1) return "0s";
  const [unit, size] = UNITS[first]!;
  const [nextUnit, nextSize] = UNITS[first + 1] ?? ["s", 1_000];
  const rest = Math.floor((ms % size) / nextSize);
  return `${Math.floor(ms / size)}${unit}${rest > 0 && size > 1_000 ? ` ${rest}${nextUnit}` : ""}`;
}
