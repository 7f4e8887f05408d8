import type { Failpoint } from "../domain/failpoint.ts";

/** Instants between a source's files and the ledger. */
export const INGEST_FAILPOINTS = [
  /** A chunk of records: about to be committed; committed, its files are where they were. */
  "ingest.commit.before",
  "ingest.commit.after",
  /** One file of what is committed: about to be moved away or deleted; in the place of a link that led to it; where it was, with
   * an empty file in its place in the archive; under a hidden name, to be deleted; away. */
  "ingest.acknowledge.before",
  "ingest.acknowledge.unlinked",
  "ingest.acknowledge.reserved",
  "ingest.acknowledge.aside",
  "ingest.acknowledge.after",
  /** An import's rejects were written under another name. */
  "ingest.rejects.written",
  /** Of an archive one old file was removed. */
  "ingest.age.removed",
  /** A forgotten person: a list without them was written under another name; one of their lines is blanked; one file is done. */
  "ingest.forget.written",
  "ingest.forget.blanked",
  "ingest.forget.file",
] as const;
export type IngestFailpoint = Failpoint<(typeof INGEST_FAILPOINTS)[number]>;
