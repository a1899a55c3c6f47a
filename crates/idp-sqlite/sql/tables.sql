-- One row: what is true of the whole file.
CREATE TABLE idp_meta (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  lanes INTEGER NOT NULL,
  -- The last revision that a parked key was given. None is given twice, so that a key that is parked
  -- anew is never taken for what it was before.
  key_revision INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The log, only ever appended to. AUTOINCREMENT: a position is never given out twice, also when
-- the last events have been purged.
CREATE TABLE idp_outbox (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  lane INTEGER NOT NULL,
  id BLOB NOT NULL,
  tenant_id TEXT NOT NULL,
  aggregatetype TEXT NOT NULL,
  aggregateid BLOB NOT NULL,
  aggregate_version INTEGER NOT NULL,
  type TEXT NOT NULL,
  schema_id TEXT NOT NULL,
  schema_version INTEGER NOT NULL,
  payload TEXT NOT NULL,
  metadata TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  occurred_at INTEGER NOT NULL
) STRICT;

-- The position is in it: SQLite ends every entry of an index with the row id.
CREATE INDEX idp_outbox_lane ON idp_outbox (lane);

-- How far each reader is in each lane (-1: the whole log), and who has the lease. Without an owner
-- the lease is free. Instants are microseconds since 1970, by the clock of SQLite.
CREATE TABLE idp_reader_lane (
  reader TEXT NOT NULL,
  lane INTEGER NOT NULL,
  owner BLOB,
  epoch INTEGER NOT NULL DEFAULT 0,
  lease_until INTEGER NOT NULL DEFAULT 0,
  "window" INTEGER NOT NULL DEFAULT 0,
  position INTEGER NOT NULL DEFAULT 0,
  sequence INTEGER NOT NULL DEFAULT 0,
  -- The last number that was given in the side track.
  side_sequence INTEGER NOT NULL DEFAULT 0,
  -- How many events of the lane had been dropped before the reader began.
  missed INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (reader, lane)
) STRICT, WITHOUT ROWID;

CREATE TABLE idp_reader_worker (
  reader TEXT NOT NULL,
  worker BLOB NOT NULL,
  alive_until INTEGER NOT NULL,
  PRIMARY KEY (reader, worker)
) STRICT, WITHOUT ROWID;
