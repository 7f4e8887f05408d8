/** A file that is refused stays as it is, and so does its log: another version, or whoever rescues what is in it, wants both. */
import Database from "better-sqlite3";

/**
 * Closes a connection. The last one to close moves the log into the file and deletes it; one that only reads can't, so such a
 * one is the last. A file that even that can't read is closed as ever.
 */
export function closeUntouched(db: Database.Database, path: string): void {
  const reader = db.memory ? null : openReader(path);
  db.close();
  reader?.close();
}

function openReader(path: string): Database.Database | null {
  let reader: Database.Database | null = null;
  try {
    reader = new Database(path, { readonly: true, fileMustExist: true });
    // Only what was read once has its log open.
    reader.pragma("schema_version");
  } catch {
    // What is wrong with the file is told by the error that led here.
  }
  return reader;
}
