-- What Debezium reads, made once by the owner of the table. Changes are published under the name of
-- the partitioned table: under those of its partitions, a filter by table would lose them all.
CREATE PUBLICATION idp_outbox FOR TABLE idp_outbox
  WITH (publish = 'insert', publish_via_partition_root = true);
