import { chmodSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { shellWord } from "./cron-line.ts";
import { type Finding, warn } from "./doctor-finding.ts";
import { type LocalUser, userNameOf } from "./local-user.ts";

const GROUP_OR_OTHERS_WRITE = 0o022;
const GROUP_OR_OTHERS_PASS = 0o011;

/**
 * Makes a spool that its owner alone may use, until another user is let in. The folders above that are made for it can be
 * passed by all: who is let into the spool has to get there. They list nothing to others.
 */
export function makeSpool(path: string): void {
  const first = mkdirSync(dirname(path), { recursive: true, mode: 0o711 });
  if (first !== undefined) for (const folder of foldersDownTo(dirname(path), first)) chmodSync(folder, 0o711);
  mkdirSync(path, { recursive: true, mode: 0o700 });
}

function foldersDownTo(path: string, top: string): string[] {
  return path === top || dirname(path) === path ? [path] : [path, ...foldersDownTo(dirname(path), top)];
}

/** Who else may write, where that is nobody. An access control list shows in the group's bits. */
export function writersNote(spool: string, { uid }: LocalUser): string {
  if (uid === null || process.platform === "win32") return "";
  const facts = statSync(spool);
  return (facts.mode & GROUP_OR_OTHERS_WRITE) === 0 ? `; only ${userNameOf(facts.uid)} may write here` : "";
}

/** A folder above, through which nobody gets who is let into the spool. Null: there is none, or nobody is let in. */
export function wayFinding(name: string, spool: string): Finding | null {
  if (process.platform === "win32" || (statSync(spool).mode & GROUP_OR_OTHERS_WRITE) === 0) return null;
  const closed = foldersDownTo(dirname(spool), "/").findLast(
    (folder) => (statSync(folder).mode & GROUP_OR_OTHERS_PASS) === 0,
  );
  if (closed === undefined) return null;
  const owner = userNameOf(statSync(closed).uid);
  const message = `others may write to ${spool}, but ${closed} lets only ${owner} through`;
  return warn(name, message, `chmod 711 ${shellWord(closed)}, if a web server of another user is to get there`);
}
