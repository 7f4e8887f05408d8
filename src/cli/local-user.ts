import { readFileSync } from "node:fs";
import { userInfo } from "node:os";

/** Who runs this program on this machine. */
export interface LocalUser {
  /** Null where the system has no such numbers. */
  uid: number | null;
  gids: readonly number[];
  name: string;
}

export function currentUser(): LocalUser {
  const uid = process.geteuid?.() ?? null;
  return { uid, gids: process.getgroups?.() ?? [], name: uid === null ? userInfo().username : userNameOf(uid) };
}

/** The name of a user of this machine, `#33` where the machine's own list does not know the number. */
export function userNameOf(uid: number): string {
  const row = passwdRows().find((fields) => fields[2] === String(uid));
  return row?.[0] || `#${uid}`;
}

function passwdRows(): string[][] {
  try {
    return readFileSync("/etc/passwd", "utf8")
      .split("\n")
      .map((line) => line.split(":"));
  } catch {
    return [];
  }
}
