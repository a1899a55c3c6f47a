-- Makes partitions ahead of what is written, so that at least one whole one is free. Writers are not kept
-- waiting: a partition is made by itself and then attached, which locks idp_outbox only against other
-- changes of its shape, and idp_outbox_rest, into which nobody writes as long as this was done in time.
-- If positions went there, the next partition begins where none can be yet.
CREATE FUNCTION idp_partition_ahead(p_size bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_last bigint;
  v_first bigint;
  v_name text;
BEGIN
  PERFORM set_config('lock_timeout', '50ms', true);
  LOCK TABLE idp_log_partition IN SHARE ROW EXCLUSIVE MODE;
  SELECT last_value INTO v_last FROM idp_outbox_position_seq;
  SELECT coalesce(max(position_end), 1) INTO v_first FROM idp_log_partition;
  IF v_first <= v_last AND v_last > 1 THEN
    v_first := v_last + p_size;
  END IF;
  WHILE v_first < v_last + 2 * p_size LOOP
    v_name := 'idp_outbox_from_' || v_first;
    EXECUTE format('CREATE TABLE %I (LIKE idp_outbox INCLUDING DEFAULTS)', v_name);
    EXECUTE format('ALTER TABLE idp_outbox ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
                   v_name, v_first, v_first + p_size);
    INSERT INTO idp_log_partition (name, position_first, position_end)
    VALUES (v_name, v_first, v_first + p_size);
    v_first := v_first + p_size;
  END LOOP;
END
$$;
-- Drops partitions that were emptied. This locks idp_outbox as a whole for a moment, so it is tried
-- and not waited for: writers queue behind it for 50 ms at the most. One into which a late transaction
-- wrote meanwhile stays.
CREATE FUNCTION idp_partition_tidy() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_partition record;
  v_is_empty boolean;
BEGIN
  IF NOT EXISTS (SELECT 1 FROM idp_log_partition WHERE is_emptied) THEN RETURN; END IF;
  PERFORM set_config('lock_timeout', '50ms', true);
  PERFORM 1 FROM idp_log_floor FOR UPDATE;
  LOCK TABLE ONLY idp_outbox IN ACCESS EXCLUSIVE MODE;
  -- Commits wait from here on: what is locked now is not waited for.
  PERFORM set_config('lock_timeout', '1ms', true);
  FOR v_partition IN
    SELECT name FROM idp_log_partition WHERE is_emptied ORDER BY position_first
  LOOP
    EXECUTE format('SELECT NOT EXISTS (SELECT 1 FROM %I)', v_partition.name) INTO v_is_empty;
    IF v_is_empty THEN
      EXECUTE format('DROP TABLE %I', v_partition.name);
      DELETE FROM idp_log_partition WHERE name = v_partition.name;
    ELSE
      UPDATE idp_log_partition SET is_emptied = false WHERE name = v_partition.name;
    END IF;
  END LOOP;
END
$$
