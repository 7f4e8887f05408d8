/** Erases a person: rows of the accounting stay, and salted hashes of what would recognise them. */
import { CrmledgerError } from "../../domain/errors.ts";
import type { IdentityKey } from "../../domain/identity.ts";
import type { CrmId, SubmissionId } from "../../domain/ids.ts";
import { emailPattern, emailsOf, mentionsOf } from "../../domain/mentions.ts";
import { stampOf } from "../../domain/stamp.ts";
import type { Forgotten, PersonFound } from "../care.ts";
import type { Now } from "../rows.ts";
import { discardAll } from "./admission.ts";
import { forgottenHash, keepForgotten, makeSalt } from "./forgotten.ts";
import { forgetExample } from "./members.ts";
import { rawHashesOf } from "./raw-hashes.ts";
import type { Store } from "./store.ts";
import { loadKeys, saveKeys } from "./submission-rows.ts";
import { thinSubmission } from "./thin.ts";

/** Not what is on its way in: nobody is told of it, and what an import left half-way in is taken back. */
const OF_KEY = "SELECT s.id FROM submission_keys k JOIN submissions s ON s.id = k.submission_id WHERE k.key = ?";
const FAMILY = `SELECT id FROM submissions WHERE id = @first UNION ALL SELECT id FROM submissions WHERE revises = @first`;
const ROW = "SELECT id, source, key, state, revises FROM submissions WHERE id = ?";

interface Row {
  id: SubmissionId;
  source: string;
  key: string;
  state: string;
  revises: SubmissionId | null;
}

const isPhone = (key: IdentityKey): boolean => key.startsWith("phone:");
const isWorkKey = (key: IdentityKey): boolean => /^(email|phone|field):/.test(key);

export function findPerson(
  store: Store,
  asked: { keys: readonly IdentityKey[]; submissions: readonly SubmissionId[] },
): PersonFound {
  return store.read(() => {
    const keys = new Set<IdentityKey>(asked.keys);
    const ids = new Set<SubmissionId>();
    const add = (id: SubmissionId): void => {
      if (ids.has(id)) return;
      const { revises } = store.one<Row>(ROW, id)!;
      for (const one of store.all<{ id: SubmissionId }>(FAMILY, { first: revises ?? id })) {
        ids.add(one.id);
        for (const key of loadKeys(store, one.id).filter(isWorkKey)) if (!keys.has(key)) follow(key);
      }
    };
    // Of a phone that was not asked for only those who have nothing else: others may share it.
    const follow = (key: IdentityKey): void => {
      keys.add(key);
      for (const { id } of store.all<{ id: SubmissionId }>(OF_KEY, key)) {
        if (!isPhone(key) || asked.keys.includes(key) || loadKeys(store, id).filter(isWorkKey).every(isPhone)) add(id);
      }
    };
    for (const key of asked.keys) follow(key);
    for (const id of asked.submissions) add(id);
    return {
      ...found(
        store,
        [...ids].sort((a, b) => a - b),
      ),
      keys: [...keys],
      mirror: mirrorOf(store, [...keys]),
    };
  });
}

function found(store: Store, ids: readonly SubmissionId[]): Pick<PersonFound, "submissions" | "records" | "inHand"> {
  const submissions = ids.map((id) => store.one<Row>(ROW, id)!);
  const records = ids.flatMap((id) =>
    store.all<PersonFound["records"][number]>(
      `SELECT DISTINCT entity, crm_id AS crmId FROM steps WHERE submission_id = ? AND crm_id IS NOT NULL AND entity <> 'organization'`,
      id,
    ),
  );
  const inHand = submissions.filter(
    ({ id, state }) =>
      state === "inProgress" ||
      state === "uncertain" ||
      store.one("SELECT 1 FROM steps WHERE submission_id = ? AND state IN ('begun', 'uncertain', 'pending')", id) !==
        undefined,
  );
  const name = ({ source, key }: Row): string => `${source}/${key}`;
  const unique = new Map(records.map((record) => [`${record.entity}:${record.crmId}`, record]));
  return {
    submissions: submissions.map(({ id, source, key, state }) => ({ id, source, key, state })),
    records: [...unique.values()],
    inHand: inHand.map(name),
  };
}

/** Who shares a phone with somebody of another e-mail stays in the mirror. */
function mirrorOf(store: Store, keys: readonly IdentityKey[]): CrmId[] {
  const strong = keys.filter((key) => !isPhone(key));
  const sql = `SELECT DISTINCT crm_id AS id FROM mirror_keys WHERE entity = 'person' AND key IN (SELECT value FROM json_each(?))`;
  const ids = store.all<{ id: CrmId }>(sql, JSON.stringify(strong)).map(({ id }) => id);
  const byPhone = `${sql} AND NOT EXISTS (SELECT 1 FROM mirror_keys o WHERE o.account_id = mirror_keys.account_id
    AND o.entity = 'person' AND o.crm_id = mirror_keys.crm_id AND o.key NOT LIKE 'phone:%')`;
  const phones = store.all<{ id: CrmId }>(byPhone, JSON.stringify(keys.filter(isPhone))).map(({ id }) => id);
  return [...new Set([...ids, ...phones])];
}

const phonesOf = (keys: readonly IdentityKey[]): string[] =>
  keys.filter(isPhone).map((key) => key.slice("phone:".length));

export function forget(store: Store, person: PersonFound, asked: readonly IdentityKey[], now: Now): Forgotten {
  store.db.pragma("secure_delete = ON");
  // Of imports that died: none works while a person is forgotten.
  discardAll(store);
  return store.write(() => {
    const ids = person.submissions.map(({ id }) => id);
    if (found(store, ids).inHand.length > 0) return { type: "busy" };
    const salt = makeSalt(store);
    for (const key of person.keys) keepForgotten(store, forgottenHash(salt, "identity", key), null);
    const names = person.submissions.map(({ source, key }) => `${source}/${key}`);
    const { rejects, unsure } = forgetRejects(store, salt, person, asked);
    for (const id of ids) forgetSubmission(store, salt, store.one<Row>(ROW, id)!, now);
    for (const id of person.mirror) store.run("DELETE FROM mirror_records WHERE entity = 'person' AND crm_id = ?", id);
    for (const { entity, crmId } of person.records) {
      store.run("DELETE FROM mirror_records WHERE entity = ? AND crm_id = ?", entity, crmId);
      store.run("DELETE FROM sightings WHERE entity = ? AND crm_id = ?", entity, crmId);
      store.run("DELETE FROM discrepancies WHERE entity = ? AND crm_id = ?", entity, crmId);
    }
    return {
      type: "forgotten",
      rejects,
      unsure,
      texts: blankTexts(store, [...emailsOf(person.keys), ...phonesOf(person.keys), ...names]),
    };
  });
}

function forgetSubmission(store: Store, salt: string, { id, source, key }: Row, now: Now): void {
  for (const hash of rawHashesOf(store, id)) keepForgotten(store, forgottenHash(salt, "raw", `${source}/${hash}`), id);
  const record = forgottenHash(salt, "record", `${source}/${key}`);
  keepForgotten(store, record, id);
  keepForgotten(store, forgottenHash(salt, "stamp", stampOf(source, key)), id);
  store.run("DELETE FROM raw_hashes WHERE submission_id = ? AND other = 1", id);
  for (const table of ["hashed_stamps", "waits", "discrepancies"])
    store.run(`DELETE FROM ${table} WHERE submission_id = ?`, id);
  thinSubmission(store, id);
  forgetExample(store, source, key);
  const name = `forgotten-${record.slice(0, 24)}`;
  const keys = loadKeys(store, id).map((one) => `forgotten:${forgottenHash(salt, "identity", one)}`);
  saveKeys(store, id, keys);
  store.run(
    "UPDATE steps SET idempotency_key = ? || '#' || name, state = iif(state = 'done', 'done', 'failed') WHERE submission_id = ?",
    `${source}/${name}`,
    id,
  );
  store.run(
    `UPDATE submissions SET key = @name, raw_hash = @mark, content_hash = @mark, file = '(forgotten)', line = NULL,
       error_code = NULL, state = iif(state = 'done', 'done', 'dropped') WHERE id = @id`,
    { id, name, mark: `forgotten:${record}` },
  );
  const note = "INSERT INTO waits (submission_id, at_ms, kind, until_ms, detail) VALUES (?, ?, 'forgotten', NULL, ?)";
  store.run(note, id, now.wallMs, "the person's data was erased on request");
}

interface RejectText {
  id: number;
  source: string;
  key: string | null;
  hash: string;
  text: string;
  isOpen: 0 | 1;
}

/**
 * Rejects have no identity: their text is searched. Open ones end with it, but for those that name others too: nothing else has
 * them, and they may be somebody else's.
 */
function forgetRejects(
  store: Store,
  salt: string,
  person: PersonFound,
  asked: readonly IdentityKey[],
): { rejects: number; unsure: string[] } {
  const keys = new Set(person.submissions.map(({ source, key }) => `${source}/${key}`));
  const mentions = mentionsOf(person.keys, asked);
  const rows = store.all<RejectText>(
    "SELECT id, source, key, raw_hash AS hash, closed_at_ms IS NULL AS isOpen, raw || ' ' || coalesce(content, '') || ' ' || reason AS text FROM rejects WHERE raw <> '' OR key IS NOT NULL",
  );
  const isKnown = ({ source, key }: RejectText): boolean => key !== null && keys.has(`${source}/${key}`);
  const named = rows.filter((row) => isKnown(row) || mentions.record(row.text));
  const unsure = named.filter((row) => row.isOpen === 1 && !isKnown(row) && mentions.others(row.text));
  const theirs = named.filter((row) => !unsure.includes(row));
  for (const { id, source, hash } of theirs) {
    const forgotten = forgottenHash(salt, "raw", `${source}/${hash}`);
    keepForgotten(store, forgotten, null);
    store.run(
      `UPDATE rejects SET raw = '', content = NULL, content_hash = NULL, key = NULL, reason = 'forgotten', file = '(forgotten)',
         line = NULL, raw_hash = @mark, closed_at_ms = coalesce(closed_at_ms, created_at_ms), dropped = 1,
         closed_why = 'dropped: the person was forgotten', submission_id = NULL WHERE id = @id AND closed_at_ms IS NULL`,
      { id, mark: `forgotten:${forgotten}` },
    );
    store.run(
      `UPDATE rejects SET raw = '', content = NULL, content_hash = NULL, key = NULL, reason = 'forgotten', file = '(forgotten)',
         line = NULL, raw_hash = @mark WHERE id = @id`,
      { id, mark: `forgotten:${forgotten}` },
    );
  }
  return { rejects: theirs.length, unsure: unsure.map(({ id }) => String(id)) };
}

/** Running text that may name somebody: table, id and column. */
const TEXTS = [
  ["runs", "summary"],
  ["waits", "detail"],
  ["holds", "message"],
  ["requests", "error"],
  ["requests", "route"],
  ["discrepancies", "message"],
  ["discrepancies", "email"],
  ["discrepancies", "expected"],
  ["discrepancies", "actual"],
  ["discrepancies", "repair_order"],
  ["checks", "summary"],
  ["checks", "progress"],
  ["steps", "explanation"],
  ["steps", "error"],
] as const;

/** A name stands alone as an address does: `website/1` is no part of `website/12`. */
function blankTexts(store: Store, texts: readonly string[]): number {
  let blanked = 0;
  for (const text of texts) {
    const pattern = emailPattern(text);
    for (const [table, column] of TEXTS) {
      const rows = store.all<{ id: number; text: string }>(
        `SELECT id, ${column} AS text FROM ${table} WHERE instr(lower(${column}), ?) > 0`,
        text.toLowerCase(),
      );
      for (const row of rows) {
        const clean = row.text.replaceAll(pattern, "[forgotten]");
        if (clean !== row.text)
          blanked += store.run(`UPDATE ${table} SET ${column} = ? WHERE id = ?`, clean, row.id).changes;
      }
    }
  }
  return blanked;
}

/** Free pages and the log are rewritten: nothing that was erased is left in the file. */
export function scrub(store: Store): void {
  if (store.path === ":memory:") return;
  store.db.exec("VACUUM");
  store.failpoint("ledger.scrub.rewritten");
  const [log] = store.db.pragma("wal_checkpoint(TRUNCATE)") as { busy: number }[];
  if (log?.busy !== 1) return;
  throw new CrmledgerError("ledgerLocked", "The person is erased, but another process reads the ledger's log", {
    hint: "What was erased may still stand in the -wal file. End `status --watch` and the like, and forget once more.",
  });
}
