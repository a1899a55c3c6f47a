-- Does what an operator wants with a parked key, and records it; or changes nothing and says why:
-- `done`, `not_parked`, `stale` (another revision), `resumed` (already), `no_event`, `being_sent`.
CREATE FUNCTION idp_command(
  p_reader text, p_tenant text, p_aggregate uuid, p_revision bigint, p_action text, p_event uuid,
  p_payload json, p_metadata json, p_hash text, p_actor text, p_reason text
) RETURNS text LANGUAGE plpgsql SET enable_seqscan = off SET jit = off AS $$
DECLARE
  v_key idp_parked_key;
  v_event record;
  v_events uuid[];
  v_payload_before json;
  v_record bigint;
BEGIN
  -- The lock of the lane comes first: what is read after it stays as it is.
  PERFORM 1 FROM idp_parked_key AS k JOIN idp_reader_lane AS l
      ON l.reader = k.reader AND l.lane = k.lane
    WHERE k.reader = p_reader AND k.tenant_id = p_tenant AND k.aggregateid = p_aggregate
    FOR UPDATE OF l;
  SELECT k.* INTO v_key FROM idp_parked_key AS k
   WHERE k.reader = p_reader AND k.tenant_id = p_tenant AND k.aggregateid = p_aggregate;
  IF NOT FOUND THEN RETURN 'not_parked'; END IF;
  IF v_key.revision <> p_revision THEN RETURN 'stale'; END IF;
  IF p_action = 'resume' AND v_key.state = 'resumed' THEN RETURN 'resumed'; END IF;

  IF p_action IN ('edit', 'discard') THEN
    SELECT a.sequence, a.payload, a.side_sequence IS NOT NULL AS is_numbered INTO v_event
      FROM idp_set_aside AS a
     WHERE a.reader = p_reader AND a.lane = v_key.lane AND a.tenant_id = p_tenant
       AND a.aggregateid = p_aggregate AND a.reason <> 'scheduled' AND a.id = p_event
       AND (p_action = 'discard' OR p_payload IS NOT NULL);
    IF NOT FOUND THEN RETURN 'no_event'; END IF;
    IF v_event.is_numbered THEN RETURN 'being_sent'; END IF;
    v_events := ARRAY[p_event];
    v_payload_before := v_event.payload;
  ELSE
    IF p_action = 'discard_key' AND EXISTS (
      SELECT 1 FROM idp_set_aside AS a
       WHERE a.reader = p_reader AND a.lane = v_key.lane AND a.tenant_id = p_tenant
         AND a.aggregateid = p_aggregate AND a.reason <> 'scheduled'
         AND a.side_sequence IS NOT NULL)
    THEN RETURN 'being_sent'; END IF;
    v_events := ARRAY(
      SELECT a.id FROM idp_set_aside AS a
       WHERE a.reader = p_reader AND a.lane = v_key.lane AND a.tenant_id = p_tenant
         AND a.aggregateid = p_aggregate AND a.reason <> 'scheduled' ORDER BY a.sequence);
  END IF;

  IF p_action = 'edit' THEN
    UPDATE idp_set_aside AS a
       SET payload = p_payload, metadata = p_metadata, content_hash = p_hash, is_edited = true
     WHERE a.reader = p_reader AND a.lane = v_key.lane AND a.sequence = v_event.sequence;
  ELSIF p_action = 'discard' THEN
    DELETE FROM idp_set_aside AS a
     WHERE a.reader = p_reader AND a.lane = v_key.lane AND a.sequence = v_event.sequence;
  ELSIF p_action = 'discard_key' THEN
    DELETE FROM idp_set_aside AS a
     WHERE a.reader = p_reader AND a.lane = v_key.lane AND a.tenant_id = p_tenant
       AND a.aggregateid = p_aggregate AND a.reason <> 'scheduled';
  ELSE
    UPDATE idp_set_aside AS a SET due_at = coalesce(a.deliver_at, '-infinity')
     WHERE a.reader = p_reader AND a.lane = v_key.lane AND a.tenant_id = p_tenant
       AND a.aggregateid = p_aggregate AND a.side_sequence IS NULL;
  END IF;

  UPDATE idp_parked_key AS k
     SET revision = nextval('idp_parked_key_revision'),
         state = CASE WHEN p_action = 'resume' THEN 'resumed' ELSE k.state END
   WHERE k.reader = p_reader AND k.tenant_id = p_tenant AND k.aggregateid = p_aggregate;
  PERFORM 1 FROM idp_forget_unblocked(p_reader, v_key.lane, ARRAY[p_tenant], ARRAY[p_aggregate]);

  INSERT INTO idp_dead_letter_record
    (reader, actor, action, tenant_id, aggregateid, reason, payload_before)
  VALUES (p_reader, p_actor, p_action, p_tenant, p_aggregate, p_reason, v_payload_before)
  RETURNING id INTO v_record;
  INSERT INTO idp_dead_letter_event (record, number, event_id)
  SELECT v_record, e.number, e.id FROM unnest(v_events) WITH ORDINALITY AS e(id, number);
  RETURN 'done';
END
$$
