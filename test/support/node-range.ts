/** Whether a range of npm's `engines` field admits a version. Knows what ranges use: comparators, `^`, `~`, `x`, `-`, `||`. */
type Version = [number, number, number];

export function admits(range: string, version: string): boolean {
  const wanted = parts(version);
  return range.split("||").some((part) => part.trim() === "" || comparators(part.trim()).every((test) => test(wanted)));
}

function comparators(part: string): ((version: Version) => boolean)[] {
  const span = /^(\S+)\s+-\s+(\S+)$/.exec(part);
  if (span) return [...comparators(`>=${span[1]}`), ...comparators(`<=${span[2]}`)];
  const tokens = part.replace(/(>=|<=|>|<|=|\^|~)\s+/g, "$1").split(/\s+/);
  return tokens.map(comparator);
}

function comparator(token: string): (version: Version) => boolean {
  const match = /^(>=|<=|>|<|=|\^|~)?v?(.*)$/.exec(token);
  const operator = match?.[1] ?? "";
  const text = match?.[2] ?? "";
  if (text === "" || /^[x*]$/i.test(text)) return () => true;
  const known = text.split(".").filter((part) => !/^[x*]$/i.test(part)).length;
  const low = parts(text);
  const high = next(low, operator === "^" ? (low[0] > 0 ? 1 : 2) : operator === "~" ? Math.min(known, 2) : known);
  if (operator === ">=") return (version) => compare(version, low) >= 0;
  if (operator === "<") return (version) => compare(version, low) < 0;
  if (operator === ">") return (version) => compare(version, known === 3 ? low : high) > (known === 3 ? 0 : -1);
  if (operator === "<=") return (version) => (known === 3 ? compare(version, low) <= 0 : compare(version, high) < 0);
  return (version) => compare(version, low) >= 0 && compare(version, high) < 0;
}

function parts(text: string): Version {
  const [major = 0, minor = 0, patch = 0] = text.split(/[.-]/).map((part) => Number.parseInt(part, 10) || 0);
  return [major, minor, patch];
}

/** The first version beyond those that share the first `count` parts. */
function next([major, minor, patch]: Version, count: number): Version {
  if (count <= 1) return [major + 1, 0, 0];
  return count === 2 ? [major, minor + 1, 0] : [major, minor, patch + 1];
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}
