-- Stored snapshots, taken one after another. What is visible in tick n and not in tick n-1 is
-- window n of the log. No event that a tick sees has a position above its `position_max`.
CREATE TABLE idp_tick (
  id bigint PRIMARY KEY,
  snapshot pg_snapshot NOT NULL,
  position_max bigint NOT NULL,
  taken_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
