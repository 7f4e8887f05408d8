import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
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
