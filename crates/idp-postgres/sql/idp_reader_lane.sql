-- The positions of readers, and who may move them. Few rows, updated often: room for HOT updates, so that
-- few entries of the index lead to what an old transaction keeps.
-- `side_sequence` is the last number that was given in the side track of the lane. `missed` is how many
-- events of the lane had been dropped before the reader began.
CREATE TABLE idp_reader_lane (
  reader text COLLATE "C" NOT NULL,
  lane smallint NOT NULL,
  owner uuid,
  epoch bigint NOT NULL DEFAULT 0,
  lease_until timestamptz,
  tick bigint NOT NULL DEFAULT 0,
  position bigint NOT NULL DEFAULT 0,
  sequence bigint NOT NULL DEFAULT 0,
  side_sequence bigint NOT NULL DEFAULT 0,
  missed bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (reader, lane)
) WITH (fillfactor = 10)
