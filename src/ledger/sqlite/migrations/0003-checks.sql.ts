/** What `reconcile` saw at the CRM, what differs, and what is done about it. */
export const sql = /* sql */ `
-- JSON of the values and links of the last update that was sent; NULL for creates and matches.
ALTER TABLE steps ADD COLUMN sent TEXT;

-- Whose submittedAt is in a scope, and how many: answered without the wide rows; and pages of an export, by time, then id. An
-- expression, so that no statement of the queue takes it for one of its own indexes, which hold only what waits.
CREATE INDEX submissions_submitted ON submissions (submitted_at_ms + 0, id, source, state);

-- Stamps that do not show source and key: long names, control characters, outer blanks.
CREATE TABLE hashed_stamps (
  stamp TEXT PRIMARY KEY,
  submission_id INTEGER NOT NULL REFERENCES submissions (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX hashed_stamps_submission ON hashed_stamps (submission_id);

CREATE TABLE checks (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  run_id INTEGER NOT NULL REFERENCES runs (id),
  scope_source TEXT,
  scope_since_ms INTEGER,
  scope_until_ms INTEGER,
  progress TEXT,
  summary TEXT,
  started_at_ms INTEGER NOT NULL,
  -- When it last kept a page: from then on it may count as stopped.
  kept_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER
) STRICT;
CREATE INDEX checks_open ON checks (id) WHERE ended_at_ms IS NULL;
CREATE INDEX checks_ended ON checks (id) WHERE ended_at_ms IS NOT NULL;

-- A record as the last check that met it saw it. was_deleted stays 1 once any check saw it deleted.
CREATE TABLE sightings (
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  entity TEXT NOT NULL CHECK (entity IN ('organization', 'person', 'deal', 'note')),
  crm_id TEXT NOT NULL,
  check_id INTEGER NOT NULL REFERENCES checks (id),
  state TEXT NOT NULL CHECK (state IN ('present', 'archived', 'deleted', 'gone', 'hidden')),
  stamp TEXT,
  part INTEGER,
  stamped_for INTEGER REFERENCES submissions (id) ON DELETE SET NULL,
  created_at_ms INTEGER,
  by_api INTEGER,
  person_id TEXT,
  organization_id TEXT,
  deal_id TEXT,
  was_deleted INTEGER NOT NULL,
  -- 1: it was the record of its submission's step when it was seen, so it is nobody's double.
  own INTEGER NOT NULL,
  -- JSON [{field, expected, actual}]; NULL where nothing differs.
  drift TEXT,
  PRIMARY KEY (account_id, entity, crm_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX sightings_extra ON sightings (check_id, entity, crm_id) WHERE stamp IS NOT NULL AND own = 0;
CREATE INDEX sightings_lost ON sightings (check_id, entity, crm_id) WHERE state IN ('deleted', 'gone', 'hidden');
CREATE INDEX sightings_drifted ON sightings (check_id, entity, crm_id) WHERE drift IS NOT NULL;
CREATE INDEX sightings_heirs ON sightings (stamped_for, entity) WHERE stamped_for IS NOT NULL;

-- Steps with a record's id that is not theirs: repairs, set-aside plans, what was never answered.
CREATE INDEX steps_unrecorded ON steps (entity, crm_id)
  WHERE crm_id IS NOT NULL AND NOT (state = 'done' AND dropped = 0 AND name NOT GLOB 'repair.*');

CREATE TABLE discrepancies (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  fingerprint TEXT NOT NULL UNIQUE,
  class TEXT NOT NULL CHECK (class IN ('break', 'edit')),
  kind TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('new', 'open', 'accepted', 'repaired', 'gone')),
  source TEXT,
  key TEXT,
  submission_id INTEGER REFERENCES submissions (id) ON DELETE CASCADE,
  email TEXT,
  entity TEXT CHECK (entity IN ('organization', 'person', 'deal', 'note')),
  crm_id TEXT,
  since_ms INTEGER NOT NULL,
  repair TEXT,
  safe INTEGER NOT NULL,
  first_seen_at_ms INTEGER NOT NULL,
  last_seen_at_ms INTEGER NOT NULL,
  -- The check that found it first (anew), the last one that found it, and the one that found it no more.
  first_check_id INTEGER NOT NULL REFERENCES checks (id),
  last_check_id INTEGER NOT NULL REFERENCES checks (id),
  closed_check_id INTEGER REFERENCES checks (id),
  why TEXT,
  accepted_at_ms INTEGER,
  repairs INTEGER NOT NULL DEFAULT 0,
  -- Of the last repair since it was found first (anew).
  repair_queued_at_ms INTEGER,
  message TEXT NOT NULL,
  expected TEXT,
  actual TEXT,
  repair_order TEXT
) STRICT;
CREATE INDEX discrepancies_live ON discrepancies (id) WHERE state IN ('new', 'open', 'accepted');
CREATE INDEX discrepancies_state ON discrepancies (state, class, kind);
CREATE INDEX discrepancies_seen ON discrepancies (last_check_id, id);
CREATE INDEX discrepancies_closed ON discrepancies (closed_check_id, id) WHERE closed_check_id IS NOT NULL;
CREATE INDEX discrepancies_submission ON discrepancies (submission_id) WHERE submission_id IS NOT NULL;
`;
