import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  type Stats,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { EXIT_CODES } from "../domain/errors.ts";
import type { SourceSettings } from "../domain/settings.ts";
import { ARCHIVE } from "../ingest/acknowledge.ts";
import { counted } from "../report/human.ts";
import { shellWord } from "./cron-line.ts";
import { type Finding, fail, ok, warn } from "./doctor-finding.ts";
import { type LocalUser, userNameOf } from "./local-user.ts";
import { makeSpool, wayFinding, writersNote } from "./spool-folder.ts";
import { webRootOf } from "./web-root.ts";

const { R_OK, X_OK } = constants;
/** Files of a spool that are looked at one by one. */
const FILES_MAX = 10_000;
const NAMED_MAX = 3;
const STICKY = 0o1000;

/** One spool as the user who runs this finds it: may it read, rename and archive there, and who else can read it? */
export function checkSpool(source: SourceSettings, spool: string, user: LocalUser, fix: boolean): Finding[] {
  const name = `spool ${source.name}`;
  if (isMissing(spool)) {
    if (!fix) {
      const how = `mkdir -p ${shellWord(spool)}, or crmledger doctor --fix`;
      return [fail(name, `${spool} is not there`, how, EXIT_CODES.spoolUnreadable)];
    }
    makeSpool(spool);
    return [ok(name, `${spool} (created)`), ...publicFinding(source, spool)];
  }
  const closed = closedFinding(name, spool, user);
  if (closed !== null) return [closed, ...publicFinding(source, spool)];
  const moving = source.after === "keep" ? null : movingFinding(name, source, spool, user);
  const files = filesFindings(name, source, spool, user);
  const troubles = [moving, wayFinding(name, spool), ...files].filter((finding) => finding !== null);
  return [
    ...(troubles.length > 0 ? troubles : [fineFinding(name, source, spool, user)]),
    ...publicFinding(source, spool),
  ];
}

/** A folder behind one that this user may not enter is not missing. */
function isMissing(path: string): boolean {
  try {
    statSync(path);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}

function fineFinding(name: string, source: SourceSettings, spool: string, user: LocalUser): Finding {
  const { uid } = statSync(spool);
  const owner = user.uid === null || uid === user.uid ? "" : `; it belongs to ${userNameOf(uid)}`;
  const acts = { archive: "read, rename and archive", delete: "read and delete", keep: "read" }[source.after];
  return ok(name, `${spool}: ${user.name} may ${acts} here${owner}${writersNote(spool, user)}`);
}

/** Null where the folder can be listed and entered. */
function closedFinding(name: string, spool: string, user: LocalUser): Finding | null {
  try {
    if (!statSync(spool).isDirectory()) return fail(name, `${spool} is no folder`, null, EXIT_CODES.spoolUnreadable);
    accessSync(spool, R_OK | X_OK);
    return null;
  } catch {
    const message = `${spool} can't be used: ${user.name} may not read there`;
    return fail(name, message, shareLine(spool, user), EXIT_CODES.spoolUnreadable);
  }
}

/** Lets `user` work in a folder that another one (a web server) fills, now and for files to come. */
function shareLine(spool: string, user: LocalUser): string {
  const rights = `u:${user.name}:rwX`;
  return `As root: setfacl -R -m ${rights},d:${rights} ${shellWord(spool)} (or chown it, or a common group: chgrp -R, chmod g+rwxs)`;
}

/**
 * Moves a file of our own as ingest would: inside the spool, into the archive, and into the archive's newest folder, which
 * another user may have made.
 */
function movingFinding(name: string, source: SourceSettings, spool: string, user: LocalUser): Finding | null {
  const probe = join(spool, `.crmledger-probe-${process.pid}`);
  const places = source.after === "archive" ? archivePlaces(spool) : [];
  let at = probe;
  try {
    writeFileSync(probe, "", { flag: "wx", mode: 0o600 });
    at = moved(at, `${probe}-moved`);
    for (const place of places) at = moved(at, join(place, `.crmledger-probe-${process.pid}`));
    if (source.after === "archive" && places.length === 0) rmdirSync(madeFolder(`${probe}-folder`));
    unlinkSync(at);
    return null;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unknown reason";
    removeQuietly(at);
    const message = `${spool} is read, but its files can't be moved away: ${user.name} may not rename there (${code})`;
    return warn(name, message, `${movingFix(code, spool, user)}, or set after: keep`);
  }
}

/** No rights help where the disk takes nothing. */
function movingFix(code: string, spool: string, user: LocalUser): string {
  if (code === "EROFS") return "Mount that disk to be written to (mount -o remount,rw; dmesg tells why it is not)";
  if (code === "ENOSPC" || code === "EDQUOT") return "Make room on that disk";
  return shareLine(spool, user);
}

function moved(from: string, to: string): string {
  renameSync(from, to);
  return to;
}

function madeFolder(path: string): string {
  mkdirSync(path, { mode: 0o700 });
  return path;
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was never made, or it can't be removed for the reason that is told already.
  }
}

function archivePlaces(spool: string): string[] {
  const archive = join(spool, ARCHIVE);
  if (!existsSync(archive)) return [];
  const newest = readdirSync(archive)
    .filter((day) => /^\d{4}-\d{2}-\d{2}$/.test(day))
    .sort()
    .at(-1);
  return newest === undefined ? [archive] : [archive, join(archive, newest)];
}

/** Files that a web server wrote for itself only, and files that the sticky bit keeps where they are. */
function filesFindings(name: string, source: SourceSettings, spool: string, user: LocalUser): Finding[] {
  const folder = statSync(spool);
  const files = readdirSync(spool)
    .filter((file) => !file.startsWith("."))
    .slice(0, FILES_MAX)
    .flatMap((file) => factsOf(join(spool, file)));
  const unreadable = files.filter(({ path }) => !mayRead(path));
  const stuck = source.after === "keep" ? [] : files.filter(({ facts }) => isStuck(facts, folder, user));
  const found: Finding[] = [];
  if (unreadable.length > 0) {
    const message = `${user.name} may not read ${counted(unreadable.length, "file")}: ${named(unreadable)}; they are skipped at each run`;
    found.push(warn(name, message, `${shareLine(spool, user)}; let the writer use umask 027`));
  }
  if (stuck.length > 0) {
    const message = `the sticky bit of ${spool} keeps ${user.name} from moving ${counted(stuck.length, "file")} of others: ${named(stuck)}`;
    found.push(warn(name, message, `chmod -t ${shellWord(spool)}`));
  }
  return found;
}

interface FileFacts {
  path: string;
  facts: Stats;
}

function factsOf(path: string): FileFacts[] {
  const facts = lstatSync(path, { throwIfNoEntry: false });
  return facts?.isFile() ? [{ path, facts }] : [];
}

function mayRead(path: string): boolean {
  try {
    accessSync(path, R_OK);
    return true;
  } catch {
    return false;
  }
}

/** In a sticky folder only the owner of the file or of the folder, and root, may rename (rename(2)). */
function isStuck(file: Stats, folder: Stats, { uid }: LocalUser): boolean {
  if (uid === null || uid === 0 || (folder.mode & STICKY) === 0) return false;
  return file.uid !== uid && folder.uid !== uid;
}

function named(files: readonly FileFacts[]): string {
  const shown = files
    .slice(0, NAMED_MAX)
    .map(({ path, facts }) => `${path} (${userNameOf(facts.uid)}, mode ${(facts.mode & 0o777).toString(8)})`);
  return shown.join(", ") + (files.length > NAMED_MAX ? ", ..." : "");
}

/** What people sent would be anybody's to read. */
function publicFinding(source: SourceSettings, spool: string): Finding[] {
  const root = webRootOf(spool);
  if (root === null) return [];
  const message = `${spool} lies in ${root}, which a web server seems to hand out: submissions could be read by anybody`;
  const fix = `Move it to a folder outside and name that as sources.${source.name}.spool; until then let the web server deny it.`;
  return [warn(`spool ${source.name}`, message, fix)];
}
