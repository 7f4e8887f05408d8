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
CREATE TRIGGER submissions_arrived AFTER INSERT ON submissions WHEN new.state = 'pending' AND new.tallied = 0 BEGIN
  INSERT INTO rhythm (what, name, hour, n) VALUES ('source', new.source, new.received_at_ms / 3600000, 1)
    ON CONFLICT DO UPDATE SET n = n + 1;
END;

-- How things stood at the end of a run. Sums rise over all runs, so that rows can be thinned with age and what happened
-- between two that are left is their difference.
CREATE TABLE samples (
  at_ms INTEGER PRIMARY KEY,
  body TEXT NOT NULL
) STRICT;

-- What rises across runs, by name and labels (JSON, its members sorted). Rows that it was counted from may be thinned or
-- forgotten: it never falls. Of requests and attempts, those up to \`folded\` are in it.
CREATE TABLE counters (
  name TEXT NOT NULL,
  labels TEXT NOT NULL,
  value REAL NOT NULL,
  PRIMARY KEY (name, labels)
) STRICT, WITHOUT ROWID;
INSERT INTO counters (name, labels, value) VALUES ('folded', '{}', 0);

-- How many submissions were delivered in more than the next lower bound and up to so many seconds from their submittedAt.
CREATE TABLE delays (
  lane TEXT NOT NULL CHECK (lane IN ('operational', 'background')),
  up_to_s INTEGER NOT NULL,
  n INTEGER NOT NULL,
  -- All of them together.
  seconds REAL NOT NULL,
  PRIMARY KEY (lane, up_to_s)
) STRICT, WITHOUT ROWID;
INSERT INTO delays (lane, up_to_s, n, seconds) SELECT lane.value, bound.value, 0, 0
  FROM json_each('["operational", "background"]') lane, json_each('[1, 2, 5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 450, 600,
    900, 1200, 1800, 2700, 3600, 5400, 7200, 10800, 14400, 21600, 32400, 43200, 64800, 86400, 172800, 259200, 604800,
    1209600, 2592000, 7776000, 9007199254740991]') bound;

-- Whoever took it over from an earlier script did not deliver it, and a repair is no second delivery.
CREATE TRIGGER submissions_delivered AFTER UPDATE OF state ON submissions
WHEN new.state = 'done' AND old.state = 'inProgress' AND old.done_at_ms IS NULL BEGIN
  UPDATE delays SET n = n + 1, seconds = seconds + max(0, new.done_at_ms - new.submitted_at_ms) / 1000.0
    WHERE lane = new.lane AND up_to_s =
    (SELECT min(up_to_s) FROM delays WHERE lane = new.lane AND up_to_s >= (new.done_at_ms - new.submitted_at_ms) / 1000.0);
END;
CREATE TRIGGER submissions_ended AFTER UPDATE OF state ON submissions
WHEN new.state <> old.state AND new.state IN ('done', 'failed', 'dropped') BEGIN
  INSERT INTO counters (name, labels, value) VALUES ('submissions', json_object('source', new.source, 'state', new.state), 1)
    ON CONFLICT DO UPDATE SET value = value + 1;
END;

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
  -- The part of the catalog that brings it: what a part does not bring any more is gone.
  part TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('field', 'option', 'pipeline', 'stage')),
  -- The CRM's own id, which a new name leaves as it is; of a field and an option with what it belongs to.
  crm_id TEXT NOT NULL,
  name TEXT NOT NULL,
  -- Of a field.
  type TEXT,
  required INTEGER,
  PRIMARY KEY (account_id, part, kind, crm_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE crm_changes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  kind TEXT NOT NULL CHECK (kind IN ('field', 'option', 'pipeline', 'stage')),
  crm_id TEXT NOT NULL,
  change TEXT NOT NULL CHECK (change IN ('renamed', 'removed', 'retyped', 'required')),
  -- Its name at that time, before a new one.
  name TEXT NOT NULL,
  before TEXT,
  after TEXT,
  at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX crm_changes_at ON crm_changes (account_id, at_ms);

-- The shape of a source's records as they came: of a layout (of trees, or flat as a CSV's rows are) how many were looked at.
CREATE TABLE source_shapes (
  source TEXT NOT NULL,
  layout TEXT NOT NULL CHECK (layout IN ('tree', 'flat')),
  records INTEGER NOT NULL,
  -- 1: they have more different members than are watched.
  too_many INTEGER NOT NULL,
  PRIMARY KEY (source, layout)
) STRICT, WITHOUT ROWID;

-- Their members, by path: never their values. The numbers count records of the source and layout, from 1.
CREATE TABLE source_members (
  source TEXT NOT NULL,
  layout TEXT NOT NULL,
  path TEXT NOT NULL,
  type TEXT NOT NULL CHECK (type IN ('empty', 'text', 'number', 'boolean', 'object', 'list')),
  n INTEGER NOT NULL,
  first_no INTEGER NOT NULL,
  last_no INTEGER NOT NULL,
  -- 1: the map read it when it was seen last.
  mapped INTEGER NOT NULL,
  last_key TEXT,
  PRIMARY KEY (source, layout, path, type)
) STRICT, WITHOUT ROWID;

-- What changed of the shape, until it is over. A change that begins at another record is another one.
CREATE TABLE source_drifts (
  source TEXT NOT NULL,
  layout TEXT NOT NULL,
  path TEXT NOT NULL,
  drift TEXT NOT NULL CHECK (drift IN ('vanished', 'retyped', 'added', 'tooMany')),
  begun_no INTEGER NOT NULL,
  -- JSON: types, counts, whether the map reads it.
  detail TEXT NOT NULL,
  last_key TEXT,
  found_at_ms INTEGER NOT NULL,
  over_at_ms INTEGER,
  PRIMARY KEY (source, layout, path, drift)
) STRICT, WITHOUT ROWID;

-- What doctor --measure saw of the account.
CREATE TABLE measurements (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  at_ms INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT;

-- Its test records, from before each is made until it is known to be gone again.
CREATE TABLE test_records (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  stamp TEXT NOT NULL,
  entity TEXT NOT NULL CHECK (entity IN ('organization', 'person', 'deal', 'note')),
  -- NULL: it was sent, and no answer came.
  crm_id TEXT,
  begun_at_ms INTEGER NOT NULL,
  PRIMARY KEY (account_id, stamp)
) STRICT, WITHOUT ROWID;
`;
