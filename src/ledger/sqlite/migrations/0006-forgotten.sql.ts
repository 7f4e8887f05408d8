/** Salted hashes of people who were forgotten, and of their records: identity keys, raw records, names and stamps. */
export const sql = /* sql */ `
CREATE TABLE forgotten (
  hash TEXT PRIMARY KEY,
  -- The accounting row; NULL for identity keys and rejects.
  submission_id INTEGER
) STRICT, WITHOUT ROWID;
`;
