/** What a report needs beyond the submissions themselves: records that became none. */
export const sql = /* sql */ `
-- Records that came again, and those that \`where\` left out, by the quarter of an hour of their submittedAt (else of their
-- ingest): every zone's day begins at one.
CREATE TABLE intake_counts (
  source TEXT NOT NULL,
  slot_ms INTEGER NOT NULL,
  verdict TEXT NOT NULL CHECK (verdict IN ('duplicate', 'skipped')),
  n INTEGER NOT NULL,
  PRIMARY KEY (source, slot_ms, verdict)
) STRICT, WITHOUT ROWID;

-- 1: a person closed it without a submission.
ALTER TABLE rejects ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0;
UPDATE rejects SET dropped = 1 WHERE closed_why LIKE 'dropped: %' OR closed_why = 'the earlier content was kept';
CREATE INDEX rejects_created ON rejects (created_at_ms, source);
`;
