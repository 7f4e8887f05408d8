/** `npm run safeties` switches safeties off by changing source; here only that it still can, and says what it guards. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT, readText } from "../support/house-source.ts";
import { isDocumented, mutated } from "../support/mutation.ts";
import { MUTATIONS } from "../support/mutations.ts";

describe("each safety that can be switched off", () => {
  test("is still where it was: every change fits exactly once", () => {
    const misfits = MUTATIONS.flatMap((mutation) => {
      try {
        return mutated(mutation, readText(`src/${mutation.file}`)) === readText(`src/${mutation.file}`)
          ? [`"${mutation.name}" changes nothing`]
          : [];
      } catch (error) {
        return [(error as Error).message];
      }
    });
    expect(misfits).toEqual([]);
  });

  test("is promised in docs/architecture.md", () => {
    expect(MUTATIONS.filter(({ guards }) => !isDocumented(guards)).map(({ guards }) => guards)).toEqual([]);
  });

  test("has a name of its own and a test that fails without it", () => {
    expect(new Set(MUTATIONS.map(({ name }) => name)).size).toBe(MUTATIONS.length);
    const files = MUTATIONS.flatMap(({ killedBy }) => killedBy.map(([file]) => file));
    expect(files.filter((file) => !existsSync(join(ROOT, "test", file)))).toEqual([]);
    expect(MUTATIONS.filter(({ killedBy }) => killedBy.length === 0)).toEqual([]);
  });
});
