/** What limits us at the CRM, what stops us, and the copy of its directory. */
export const sql = /* sql */ `
CREATE TABLE quota (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  -- Empty for buckets of the whole account.
  credential TEXT NOT NULL,
  bucket TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('window', 'day', 'concurrency')),
  window_ms REAL NOT NULL,
  capacity REAL,
  capacity_background REAL,
  remaining REAL,
  floor_background REAL NOT NULL,
  paused_until_mono_ms REAL NOT NULL,
  paused_boot_id TEXT,
  bucket_limit REAL,
  used_by_others REAL NOT NULL,
  period_start_ms INTEGER,
  resets_at_ms INTEGER,
  read_at_ms REAL NOT NULL,
  rate_factor REAL NOT NULL,
  PRIMARY KEY (account_id, credential, bucket)
) STRICT, WITHOUT ROWID;

-- The sliding log: a slot is taken until frees_mono_ms of its boot's clock; other boots go by the wall, for
-- span_ms at the most, so that a wall clock that jumped can't block for longer.
CREATE TABLE slots (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  credential TEXT NOT NULL,
  bucket TEXT NOT NULL,
  request_id INTEGER NOT NULL REFERENCES requests (id),
  lane TEXT NOT NULL,
  amount REAL NOT NULL,
  boot_id TEXT NOT NULL,
  frees_mono_ms REAL NOT NULL,
  frees_at_ms REAL NOT NULL,
  span_ms REAL NOT NULL,
  PRIMARY KEY (account_id, credential, bucket, request_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX slots_request ON slots (request_id);

-- Tokens by quarter of an hour (or from the day's start, where that falls inside one).
CREATE TABLE spend (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  bucket TEXT NOT NULL,
  slot_at_ms INTEGER NOT NULL,
  lane TEXT NOT NULL,
  amount REAL NOT NULL,
  PRIMARY KEY (account_id, bucket, slot_at_ms, lane)
) STRICT, WITHOUT ROWID;

-- The same by source, of those that may use a part of the day only.
CREATE TABLE source_spend (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  bucket TEXT NOT NULL,
  slot_at_ms INTEGER NOT NULL,
  source TEXT NOT NULL,
  amount REAL NOT NULL,
  PRIMARY KEY (account_id, bucket, source, slot_at_ms)
) STRICT, WITHOUT ROWID;

CREATE TABLE holds (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id INTEGER,
  kind TEXT NOT NULL CHECK (kind IN ('dailyQuota', 'burst', 'blocked', 'credentials', 'planCap', 'outage', 'source',
    'paused', 'staleLedger')),
  scope TEXT NOT NULL,
  until_ms INTEGER,
  probe INTEGER NOT NULL,
  message TEXT NOT NULL,
  opened_at_ms INTEGER NOT NULL,
  closed_at_ms INTEGER
) STRICT;
CREATE UNIQUE INDEX holds_open ON holds (coalesce(account_id, 0), kind, scope) WHERE closed_at_ms IS NULL;

CREATE TABLE breakers (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  op_group TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('closed', 'open', 'halfOpen')),
  opened_at_ms INTEGER,
  recent TEXT NOT NULL,
  -- Openings without a success between, and what of the group is down: 'reads', 'writes', 'both'; NULL while it is closed.
  openings INTEGER NOT NULL DEFAULT 0,
  down TEXT CHECK (down IN ('reads', 'writes', 'both')),
  -- The run whose one request finds out whether the group's hold still stands, and until when it is waited for.
  probe_run_id INTEGER,
  probe_until_ms INTEGER,
  PRIMARY KEY (account_id, op_group)
) STRICT, WITHOUT ROWID;

-- Ids and match keys, no more: what a record holds is the CRM's.
CREATE TABLE mirror_records (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  entity TEXT NOT NULL CHECK (entity IN ('organization', 'person', 'deal', 'note')),
  crm_id TEXT NOT NULL,
  created_at_ms INTEGER,
  updated_at_ms INTEGER,
  walk INTEGER NOT NULL,
  seen_at_ms INTEGER NOT NULL,
  PRIMARY KEY (account_id, entity, crm_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX mirror_records_walk ON mirror_records (account_id, entity, walk);

CREATE TABLE mirror_keys (
  account_id INTEGER NOT NULL,
  entity TEXT NOT NULL,
  key TEXT NOT NULL,
  crm_id TEXT NOT NULL,
  PRIMARY KEY (account_id, entity, key, crm_id),
  FOREIGN KEY (account_id, entity, crm_id) REFERENCES mirror_records (account_id, entity, crm_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX mirror_keys_record ON mirror_keys (account_id, entity, crm_id);

CREATE TABLE mirror_state (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  entity TEXT NOT NULL,
  watermark_ms INTEGER,
  walked_at_ms INTEGER,
  refreshed_at_ms INTEGER,
  records INTEGER NOT NULL,
  search_tokens REAL NOT NULL,
  walk INTEGER NOT NULL,
  PRIMARY KEY (account_id, entity)
) STRICT, WITHOUT ROWID;
`;
