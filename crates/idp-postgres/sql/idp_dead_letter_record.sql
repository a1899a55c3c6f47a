-- What operators did, and the events that it was about, in their order. Kept for good.
CREATE TABLE idp_dead_letter_record (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  reader text COLLATE "C" NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor text NOT NULL,
  action text NOT NULL,
  tenant_id text COLLATE "C" NOT NULL,
  aggregateid uuid NOT NULL,
  reason text NOT NULL,
  payload_before json
);
CREATE INDEX idp_dead_letter_record_reader ON idp_dead_letter_record (reader, id);
CREATE TABLE idp_dead_letter_event (
  record bigint NOT NULL REFERENCES idp_dead_letter_record (id),
  number integer NOT NULL,
  event_id uuid NOT NULL,
  PRIMARY KEY (record, number)
);
CREATE INDEX idp_dead_letter_event_id ON idp_dead_letter_event (event_id);
CREATE FUNCTION idp_keep_records() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'restrict_violation',
    MESSAGE = 'records of dead letters are kept as they are';
END
$$;
CREATE TRIGGER idp_dead_letter_record_kept
  BEFORE UPDATE OR DELETE OR TRUNCATE ON idp_dead_letter_record
  FOR EACH STATEMENT EXECUTE FUNCTION idp_keep_records();
CREATE TRIGGER idp_dead_letter_event_kept
  BEFORE UPDATE OR DELETE OR TRUNCATE ON idp_dead_letter_event
  FOR EACH STATEMENT EXECUTE FUNCTION idp_keep_records()
