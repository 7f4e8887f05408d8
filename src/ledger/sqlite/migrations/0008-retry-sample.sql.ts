/** Retries of a cause of which one is sent first, as a sample: the rest stays failed until that has ended. */
export const sql = /* sql */ `
CREATE TABLE retry_samples (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  -- As somebody asked for it: CODE, CODE:SUBJECT or CODE:SUBJECT:VALUE.
  cause TEXT NOT NULL,
  -- The submission that goes first.
  sample_id INTEGER NOT NULL REFERENCES submissions (id),
  -- The user of this machine who asked for it; NULL: unknown.
  asked_by TEXT,
  created_at_ms INTEGER NOT NULL,
  -- Of the rest: how many went their way since the sample ended. The row goes with the last of them.
  settled INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Which sample a failed submission waits for.
ALTER TABLE submissions ADD COLUMN sample_of INTEGER;
CREATE INDEX submissions_sample ON submissions (sample_of, id) WHERE sample_of IS NOT NULL;

-- Whatever else becomes of it, it waits for no sample any more.
CREATE TRIGGER submissions_unsampled AFTER UPDATE OF state ON submissions
WHEN new.sample_of IS NOT NULL AND new.state <> 'failed' BEGIN
  UPDATE submissions SET sample_of = NULL WHERE id = new.id;
END;
`;
