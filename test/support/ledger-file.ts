/** A watched rig on a ledger file that can be copied, put back and lost, as it happens to people's machines. */
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { type RigOptions, START_MS } from "./drain-rig.ts";
import { createVirtualClock } from "./virtual-clock.ts";
import { type WatchedRig, watchedRig } from "./watched-rig.ts";

export interface FileRig extends WatchedRig {
  /** Path of the ledger in use. */
  file: string;
  /** Takes a copy of the ledger; gives its path. */
  copy(): Promise<string>;
  /** Goes on with another ledger, in another folder: with a copy that was taken, or with a new one. */
  goOnWith(copy: string | null): Promise<void>;
  /** Puts a copy in the place of the ledger; the run counter beside it stays. */
  putBack(copy: string): Promise<void>;
  close(): Promise<void>;
}

export async function fileRig(options: Omit<RigOptions, "ledger"> = {}): Promise<FileRig> {
  const folder = mkdtempSync(join(tmpdir(), "crmledger-check-"));
  const clock = options.clock ?? createVirtualClock(START_MS);
  const open = (path: string): Promise<Ledger> => openSqliteLedger({ path, create: true, nowMs: clock.wallMs() });
  let file = join(folder, "ledger.db");
  let current = await open(file);
  let serial = 0;
  const ledger = new Proxy({} as Ledger, {
    get: (_target, name) => {
      const verb: unknown = Reflect.get(current, name);
      return typeof verb === "function" ? verb.bind(current) : verb;
    },
  });
  const rig = await watchedRig({ ...options, clock, ledger });
  const next = (): string => {
    serial += 1;
    return join(folder, `ledger-${serial}.db`);
  };
  return Object.defineProperties(
    Object.assign(rig, {
      file,
      async copy() {
        const path = next();
        await current.close();
        copyFileSync(file, path);
        current = await open(file);
        return path;
      },
      async goOnWith(copy: string | null) {
        await current.close();
        const path = next();
        if (copy !== null) copyFileSync(copy, path);
        file = path;
        current = await open(path);
      },
      async putBack(copy: string) {
        await current.close();
        copyFileSync(copy, file);
        current = await open(file);
      },
      async close() {
        await current.close();
        rmSync(folder, { recursive: true, force: true });
      },
    }),
    { file: { get: () => file } },
  );
}
