import { dirname, join } from "node:path";

/** What starts a run: absolute paths, because cron and systemd have no working folder and hardly a PATH. */
export function syncCommand(launcher: readonly string[], config: string): string[] {
  return [...launcher, "sync", "--config", config, "--quiet"];
}

/** Every five minutes. An overlap leaves with 4 by itself, so no flock is needed. */
export function cronLine(launcher: readonly string[], config: string): string {
  const words = syncCommand(launcher, config).map(shellWord);
  // In a crontab an unescaped % is a line end.
  return `*/5 * * * * ${words.join(" ")} >> ${shellWord(logFile(config))} 2>&1`.replaceAll("%", "\\%");
}

export function logFile(config: string): string {
  return join(dirname(config), "crmledger.log");
}

/** A word as a POSIX shell takes it whole. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
