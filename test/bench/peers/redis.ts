/** A Redis of our own on a socket in a folder, or null where the system has none. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

export interface Redis {
  socket: string;
  version: string;
  close(): Promise<void>;
}

export async function startRedis(folder: string): Promise<Redis | null> {
  const asked = spawnSync("redis-server", ["--version"], { encoding: "utf8" });
  if (asked.status !== 0) return null;
  const socket = join(folder, "redis.sock");
  // As its own documentation advises for queues: every write in the log, on the disk each second.
  const lines = ["--port", "0", "--unixsocket", socket, "--dir", folder, "--save", "", "--appendonly", "yes"];
  const child = spawn("redis-server", lines, { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  for (let tries = 0; !existsSync(socket); tries += 1) {
    if (tries > 200 || child.exitCode !== null) throw new Error("redis-server did not open its socket");
    await wait(50);
  }
  return {
    socket,
    version: /v=(\S+)/.exec(asked.stdout)?.[1] ?? "unknown",
    close: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}
