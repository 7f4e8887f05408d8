/** Run by vitest around the whole suite: its own temporary folder, and a last search through what nobody removed. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canariesBelow } from "./canary.ts";

export default function setup(): () => void {
  // Workers and what they start inherit it: modes of files are compared in tests that are not about the umask.
  process.umask(0o022);
  // Commands that the program prints hold paths: quoted where the folder's name needs it, which tests don't expect.
  const parent = /^[\w./-]+$/.test(tmpdir()) ? tmpdir() : "/tmp";
  const root = mkdtempSync(join(parent, "crmledger-suite-"));
  // Some tests run the program as a user without rights.
  chmodSync(root, 0o755);
  process.env.TMPDIR = root;
  return () => {
    const found = canariesBelow(root);
    rmSync(root, { recursive: true, force: true });
    if (found.length > 0) throw new Error(`Canaries where they don't belong:\n${found.join("\n")}`);
  };
}
