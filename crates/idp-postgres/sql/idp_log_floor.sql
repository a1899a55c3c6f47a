-- What was purged, and what is kept. The one row of idp_log_floor is the gate: whoever purges holds its
-- lock, and whoever lets a reader begin holds it for share (docs/purge.md).
--
-- `window_first`: the first window that is kept whole.
CREATE TABLE idp_log_floor (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  window_first bigint NOT NULL DEFAULT 1
);
INSERT INTO idp_log_floor DEFAULT VALUES;
-- How many events of each lane stand in the windows before that one.
CREATE TABLE idp_log_gone (
  lane smallint PRIMARY KEY,
  events bigint NOT NULL
);
-- The partitions, behind one position and up to another. One that was emptied is dropped when its
-- table can be locked.
CREATE TABLE idp_log_partition (
  name text PRIMARY KEY,
  position_first bigint NOT NULL,
  position_end bigint NOT NULL,
  is_emptied boolean NOT NULL DEFAULT false
);
-- Named wishes that everything behind a window is kept.
CREATE TABLE idp_log_hold (
  name text COLLATE "C" PRIMARY KEY,
  tick bigint NOT NULL,
  since timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- The last epoch, and the last number of the side track, of readers that were forgotten: should one
-- come back, neither is given again.
CREATE TABLE idp_reader_gone (
  reader text COLLATE "C" NOT NULL,
  lane smallint NOT NULL,
  epoch bigint NOT NULL,
  side_sequence bigint NOT NULL,
  PRIMARY KEY (reader, lane)
);
-- What operators did about the log. Kept for good.
CREATE TABLE idp_keeping_record (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor text NOT NULL,
  action text NOT NULL,
  subject text NOT NULL,
  reason text NOT NULL
);
CREATE FUNCTION idp_keep_keeping_records() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'restrict_violation',
    MESSAGE = 'records about the log are kept as they are';
END
$$;
CREATE TRIGGER idp_keeping_record_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON idp_keeping_record
  FOR EACH STATEMENT EXECUTE FUNCTION idp_keep_keeping_records();
-- Every place of every reader, with the last window that it has passed.
CREATE VIEW idp_reader_place AS
  SELECT p.reader, p.lane, p.tenant_id, p.tick, p.position,
         CASE WHEN p.position = 9223372036854775807 THEN p.tick
              ELSE greatest(p.tick - 1, 0) END AS passed
    FROM (SELECT reader, lane, NULL::text AS tenant_id, tick, position FROM idp_reader_lane
          UNION ALL
          SELECT reader, lane, tenant_id, tick, position FROM idp_tenant_track) AS p
