/** What is left of people who were forgotten: salted hashes, by which they are recognised and left out. */
import { createHmac } from "node:crypto";
import type { IdentityKey } from "../../domain/identity.ts";
import type { SubmissionId } from "../../domain/ids.ts";
import type { Store } from "./store.ts";

type Kind = "identity" | "raw" | "record" | "stamp";

const SALT = "SELECT value FROM meta WHERE name = 'forgotten_salt'";

/** Null where nobody was ever forgotten: then nothing is computed. */
function saltOf(store: Store): string | null {
  return store.one<{ value: string }>(SALT)?.value ?? null;
}

/** Whether anybody was ever forgotten. */
export const hasForgotten = (store: Store): boolean => saltOf(store) !== null;

export function makeSalt(store: Store): string {
  store.run("INSERT OR IGNORE INTO meta (name, value) VALUES ('forgotten_salt', lower(hex(randomblob(32))))");
  return saltOf(store)!;
}

export function forgottenHash(salt: string, kind: Kind, text: string): string {
  return createHmac("sha256", salt).update(`${kind}\n${text}`).digest("hex");
}

export function keepForgotten(store: Store, hash: string, id: SubmissionId | null): void {
  store.run("INSERT OR IGNORE INTO forgotten (hash, submission_id) VALUES (?, ?)", hash, id);
}

function find(store: Store, salt: string, kind: Kind, text: string): { id: SubmissionId | null } | undefined {
  const sql = "SELECT submission_id AS id FROM forgotten WHERE hash = ?";
  return store.one<{ id: SubmissionId | null }>(sql, forgottenHash(salt, kind, text));
}

/** Two people may share a phone: it tells a person only where nothing stronger does. */
export function isForgottenPerson(store: Store, keys: readonly IdentityKey[]): boolean {
  const salt = saltOf(store);
  if (salt === null) return false;
  const strong = keys.filter((key) => !key.startsWith("phone:"));
  return (strong.length > 0 ? strong : keys).some((key) => find(store, salt, "identity", key) !== undefined);
}

export interface IncomingRecord {
  source: string;
  rawHash: string;
  key?: string;
  identityKeys?: readonly IdentityKey[];
}

/** Tells of records that come in within one transaction whether they were forgotten, or are of a person who was. */
export function forgottenTest(store: Store): (record: IncomingRecord) => boolean {
  const salt = saltOf(store);
  if (salt === null) return () => false;
  return ({ source, rawHash, key, identityKeys = [] }) =>
    find(store, salt, "raw", `${source}/${rawHash}`) !== undefined ||
    (key !== undefined && find(store, salt, "record", `${source}/${key}`) !== undefined) ||
    isForgottenPerson(store, identityKeys);
}

/** The accounting row of a record at the CRM whose submission was forgotten. */
export function forgottenByStamp(store: Store, stamp: string): SubmissionId | null {
  const salt = saltOf(store);
  return salt === null ? null : (find(store, salt, "stamp", stamp)?.id ?? null);
}
