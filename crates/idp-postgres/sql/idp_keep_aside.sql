-- Sets events aside: of each lane those whose number is above `behind` and not above `through`; on the
-- track of a tenant, those of that tenant. The caller holds the locks of the lanes. Arrays beginning
-- with `n_` have one element a position that moves, those with `a_` one for each event.
CREATE FUNCTION idp_keep_aside(
  p_reader text, n_lane smallint[], n_tenant text[], n_behind bigint[], n_through bigint[],
  a_lane smallint[], a_sequence bigint[], a_reason text[], a_deliver_at timestamptz[],
  a_error text[], a_id uuid[], a_tenant text[], a_aggregatetype text[], a_aggregateid uuid[],
  a_version bigint[], a_type text[], a_schema_id text[], a_schema_version integer[],
  a_payload json[], a_metadata json[], a_hash text[], a_occurred_at timestamptz[]
) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off SET jit = off AS $$
DECLARE
  v_refused record;
BEGIN
  FOR v_refused IN
    SELECT a.lane, a.tenant, a.aggregateid, a.error
      FROM unnest(a_lane, a_sequence, a_reason, a_tenant, a_aggregateid, a_error)
             AS a(lane, sequence, reason, tenant, aggregateid, error)
      JOIN unnest(n_lane, n_tenant, n_behind, n_through) AS n(lane, tenant, behind, through)
        ON n.lane = a.lane AND (n.tenant IS NULL OR n.tenant = a.tenant)
       AND a.sequence > n.behind AND a.sequence <= n.through
     WHERE a.reason = 'refused' ORDER BY a.lane, a.sequence
  LOOP
    PERFORM idp_park(p_reader, v_refused.lane, v_refused.tenant, v_refused.aggregateid,
                     v_refused.error);
  END LOOP;

  INSERT INTO idp_set_aside
    (reader, lane, sequence, reason, deliver_at, due_at, id, tenant_id, aggregatetype, aggregateid,
     aggregate_version, type, schema_id, schema_version, payload, metadata, content_hash,
     occurred_at)
  SELECT p_reader, a.lane, a.sequence, a.reason, a.deliver_at,
         CASE WHEN k.state = 'parked' THEN NULL ELSE coalesce(a.deliver_at, '-infinity') END,
         a.id, a.tenant, a.aggregatetype, a.aggregateid, a.version, a.type, a.schema_id,
         a.schema_version, a.payload, a.metadata, a.hash, a.occurred_at
    FROM unnest(a_lane, a_sequence, a_reason, a_deliver_at, a_id, a_tenant, a_aggregatetype,
                a_aggregateid, a_version, a_type, a_schema_id, a_schema_version, a_payload,
                a_metadata, a_hash, a_occurred_at)
           AS a(lane, sequence, reason, deliver_at, id, tenant, aggregatetype, aggregateid,
                version, type, schema_id, schema_version, payload, metadata, hash, occurred_at)
    JOIN unnest(n_lane, n_tenant, n_behind, n_through) AS n(lane, tenant, behind, through)
      ON n.lane = a.lane AND (n.tenant IS NULL OR n.tenant = a.tenant)
       AND a.sequence > n.behind AND a.sequence <= n.through
    LEFT JOIN idp_parked_key AS k
      ON k.reader = p_reader AND k.tenant_id = a.tenant AND k.aggregateid = a.aggregateid
  ON CONFLICT DO NOTHING;
END
$$
