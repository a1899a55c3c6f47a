-- Stored snapshots, taken one after another. What is visible in tick n and not in tick n-1 is
-- window n of the log.
CREATE TABLE idp_tick (
  id bigint PRIMARY KEY,
  snapshot pg_snapshot NOT NULL,
  taken_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
