/** Part of the first schema, never edited once it is released: what finds a submission, and what is on its way to be one. */
export const finding = /* sql */ `
-- What finds a submission by its key, its raw record or a person. Keys, hashes and persons come in no order, so that each entry is
-- a page of its own to write: where very many come at once, they are sorted first and written before their submissions. So they
-- are tables of their own, kept by triggers otherwise.

-- The key first: so it answers too which sources have one.
CREATE TABLE submission_names (
  key TEXT NOT NULL,
  source TEXT NOT NULL,
  submission_id INTEGER NOT NULL,
  PRIMARY KEY (key, source)
) STRICT, WITHOUT ROWID;

-- other is 1 of raw records beside the one that the submission has itself: other bytes of the same content, and what was replaced.
CREATE TABLE raw_hashes (
  source TEXT NOT NULL,
  raw_hash TEXT NOT NULL,
  submission_id INTEGER NOT NULL,
  other INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (source, raw_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX raw_hashes_other ON raw_hashes (submission_id) WHERE other = 1;

-- open is 1 while the submission is neither final nor kept back, so that it keeps others of its person waiting; the time is a copy.
-- Where all times of a key are asked for, open is asked for both ways.
CREATE TABLE submission_keys (
  key TEXT NOT NULL,
  open INTEGER NOT NULL,
  submitted_at_ms INTEGER NOT NULL,
  submission_id INTEGER NOT NULL,
  PRIMARY KEY (key, open, submitted_at_ms, submission_id)
) STRICT, WITHOUT ROWID;

-- Runs that have records on their way in. How many of them others let in meanwhile, of which the run was not told yet.
CREATE TABLE arriving_runs (
  run_id INTEGER PRIMARY KEY REFERENCES runs (id),
  new_apart INTEGER NOT NULL DEFAULT 0,
  -- Of those that are new: submitted before this instant.
  old_apart INTEGER NOT NULL DEFAULT 0,
  old_before_ms INTEGER NOT NULL DEFAULT 0,
  history_apart INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Records of a large import on their way in: each has the id of the submission that it is going to be, and is none yet.
-- What finds it may be written already.
CREATE TABLE arriving (
  id INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL REFERENCES runs (id),
  source TEXT NOT NULL,
  key TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'history')),
  lane TEXT NOT NULL CHECK (lane IN ('operational', 'background')),
  submitted_at_ms INTEGER NOT NULL,
  target_ms INTEGER NOT NULL,
  file TEXT NOT NULL,
  line INTEGER,
  raw_hash TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  -- 1: it needs a look of its own, as somebody has a part of what it brings. It will not be let in with the others.
  contested INTEGER NOT NULL DEFAULT 0,
  identity_keys TEXT NOT NULL,
  content TEXT NOT NULL,
  raw TEXT NOT NULL
) STRICT;

CREATE TRIGGER submissions_found AFTER INSERT ON submissions
WHEN new.tallied < 2 AND NOT EXISTS (SELECT 1 FROM arriving WHERE id = new.id) BEGIN
  INSERT INTO submission_names (key, source, submission_id) VALUES (new.key, new.source, new.id);
  INSERT OR IGNORE INTO raw_hashes (source, raw_hash, submission_id) VALUES (new.source, new.raw_hash, new.id);
  INSERT OR IGNORE INTO submission_keys (key, open, submitted_at_ms, submission_id)
    SELECT value, (new.state IN ('pending', 'inProgress', 'uncertain') OR (new.state = 'waiting' AND new.due_at_ms < 253402300799000)), new.submitted_at_ms, new.id FROM json_each(new.identity_keys);
END;
CREATE TRIGGER submissions_renamed AFTER UPDATE OF key, source ON submissions
WHEN new.key <> old.key OR new.source <> old.source BEGIN
  DELETE FROM submission_names WHERE key = old.key AND source = old.source;
  INSERT INTO submission_names (key, source, submission_id) VALUES (new.key, new.source, new.id);
END;
CREATE TRIGGER submissions_came_as AFTER UPDATE OF raw_hash ON submissions WHEN new.raw_hash <> old.raw_hash BEGIN
  DELETE FROM raw_hashes
    WHERE source = old.source AND raw_hash = old.raw_hash AND submission_id = old.id AND other = 0;
  INSERT OR IGNORE INTO raw_hashes (source, raw_hash, submission_id) VALUES (new.source, new.raw_hash, new.id);
END;
CREATE TRIGGER submissions_closed AFTER UPDATE OF state, due_at_ms ON submissions
WHEN new.submitted_at_ms = old.submitted_at_ms AND new.identity_keys = old.identity_keys
  AND (old.state IN ('pending', 'inProgress', 'uncertain') OR (old.state = 'waiting' AND old.due_at_ms < 253402300799000))
    <> (new.state IN ('pending', 'inProgress', 'uncertain') OR (new.state = 'waiting' AND new.due_at_ms < 253402300799000)) BEGIN
  UPDATE submission_keys SET open = 1 - open
    WHERE key IN (SELECT value FROM json_each(new.identity_keys))
      AND open <> (new.state IN ('pending', 'inProgress', 'uncertain') OR (new.state = 'waiting' AND new.due_at_ms < 253402300799000))
      AND open IN (0, 1) AND submitted_at_ms = new.submitted_at_ms AND submission_id = new.id;
END;
CREATE TRIGGER submissions_reidentified AFTER UPDATE OF submitted_at_ms, identity_keys ON submissions
WHEN new.submitted_at_ms <> old.submitted_at_ms OR new.identity_keys <> old.identity_keys BEGIN
  DELETE FROM submission_keys
    WHERE key IN (SELECT value FROM json_each(old.identity_keys)) AND open IN (0, 1)
      AND submitted_at_ms = old.submitted_at_ms AND submission_id = old.id;
  INSERT OR IGNORE INTO submission_keys (key, open, submitted_at_ms, submission_id)
    SELECT value, (new.state IN ('pending', 'inProgress', 'uncertain') OR (new.state = 'waiting' AND new.due_at_ms < 253402300799000)), new.submitted_at_ms, new.id FROM json_each(new.identity_keys);
END;
CREATE TRIGGER submissions_lost AFTER DELETE ON submissions BEGIN
  DELETE FROM submission_names WHERE key = old.key AND source = old.source;
  DELETE FROM raw_hashes WHERE source = old.source AND raw_hash = old.raw_hash AND submission_id = old.id;
  DELETE FROM submission_keys
    WHERE key IN (SELECT value FROM json_each(old.identity_keys)) AND open IN (0, 1)
      AND submitted_at_ms = old.submitted_at_ms AND submission_id = old.id;
END;
`;
