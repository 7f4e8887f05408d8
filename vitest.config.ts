import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { runSeed } from "./test/support/run-seed.ts";

const isCi = Boolean(process.env.CI);
const seed = runSeed(isCi);
const IMPORT = 'import fc from "fast-check";';

export default defineConfig({
  plugins: [
    {
      // Properties of a commit meet the same cases wherever CI runs.
      name: "seeded-fast-check",
      enforce: "pre",
      transform: (code, id) =>
        isCi && code.includes(IMPORT) && id.endsWith(".ts")
          ? code.replace(IMPORT, `${IMPORT} fc.configureGlobal({ seed: ${seed} });`)
          : null,
    },
  ],
  test: {
    env: { SUITE_SEED: String(seed) },
    include: ["test/**/*.test.ts"],
    // They end hangs, and nothing else: what takes a second here took ten on a machine with other work.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    teardownTimeout: 60_000,
    // Left alone it takes one less than there are cores, which of two leaves one idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Every byte that the suite writes is searched for the token of its test worlds.
    globalSetup: ["test/support/canary-suite.ts"],
    setupFiles: ["test/support/canary-watch.ts"],
  },
});
