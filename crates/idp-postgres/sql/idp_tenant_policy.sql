-- What operators said about single tenants, where it is more than what holds anyway; and all that was
-- said, which is kept for good.
CREATE TABLE idp_tenant_policy (
  reader text COLLATE "C" NOT NULL,
  tenant_id text COLLATE "C" NOT NULL,
  is_paused boolean NOT NULL,
  events_per_second_max integer,
  weight integer NOT NULL,
  PRIMARY KEY (reader, tenant_id)
);
CREATE TABLE idp_tenant_policy_record (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  reader text COLLATE "C" NOT NULL,
  tenant_id text COLLATE "C" NOT NULL,
  is_paused boolean NOT NULL,
  events_per_second_max integer,
  weight integer NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor text NOT NULL,
  reason text NOT NULL
);
CREATE INDEX idp_tenant_policy_record_reader ON idp_tenant_policy_record (reader, id);
CREATE FUNCTION idp_keep_policy_records() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'restrict_violation',
    MESSAGE = 'records of policies are kept as they are';
END
$$;
CREATE TRIGGER idp_tenant_policy_record_kept
  BEFORE UPDATE OR DELETE OR TRUNCATE ON idp_tenant_policy_record
  FOR EACH STATEMENT EXECUTE FUNCTION idp_keep_policy_records()
