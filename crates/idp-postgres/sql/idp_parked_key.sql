-- Keys of which the bus refused an event. Each has events in idp_set_aside that block it; with the
-- last of them it goes. A revision is never given twice, so that a key that is parked anew is never
-- taken for what it was before.
CREATE SEQUENCE idp_parked_key_revision;
CREATE TABLE idp_parked_key (
  reader text COLLATE "C" NOT NULL,
  tenant_id text COLLATE "C" NOT NULL,
  aggregateid uuid NOT NULL,
  lane smallint NOT NULL,
  state text NOT NULL CHECK (state IN ('parked', 'resumed')),
  attempts integer NOT NULL,
  last_error text NOT NULL,
  since timestamptz NOT NULL,
  revision bigint NOT NULL,
  PRIMARY KEY (reader, tenant_id, aggregateid)
)
