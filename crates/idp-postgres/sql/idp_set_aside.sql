-- Events that a reader took out of its lanes: copies, so that the log can be purged. The columns of
-- the event are those of idp_outbox. Whoever touches the rows of a lane holds the lock of its row in
-- idp_reader_lane, workers and operators alike.
--
-- `reason`: a scheduled event does not block its key; a refused one, and one behind another, does.
-- `deliver_at`: when a scheduled event is to be delivered.
-- `due_at`: from when on it may be sent; null is not before an operator says so.
-- `side_sequence`: its number in the side track while it is being sent; it is then due at once.
--
-- Only partial indexes begin with reader and lane: the planner, which knows nothing of a table that
-- was empty when it was analyzed, would else take any other for as good, and read whole lanes. For the
-- same reason the index by tenant is for those alone who say `coalesce(side_sequence, 0) = 0`.
CREATE TABLE idp_set_aside (
  reader text COLLATE "C" NOT NULL,
  lane smallint NOT NULL,
  sequence bigint NOT NULL,
  id uuid NOT NULL,
  tenant_id text COLLATE "C" NOT NULL,
  aggregatetype text NOT NULL,
  aggregateid uuid NOT NULL,
  aggregate_version bigint NOT NULL,
  type text NOT NULL,
  schema_id text NOT NULL,
  schema_version integer NOT NULL,
  payload json NOT NULL,
  metadata json NOT NULL,
  content_hash text NOT NULL,
  occurred_at timestamptz NOT NULL,
  reason text NOT NULL CHECK (reason IN ('refused', 'behind', 'scheduled')),
  deliver_at timestamptz,
  due_at timestamptz,
  side_sequence bigint,
  is_edited boolean NOT NULL DEFAULT false,
  PRIMARY KEY (reader, sequence, lane)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE INDEX idp_set_aside_due ON idp_set_aside (reader, lane, due_at, sequence)
  WHERE due_at IS NOT NULL;
CREATE INDEX idp_set_aside_due_tenant ON idp_set_aside (reader, lane, tenant_id, due_at, sequence)
  WHERE due_at IS NOT NULL AND coalesce(side_sequence, 0) = 0;
CREATE INDEX idp_set_aside_numbered ON idp_set_aside (reader, lane, side_sequence)
  WHERE side_sequence IS NOT NULL;
CREATE INDEX idp_set_aside_blocking ON idp_set_aside (reader, lane, tenant_id, aggregateid)
  WHERE reason <> 'scheduled';
CREATE INDEX idp_set_aside_key ON idp_set_aside (reader, tenant_id, aggregateid, sequence)
