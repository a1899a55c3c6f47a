-- What was dropped from the front of each lane, and of the whole log (-1): up to which position, and how
-- many events. No row where nothing was.
CREATE TABLE idp_log_gone (
  lane INTEGER PRIMARY KEY,
  position INTEGER NOT NULL,
  events INTEGER NOT NULL
) STRICT;

-- Named wishes that everything behind a position is kept.
CREATE TABLE idp_log_hold (
  name TEXT PRIMARY KEY,
  position INTEGER NOT NULL,
  since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The last epoch, and the last number of the side track, of readers that were forgotten: should one
-- come back, neither is given again.
CREATE TABLE idp_reader_gone (
  reader TEXT NOT NULL,
  lane INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  side_sequence INTEGER NOT NULL,
  PRIMARY KEY (reader, lane)
) STRICT, WITHOUT ROWID;

-- What operators did about the log. Kept for good.
CREATE TABLE idp_keeping_record (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  reason TEXT NOT NULL
) STRICT;
CREATE TRIGGER idp_keeping_record_unchanged BEFORE UPDATE ON idp_keeping_record
  BEGIN SELECT RAISE(ABORT, 'records about the log are never changed'); END;
CREATE TRIGGER idp_keeping_record_kept BEFORE DELETE ON idp_keeping_record
  BEGIN SELECT RAISE(ABORT, 'records about the log are kept'); END;
CREATE TRIGGER idp_keeping_record_not_replaced BEFORE INSERT ON idp_keeping_record
  WHEN EXISTS (SELECT 1 FROM idp_keeping_record WHERE id = NEW.id)
  BEGIN SELECT RAISE(ABORT, 'records about the log are never changed'); END;
