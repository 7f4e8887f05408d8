import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Config } from "../config/config.ts";
import { shellWord } from "./cron-line.ts";
import { type Finding, ok, warn } from "./doctor-finding.ts";
import { type LocalUser, userNameOf } from "./local-user.ts";
import { webRootOf } from "./web-root.ts";

/**
 * Who this was checked as, and whose the files are. The ledger's owner is who must run crmledger; token and the ledger's
 * companions have to be that user's too. A config may well be root's, and a spool the web server's: what counts there is
 * whether they can be used, which other checks try.
 */
export function checkOwners(config: Config, ledger: string, user: LocalUser): Finding[] {
  if (user.uid === null) return [];
  const owner = ownerOf(ledger) ?? user.uid;
  const name = userNameOf(owner);
  const found: Finding[] = [];
  if (owner !== user.uid) {
    const message = `checked as ${user.name}, but the ledger belongs to ${name}: what cron's user may do was not tried`;
    found.push(warn("user", message, `sudo -u ${shellWord(name)} crmledger doctor --config ${shellWord(config.file)}`));
  } else found.push(ok("user", userMessage(user)));
  const { token } = config.crm;
  const own = [...companionsOf(ledger), ...(token.type === "file" ? [token.path] : [])];
  const foreign = own.filter((path) => (ownerOf(path) ?? owner) !== owner);
  if (foreign.length === 0) return [...found, ok("owners", `ledger and token belong to ${name}`)];
  const whose = foreign.map((path) => `${path} to ${userNameOf(ownerOf(path) ?? owner)}`).join(", ");
  const line = `chown ${shellWord(name)} ${foreign.map(shellWord).join(" ")}`;
  return [...found, warn("owners", `the ledger belongs to ${name}, but ${whose}`, line)];
}

function userMessage({ uid, name }: LocalUser): string {
  if (uid !== 0) return `checked as ${name}; cron must run it as this user: crontab -e, as ${name}`;
  return `checked as ${name}, who may do everything: for cron as another user check as that one, sudo -u NAME crmledger doctor`;
}

/** What stands beside a ledger under its name: SQLite's journal and index, locks, the counter of runs. */
function companionsOf(ledger: string): string[] {
  const [folder, name] = [dirname(ledger), basename(ledger)];
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.startsWith(`${name}-`) || file.startsWith(`${name}.`))
    .map((file) => join(folder, file));
}

function ownerOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.uid ?? null;
}

/** Ledger, token and config in a folder that a web server hands out. */
export function checkSecretPlaces(config: Config, ledger: string): Finding[] {
  const { token } = config.crm;
  const places = [
    { name: "ledger", path: ledger },
    { name: "config", path: config.file },
    ...(token.type === "file" ? [{ name: "token", path: token.path }] : []),
  ];
  return places.flatMap(({ name, path }) => {
    const root = existsSync(path) ? webRootOf(path) : null;
    if (root === null) return [];
    const message = `${path} lies in ${root}, which a web server seems to hand out`;
    return [warn(name, message, "Move it to a folder outside, and let the web server deny it until then.")];
  });
}
