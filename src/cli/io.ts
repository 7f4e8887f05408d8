import { homedir } from "node:os";
import type { Clock } from "../domain/clock.ts";
import type { Failpoint } from "../domain/failpoint.ts";
import type { LocalUser } from "./local-user.ts";

export type StopSignal = "SIGINT" | "SIGTERM";

/** Everything of the process that commands touch, so that a test can hand in its own. */
export interface Io {
  stdin: NodeJS.ReadableStream & { isTTY?: boolean };
  stdout: NodeJS.WritableStream & { isTTY?: boolean; columns?: number };
  stderr: NodeJS.WritableStream & { isTTY?: boolean; columns?: number };
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  home: string;
  /** Instead of the machine's clock, for the runs of a demo. */
  clock?: Clock;
  /** Told at each named instant (`failpoints.ts`). The program itself hands none in. */
  failpoint?: Failpoint;
  /** Instead of the user that the process runs as. */
  user?: LocalUser;
  /** How this program was started, for cron lines: the Node binary and the script. */
  launcher: readonly string[];
  /** Calls back on SIGINT and SIGTERM. Gives the way to stop listening. */
  onSignal(listener: (name: StopSignal) => void): () => void;
  /** Leaves at once. */
  exit(code: number): never;
}

export function processIo(): Io {
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    home: homedir(),
    launcher: [process.execPath, process.argv[1] ?? "crmledger"],
    onSignal(listener) {
      const interrupted = () => listener("SIGINT");
      const terminated = () => listener("SIGTERM");
      process.on("SIGINT", interrupted);
      process.on("SIGTERM", terminated);
      return () => {
        process.off("SIGINT", interrupted);
        process.off("SIGTERM", terminated);
      };
    },
    exit: (code) => process.exit(code),
  };
}
