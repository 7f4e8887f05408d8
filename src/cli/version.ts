import { createRequire } from "node:module";

export function readVersion(): string {
  // The same path from src/cli and from dist/cli.
  return (createRequire(import.meta.url)("../../package.json") as { version: string }).version;
}
