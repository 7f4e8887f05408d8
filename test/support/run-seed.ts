/** Where the chance of a run of the suite begins. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");

/**
 * In CI it comes from the sources: the same commit gets the same answer, there and wherever `CI=true npm test` asks before. Else
 * from the clock: each run looks at something new, and says from which seed.
 */
export function runSeed(isCi: boolean): number {
  if (!isCi) return Math.floor(Date.now() / 1000) % 1_000_000_000;
  const hash = createHash("sha256");
  const entries = readdirSync(join(ROOT, "src"), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.sort()) hash.update(readFileSync(file));
  return hash.digest().readUInt32BE() % 1_000_000_000;
}
