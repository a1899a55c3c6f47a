-- How far each tenant is that is split off from its lane, and how often a tenant was split off or
-- merged (0 without a row). What is purged must have been passed by these positions, too. Whoever
-- changes the rows of a lane holds the lock of its row in idp_reader_lane.
CREATE TABLE idp_lane_tracks (
  reader text COLLATE "C" NOT NULL,
  lane smallint NOT NULL,
  revision bigint NOT NULL,
  PRIMARY KEY (reader, lane)
);
CREATE TABLE idp_tenant_track (
  reader text COLLATE "C" NOT NULL,
  lane smallint NOT NULL,
  tenant_id text COLLATE "C" NOT NULL,
  generation bigint NOT NULL,
  tick bigint NOT NULL,
  position bigint NOT NULL,
  sequence bigint NOT NULL,
  PRIMARY KEY (reader, lane, tenant_id)
) WITH (fillfactor = 50);
-- Splits a tenant off or merges it, unless the lease is lost, the revision another one, or there is
-- nothing to change. Says whether the lease is held.
CREATE FUNCTION idp_change_tracks(
  p_reader text, p_lane smallint, p_epoch bigint, p_revision bigint, p_tenant text,
  p_is_split boolean
) RETURNS boolean LANGUAGE plpgsql SET enable_seqscan = off SET jit = off AS $$
DECLARE
  v_place idp_reader_lane;
  v_revision bigint;
  v_track idp_tenant_track;
BEGIN
  SELECT l.* INTO v_place FROM idp_reader_lane AS l
   WHERE l.reader = p_reader AND l.lane = p_lane AND l.epoch = p_epoch AND l.owner IS NOT NULL
     FOR UPDATE;
  IF NOT FOUND THEN RETURN false; END IF;
  -- The lock comes first: what is read after it stays as it is.
  SELECT r.revision INTO v_revision FROM idp_lane_tracks AS r
   WHERE r.reader = p_reader AND r.lane = p_lane;
  IF coalesce(v_revision, 0) <> p_revision THEN RETURN true; END IF;
  SELECT t.* INTO v_track FROM idp_tenant_track AS t
   WHERE t.reader = p_reader AND t.lane = p_lane AND t.tenant_id = p_tenant;
  IF p_is_split AND NOT FOUND THEN
    INSERT INTO idp_tenant_track (reader, lane, tenant_id, generation, tick, position, sequence)
    VALUES (p_reader, p_lane, p_tenant, p_revision + 1, v_place.tick, v_place.position,
            v_place.sequence);
  ELSIF NOT p_is_split AND v_track.sequence = v_place.sequence THEN
    DELETE FROM idp_tenant_track AS t
     WHERE t.reader = p_reader AND t.lane = p_lane AND t.tenant_id = p_tenant;
    UPDATE idp_reader_lane AS l SET tick = v_track.tick, position = v_track.position
     WHERE l.reader = p_reader AND l.lane = p_lane
       AND (v_track.tick, v_track.position) > (l.tick, l.position);
  ELSE
    RETURN true;
  END IF;
  INSERT INTO idp_lane_tracks AS r (reader, lane, revision)
  VALUES (p_reader, p_lane, p_revision + 1)
  ON CONFLICT (reader, lane) DO UPDATE SET revision = excluded.revision;
  RETURN true;
END
$$
