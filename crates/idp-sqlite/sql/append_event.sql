INSERT INTO idp_outbox (
  lane, id, tenant_id, aggregatetype, aggregateid, aggregate_version, type,
  schema_id, schema_version, payload, metadata, content_hash, occurred_at
) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
