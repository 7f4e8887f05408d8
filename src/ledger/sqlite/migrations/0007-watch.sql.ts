/** What somebody must learn of while nobody looks: alerts, history, what the CRM made of our values, names and shapes. */
export const sql = /* sql */ `
-- A condition that needs a person, from its first sight until it is over. One open row for each kind and subject.
CREATE TABLE alerts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  level TEXT NOT NULL CHECK (level IN ('warning', 'critical')),
  -- The worst that was told: it rises only.
  rank INTEGER NOT NULL,
  message TEXT NOT NULL,
  hint TEXT NOT NULL,
  quiet_ms INTEGER NOT NULL,
  recovers INTEGER NOT NULL,
  -- Since when it is so, and the look that saw it first.
  since_ms INTEGER NOT NULL,
  seen_at_ms INTEGER NOT NULL,
  -- NULL: it has not been so for long enough to tell anybody.
  told_at_ms INTEGER,
  -- Of the first look that did not see it any more; NULL while it is seen.
  gone_at_ms INTEGER,
  closed_at_ms INTEGER
) STRICT;
CREATE UNIQUE INDEX alerts_open ON alerts (kind, subject) WHERE closed_at_ms IS NULL;
CREATE INDEX alerts_closed ON alerts (closed_at_ms) WHERE closed_at_ms IS NOT NULL;

-- What each channel is still to be told: taken away once it took the message. due_at_ms lies ahead while a process sends it.
CREATE TABLE alert_messages (
  alert_id INTEGER NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
  channel TEXT NOT NULL,
  event TEXT NOT NULL CHECK (event IN ('opened', 'worse', 'recovered')),
  queued_at_ms INTEGER NOT NULL,
  due_at_ms INTEGER NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (alert_id, channel, event)
) STRICT, WITHOUT ROWID;

-- In which hours (UTC, since 1970) submissions of a source came and runs of a kind began: what is usual, and what is silence.
CREATE TABLE rhythm (
  what TEXT NOT NULL CHECK (what IN ('source', 'run')),
  name TEXT NOT NULL,
  hour INTEGER NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (what, name, hour)
) STRICT, WITHOUT ROWID;
INSERT INTO rhythm (what, name, hour, n)
  SELECT 'source', source, received_at_ms / 3600000, count(*) FROM submissions WHERE state <> 'history' GROUP BY 2, 3;
INSERT INTO rhythm (what, name, hour, n) SELECT 'run', kind, started_at_ms / 3600000, count(*) FROM runs GROUP BY 2, 3;
CREATE TRIGGER submissions_arrived AFTER INSERT ON submissions WHEN new.state = 'pending' BEGIN
  INSERT INTO rhythm (what, name, hour, n) VALUES ('source', new.source, new.received_at_ms / 3600000, 1)
    ON CONFLICT DO UPDATE SET n = n + 1;
END;

-- How things stood at the end of a run. Sums rise over all runs, so that rows can be thinned with age and what happened
-- between two that are left is their difference.
CREATE TABLE samples (
  at_ms INTEGER PRIMARY KEY,
  body TEXT NOT NULL
) STRICT;

-- What rises across runs and is not in another table, by name and labels (JSON of sorted pairs).
CREATE TABLE counters (
  name TEXT NOT NULL,
  labels TEXT NOT NULL,
  value REAL NOT NULL,
  PRIMARY KEY (name, labels)
) STRICT, WITHOUT ROWID;

-- Fields that the CRM echoed otherwise than they were sent.
CREATE TABLE field_findings (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  entity TEXT NOT NULL CHECK (entity IN ('organization', 'person', 'deal', 'note')),
  field TEXT NOT NULL,
  finding TEXT NOT NULL CHECK (finding IN ('dropped', 'truncated', 'coerced')),
  n INTEGER NOT NULL,
  first_at_ms INTEGER NOT NULL,
  last_at_ms INTEGER NOT NULL,
  last_submission_id INTEGER REFERENCES submissions (id) ON DELETE SET NULL,
  PRIMARY KEY (account_id, entity, field, finding)
) STRICT, WITHOUT ROWID;

-- The user of this machine who put something else in its place; NULL: the program did.
ALTER TABLE revisions ADD COLUMN replaced_by TEXT;

-- The CRM's fields, options, pipelines and stages as they were seen last, and what changed since they were seen before.
CREATE TABLE crm_names (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  kind TEXT NOT NULL CHECK (kind IN ('field', 'option', 'pipeline', 'stage')),
  crm_id TEXT NOT NULL,
  name TEXT NOT NULL,
  facts TEXT NOT NULL,
  seen_at_ms INTEGER NOT NULL,
  gone_at_ms INTEGER,
  PRIMARY KEY (account_id, kind, crm_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE crm_changes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  kind TEXT NOT NULL,
  crm_id TEXT NOT NULL,
  change TEXT NOT NULL CHECK (change IN ('added', 'renamed', 'removed', 'retyped', 'required')),
  before TEXT,
  after TEXT,
  at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX crm_changes_at ON crm_changes (at_ms);

-- The members of a source's records, by path: never their values.
CREATE TABLE source_members (
  source TEXT NOT NULL,
  path TEXT NOT NULL,
  type TEXT NOT NULL,
  n INTEGER NOT NULL,
  first_at_ms INTEGER NOT NULL,
  last_at_ms INTEGER NOT NULL,
  -- 1: the map read it when it was seen last.
  mapped INTEGER NOT NULL,
  last_key TEXT,
  PRIMARY KEY (source, path, type)
) STRICT, WITHOUT ROWID;
`;
