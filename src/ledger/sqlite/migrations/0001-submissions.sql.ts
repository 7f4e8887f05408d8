/** Runs, submissions, chains and requests. Released migrations are never edited: a change is a new file with the next number. */
import { finding } from "../finding.sql.ts";

export const sql = /* sql */ `
CREATE TABLE meta (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
  id INTEGER PRIMARY KEY,
  vendor TEXT NOT NULL,
  external_id TEXT NOT NULL,
  name TEXT NOT NULL,
  bound_at_ms INTEGER NOT NULL,
  UNIQUE (vendor, external_id)
) STRICT;

CREATE TABLE credentials (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  credential TEXT NOT NULL,
  secret TEXT NOT NULL,
  expires_at_ms INTEGER,
  generation INTEGER NOT NULL,
  PRIMARY KEY (account_id, credential)
) STRICT, WITHOUT ROWID;

CREATE TABLE catalog (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  part TEXT NOT NULL,
  body TEXT NOT NULL,
  fetched_at_ms INTEGER NOT NULL,
  PRIMARY KEY (account_id, part)
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  pid INTEGER NOT NULL,
  host TEXT NOT NULL,
  lock_name TEXT,
  boot_id TEXT NOT NULL,
  started_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER,
  stopped TEXT,
  exit_code INTEGER,
  summary TEXT,
  requests INTEGER NOT NULL DEFAULT 0,
  rate_limited INTEGER NOT NULL DEFAULT 0,
  tokens REAL NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX runs_open ON runs (id) WHERE ended_at_ms IS NULL;
CREATE INDEX runs_kind ON runs (kind, id);

-- The id is the fencing token of the lease: AUTOINCREMENT never gives one out twice.
CREATE TABLE claims (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id INTEGER NOT NULL REFERENCES runs (id),
  lane TEXT NOT NULL,
  until_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX claims_run ON claims (run_id);

-- Wide payload columns come last, so that the queue's statements need not read their overflow pages.
CREATE TABLE submissions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  source TEXT NOT NULL,
  key TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN
    ('pending', 'waiting', 'inProgress', 'uncertain', 'done', 'failed', 'dropped', 'history')),
  -- What a claim took it from, so that a dead run's work goes back as what it was.
  prior_state TEXT,
  lane TEXT NOT NULL CHECK (lane IN ('operational', 'background')),
  submitted_at_ms INTEGER NOT NULL,
  received_at_ms INTEGER NOT NULL,
  target_ms INTEGER NOT NULL,
  due_at_ms INTEGER NOT NULL,
  -- Not 0: was found behind a taken key; looked at again when the key is given back, at the latest at this instant.
  blocked_until_ms INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  planned INTEGER NOT NULL DEFAULT 0,
  claim_id INTEGER,
  run_id INTEGER NOT NULL REFERENCES runs (id),
  failed_at_ms INTEGER,
  done_at_ms INTEGER,
  error_code TEXT,
  error TEXT,
  file TEXT NOT NULL,
  line INTEGER,
  -- Of a revision: the first version, under whose key its record came. Later versions have the higher ids.
  revises INTEGER REFERENCES submissions (id),
  raw_hash TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  -- 1: the transaction that brought it in counts it, together with all others of its batch. 0: the triggers below do.
  -- 2: as 1, and what finds it was written before it.
  tallied INTEGER NOT NULL DEFAULT 0,
  -- JSON: the identity keys in their order.
  identity_keys TEXT NOT NULL DEFAULT '[]',
  content TEXT,
  raw TEXT
) STRICT;
CREATE INDEX submissions_versions ON submissions (revises, id) WHERE revises IS NOT NULL;
CREATE INDEX submissions_claim ON submissions (claim_id) WHERE claim_id IS NOT NULL;
CREATE INDEX submissions_ready ON submissions (lane, source, target_ms, submitted_at_ms, id)
  WHERE state = 'pending' AND blocked_until_ms = 0;
CREATE INDEX submissions_blocked ON submissions (blocked_until_ms)
  WHERE state = 'pending' AND blocked_until_ms > 0;
CREATE INDEX submissions_due ON submissions (lane, source, state, due_at_ms, id)
  WHERE state IN ('waiting', 'uncertain');
CREATE INDEX submissions_age ON submissions (submitted_at_ms, id, done_at_ms)
  WHERE state IN ('pending', 'waiting', 'inProgress', 'uncertain');
CREATE INDEX submissions_repaired ON submissions (id)
  WHERE state IN ('pending', 'waiting', 'inProgress', 'uncertain') AND done_at_ms IS NOT NULL;
CREATE INDEX submissions_failed ON submissions (failed_at_ms) WHERE state = 'failed';

-- Contents that an edit, today's map or a newer version of the record replaced, raw records that were replaced, and
-- versions that came after newer ones.
CREATE TABLE revisions (
  submission_id INTEGER NOT NULL REFERENCES submissions (id) ON DELETE CASCADE,
  replaced_at_ms INTEGER NOT NULL,
  content TEXT,
  raw TEXT,
  PRIMARY KEY (submission_id, replaced_at_ms)
) STRICT, WITHOUT ROWID;

${finding}
CREATE TABLE rejects (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL CHECK (kind IN ('reject', 'conflict')),
  source TEXT NOT NULL,
  key TEXT,
  raw_hash TEXT NOT NULL,
  content_hash TEXT,
  reason TEXT NOT NULL,
  file TEXT NOT NULL,
  line INTEGER,
  run_id INTEGER NOT NULL REFERENCES runs (id),
  created_at_ms INTEGER NOT NULL,
  closed_at_ms INTEGER,
  closed_why TEXT,
  submission_id INTEGER,
  content TEXT,
  raw TEXT NOT NULL,
  UNIQUE (source, raw_hash, kind)
) STRICT;
CREATE INDEX rejects_open ON rejects (id) WHERE closed_at_ms IS NULL;
CREATE INDEX rejects_conflict ON rejects (source, key, content_hash) WHERE kind = 'conflict';

CREATE TABLE file_progress (
  source TEXT NOT NULL,
  identity TEXT NOT NULL,
  path TEXT NOT NULL,
  offset_bytes INTEGER NOT NULL,
  line INTEGER NOT NULL,
  size INTEGER NOT NULL,
  modified_at_ms REAL NOT NULL,
  unchanged_since_ms REAL NOT NULL,
  head TEXT NOT NULL,
  context TEXT,
  archived_at_ms REAL,
  PRIMARY KEY (source, identity)
) STRICT, WITHOUT ROWID;

CREATE TABLE steps (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  submission_id INTEGER NOT NULL REFERENCES submissions (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  entity TEXT NOT NULL CHECK (entity IN ('organization', 'person', 'deal', 'note')),
  position INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'begun', 'uncertain', 'pending', 'done', 'failed')),
  action TEXT CHECK (action IN ('create', 'update', 'match', 'adopt', 'merge', 'delete')),
  idempotency_key TEXT NOT NULL,
  crm_id TEXT,
  attempts INTEGER NOT NULL DEFAULT 0,
  sent_at_ms INTEGER,
  lost_at_ms INTEGER,
  probes INTEGER NOT NULL DEFAULT 0,
  handle TEXT,
  explanation TEXT,
  error TEXT,
  -- 1: a later plan has no such step. The row stays for its attempts.
  dropped INTEGER NOT NULL DEFAULT 0,
  content TEXT NOT NULL,
  UNIQUE (submission_id, name)
) STRICT;
CREATE INDEX steps_record ON steps (entity, crm_id) WHERE crm_id IS NOT NULL;

CREATE TABLE requests (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id INTEGER NOT NULL REFERENCES runs (id),
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  credential TEXT NOT NULL,
  lane TEXT NOT NULL,
  op_group TEXT NOT NULL,
  method TEXT NOT NULL,
  route TEXT NOT NULL,
  is_write INTEGER NOT NULL,
  tokens REAL NOT NULL,
  timeout_ms INTEGER NOT NULL,
  begun_at_ms INTEGER NOT NULL,
  begun_mono_ms REAL NOT NULL,
  boot_id TEXT NOT NULL,
  -- JSON: what was taken from day buckets, [{bucket, slotMs, amount}]. Given back after a 429.
  spent TEXT NOT NULL,
  ended_at_ms INTEGER,
  ended_mono_ms REAL,
  status INTEGER,
  outcome TEXT CHECK (outcome IN ('applied', 'refused', 'deferred', 'uncertain', 'pending', 'mixed')),
  error TEXT,
  latency_ms REAL,
  rate_limited INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX requests_open ON requests (run_id) WHERE outcome IS NULL;

-- A step's try: which request carried its write. Added once, closed once.
CREATE TABLE attempts (
  step_id INTEGER NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
  request_id INTEGER NOT NULL REFERENCES requests (id),
  action TEXT NOT NULL CHECK (action IN ('create', 'update', 'match', 'adopt', 'merge', 'delete')),
  outcome TEXT,
  error TEXT,
  PRIMARY KEY (step_id, request_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_request ON attempts (request_id);

-- Reads on behalf of submissions.
CREATE TABLE lookups (
  submission_id INTEGER NOT NULL REFERENCES submissions (id) ON DELETE CASCADE,
  request_id INTEGER NOT NULL REFERENCES requests (id),
  PRIMARY KEY (submission_id, request_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE waits (
  id INTEGER PRIMARY KEY,
  submission_id INTEGER NOT NULL REFERENCES submissions (id) ON DELETE CASCADE,
  at_ms INTEGER NOT NULL,
  kind TEXT NOT NULL,
  until_ms INTEGER,
  detail TEXT NOT NULL
) STRICT;
CREATE INDEX waits_submission ON waits (submission_id, id);

-- A key is taken by a live claim (claim_id), by an uncertain create (kept_by: its submission), or by both.
CREATE TABLE identity_leases (
  account_id INTEGER NOT NULL,
  key TEXT NOT NULL,
  claim_id INTEGER REFERENCES claims (id),
  kept_by INTEGER REFERENCES submissions (id) ON DELETE CASCADE,
  PRIMARY KEY (account_id, key),
  CHECK (claim_id IS NOT NULL OR kept_by IS NOT NULL)
) STRICT, WITHOUT ROWID;
CREATE INDEX identity_leases_claim ON identity_leases (claim_id) WHERE claim_id IS NOT NULL;
CREATE INDEX identity_leases_kept ON identity_leases (kept_by) WHERE kept_by IS NOT NULL;

-- Whose turn it is: how many picks the lower lane and the past of each lane are owed.
CREATE TABLE pace (
  name TEXT PRIMARY KEY,
  owed REAL NOT NULL
) STRICT, WITHOUT ROWID;

-- Kept by the triggers below, so that no question about the queue counts rows.
CREATE TABLE queue_counts (
  source TEXT NOT NULL,
  lane TEXT NOT NULL,
  target_ms INTEGER NOT NULL,
  state TEXT NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (source, lane, target_ms, state)
) STRICT, WITHOUT ROWID;

CREATE TABLE reject_counts (
  source TEXT NOT NULL,
  kind TEXT NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (source, kind)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER submissions_counted AFTER INSERT ON submissions WHEN new.tallied = 0 BEGIN
  INSERT INTO queue_counts (source, lane, target_ms, state, n)
    VALUES (new.source, new.lane, new.target_ms, new.state, 1)
    ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER submissions_recounted AFTER UPDATE OF source, lane, target_ms, state ON submissions
WHEN new.state <> old.state OR new.source <> old.source OR new.lane <> old.lane OR new.target_ms <> old.target_ms BEGIN
  UPDATE queue_counts SET n = n - 1
    WHERE source = old.source AND lane = old.lane AND target_ms = old.target_ms AND state = old.state;
  INSERT INTO queue_counts (source, lane, target_ms, state, n)
    VALUES (new.source, new.lane, new.target_ms, new.state, 1)
    ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER submissions_uncounted AFTER DELETE ON submissions BEGIN
  UPDATE queue_counts SET n = n - 1
    WHERE source = old.source AND lane = old.lane AND target_ms = old.target_ms AND state = old.state;
END;
-- Whoever was found behind this key may be free now. Bounded: the rest is looked at again by time. Mostly nobody is behind any
-- key, which costs less to ask than to look who shares this one.
CREATE TRIGGER submission_keys_freed AFTER UPDATE OF open ON submission_keys
WHEN new.open = 0 AND EXISTS (SELECT 1 FROM submissions WHERE state = 'pending' AND blocked_until_ms > 0) BEGIN
  UPDATE submissions SET blocked_until_ms = 0 WHERE blocked_until_ms > 0 AND id IN
    (SELECT submission_id FROM submission_keys WHERE key = new.key AND open = 1 LIMIT 200);
END;
CREATE TRIGGER identity_leases_freed AFTER DELETE ON identity_leases
WHEN EXISTS (SELECT 1 FROM submissions WHERE state = 'pending' AND blocked_until_ms > 0) BEGIN
  UPDATE submissions SET blocked_until_ms = 0 WHERE blocked_until_ms > 0 AND id IN
    (SELECT submission_id FROM submission_keys WHERE key = old.key AND open = 1 LIMIT 200);
END;

CREATE TRIGGER rejects_counted AFTER INSERT ON rejects WHEN new.closed_at_ms IS NULL BEGIN
  INSERT INTO reject_counts (source, kind, n) VALUES (new.source, new.kind, 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER rejects_recounted AFTER UPDATE OF closed_at_ms ON rejects
WHEN (old.closed_at_ms IS NULL) <> (new.closed_at_ms IS NULL) BEGIN
  UPDATE reject_counts SET n = n + iif(new.closed_at_ms IS NULL, 1, -1)
    WHERE source = new.source AND kind = new.kind;
END;
CREATE TRIGGER rejects_uncounted AFTER DELETE ON rejects WHEN old.closed_at_ms IS NULL BEGIN
  UPDATE reject_counts SET n = n - 1 WHERE source = old.source AND kind = old.kind;
END;
`;
