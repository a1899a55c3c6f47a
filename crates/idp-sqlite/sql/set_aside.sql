-- Events that a reader took out of its lanes: copies, so that the log can be purged. The columns of
-- the event are those of idp_outbox.
CREATE TABLE idp_set_aside (
  reader TEXT NOT NULL,
  lane INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
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
  occurred_at INTEGER NOT NULL,
  -- A scheduled event does not block its key; the others do.
  reason TEXT NOT NULL CHECK (reason IN ('refused', 'behind', 'scheduled')),
  -- When a scheduled event is to be delivered.
  deliver_at INTEGER,
  -- From when on it may be sent: 0 is at once, null is not before an operator says so.
  due_at INTEGER,
  -- Its number in the side track while it is being sent; it is then due at once.
  side_sequence INTEGER,
  is_edited INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (reader, lane, sequence)
) STRICT;

CREATE INDEX idp_set_aside_due ON idp_set_aside (reader, lane, due_at, sequence)
  WHERE due_at IS NOT NULL;
CREATE INDEX idp_set_aside_due_tenant ON idp_set_aside (reader, lane, tenant_id, due_at, sequence)
  WHERE due_at IS NOT NULL AND side_sequence IS NULL;
CREATE INDEX idp_set_aside_numbered ON idp_set_aside (reader, lane, side_sequence)
  WHERE side_sequence IS NOT NULL;
CREATE INDEX idp_set_aside_blocking ON idp_set_aside (reader, lane, tenant_id, aggregateid)
  WHERE reason <> 'scheduled';
CREATE INDEX idp_set_aside_key ON idp_set_aside (reader, lane, tenant_id, aggregateid, sequence);

-- Keys of which the bus refused an event. Each has events in idp_set_aside that block it; with the last
-- of them it goes.
CREATE TABLE idp_parked_key (
  reader TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  aggregateid BLOB NOT NULL,
  lane INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('parked', 'resumed')),
  attempts INTEGER NOT NULL,
  last_error TEXT NOT NULL,
  since INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  PRIMARY KEY (reader, tenant_id, aggregateid)
) STRICT, WITHOUT ROWID;

-- What operators did. Kept for good.
CREATE TABLE idp_dead_letter_record (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  reader TEXT NOT NULL,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  aggregateid BLOB NOT NULL,
  reason TEXT NOT NULL,
  payload_before TEXT
) STRICT;
CREATE INDEX idp_dead_letter_record_reader ON idp_dead_letter_record (reader);

-- The events that a record is about, in their order.
CREATE TABLE idp_dead_letter_event (
  record INTEGER NOT NULL REFERENCES idp_dead_letter_record (id),
  number INTEGER NOT NULL,
  event_id BLOB NOT NULL,
  PRIMARY KEY (record, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX idp_dead_letter_event_id ON idp_dead_letter_event (event_id);

CREATE TRIGGER idp_dead_letter_record_unchanged BEFORE UPDATE ON idp_dead_letter_record
  BEGIN SELECT RAISE(ABORT, 'records of dead letters are never changed'); END;
CREATE TRIGGER idp_dead_letter_record_kept BEFORE DELETE ON idp_dead_letter_record
  BEGIN SELECT RAISE(ABORT, 'records of dead letters are kept'); END;
CREATE TRIGGER idp_dead_letter_record_not_replaced BEFORE INSERT ON idp_dead_letter_record
  WHEN EXISTS (SELECT 1 FROM idp_dead_letter_record WHERE id = NEW.id)
  BEGIN SELECT RAISE(ABORT, 'records of dead letters are never changed'); END;
CREATE TRIGGER idp_dead_letter_event_unchanged BEFORE UPDATE ON idp_dead_letter_event
  BEGIN SELECT RAISE(ABORT, 'records of dead letters are never changed'); END;
CREATE TRIGGER idp_dead_letter_event_kept BEFORE DELETE ON idp_dead_letter_event
  BEGIN SELECT RAISE(ABORT, 'records of dead letters are kept'); END;
CREATE TRIGGER idp_dead_letter_event_not_replaced BEFORE INSERT ON idp_dead_letter_event
  WHEN EXISTS (SELECT 1 FROM idp_dead_letter_event WHERE record = NEW.record AND number = NEW.number)
  BEGIN SELECT RAISE(ABORT, 'records of dead letters are never changed'); END;
