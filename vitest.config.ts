import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Every byte that the suite writes is searched for the token of its test worlds.
    globalSetup: ["test/support/canary-suite.ts"],
    setupFiles: ["test/support/canary-watch.ts"],
  },
});
