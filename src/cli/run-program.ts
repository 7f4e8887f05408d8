import type { RunProgram } from "../notify/channels.ts";

/**
 * Runs a program in a folder without a shell. Its own output goes nowhere. It leads a process group of its own, which is killed
 * as a whole when its time is up. Variables that hold one of `secrets` are not handed on.
 */
export function programRunner(
  folder: string,
  env: Readonly<Record<string, string | undefined>>,
  secrets: readonly string[],
): RunProgram {
  const inherited = Object.fromEntries(
    Object.entries(env).filter(([, value]) => !secrets.some((secret) => secret !== "" && value?.includes(secret))),
  );
  return async ([program = "", ...rest], { stdin, env: added, timeoutMs }) => {
    const { spawn } = await import("node:child_process");
    return await new Promise((resolve) => {
      const options = { cwd: folder, env: { ...inherited, ...added }, detached: true } as const;
      const child = spawn(program, rest, { ...options, stdio: ["pipe", "ignore", "ignore"] });
      let timedOut = false;
      const timer = setTimeout(() => {
        timedOut = true;
        killGroup(child.pid);
      }, timeoutMs);
      const end = (trouble: string | null): void => {
        clearTimeout(timer);
        resolve(trouble);
      };
      child.on("error", (error: NodeJS.ErrnoException) => end(error.code ?? "can't be started"));
      child.on("close", (code, signal) => {
        if (timedOut) end(`killed after ${Math.round(timeoutMs / 1000)} s`);
        else end(code === 0 ? null : code === null ? `ended by ${signal}` : `exit code ${code}`);
      });
      // One that does not read its input is none the worse for it.
      child.stdin.on("error", () => undefined);
      child.stdin.end(stdin);
    });
  };
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // It is gone already.
  }
}
