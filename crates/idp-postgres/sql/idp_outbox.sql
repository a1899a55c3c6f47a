-- The log of events: only inserted into, never updated. The names without an underscore are those
-- that Debezium's outbox event router expects. `payload` is json, not jsonb: it keeps the canonical
-- text over which `content_hash` was computed.
--
-- Divided by position into the partitions that idp_log_partition lists; what has none, by whatever
-- mishap, goes to idp_outbox_rest, so that no commit ever fails for want of a partition.
CREATE TABLE idp_outbox (
  position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  lane smallint NOT NULL,
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
  occurred_at timestamptz NOT NULL
) PARTITION BY RANGE (position);
CREATE TABLE idp_outbox_rest PARTITION OF idp_outbox DEFAULT;
CREATE INDEX idp_outbox_xid ON idp_outbox (xid, position)
