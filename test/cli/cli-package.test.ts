import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../..");
let files: string[];

// What is published is dist, which `npm ci` and `npm run build` make. The package is installed and used in .ci/packed.
beforeAll(() => {
  const args = ["pack", "--dry-run", "--ignore-scripts", "--json", "--loglevel=error"];
  const report = JSON.parse(
    execFileSync("npm", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }),
  );
  files = report[0].files.map(({ path }: { path: string }) => path);
}, 180_000);

describe("the package", () => {
  it("has what runs, and what a user reads", () => {
    for (const path of ["bin/crmledger.js", "dist/cli/main.js", "README.md", "CHANGELOG.md", "LICENSE"])
      expect(files).toContain(path);
  });

  it("has nothing of the workshop, and no secrets", () => {
    const strange = files.filter((path) =>
      /^(src|test|node_modules|\.ci)\/|\.(ts|db|token|env)$|crmledger\.yaml$/.test(path),
    );
    expect(strange).toEqual([]);
  });

  it("has every file that one of its files imports", () => {
    const there = new Set(files);
    const missing = files
      .filter((path) => path.endsWith(".js"))
      .flatMap((path) =>
        importsOf(readFileSync(join(root, path), "utf8"))
          .map((name) => join(dirname(path), name))
          .filter((target) => !there.has(target))
          .map((target) => `${path} imports ${target}`),
      );
    expect(missing).toEqual([]);
  });
});

/** Relative ones, static and dynamic. */
function importsOf(code: string): string[] {
  return [...code.matchAll(/^(?:import|export)\b[^"]*?["'](\.[^"']+\.js)["']|\bimport\("(\.[^"]+\.js)"\)/gm)].map(
    ([, fixed, lazy]) => (fixed ?? lazy)!,
  );
}
