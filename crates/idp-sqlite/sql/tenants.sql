-- What operators said about single tenants, where it is more than what holds anyway.
CREATE TABLE idp_tenant_policy (
  reader TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  is_paused INTEGER NOT NULL,
  events_per_second_max INTEGER,
  weight INTEGER NOT NULL,
  PRIMARY KEY (reader, tenant_id)
) STRICT, WITHOUT ROWID;

-- All that was said. Kept for good.
CREATE TABLE idp_tenant_policy_record (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  reader TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  is_paused INTEGER NOT NULL,
  events_per_second_max INTEGER,
  weight INTEGER NOT NULL,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  reason TEXT NOT NULL
) STRICT;
CREATE INDEX idp_tenant_policy_record_reader ON idp_tenant_policy_record (reader);
CREATE TRIGGER idp_tenant_policy_record_unchanged BEFORE UPDATE ON idp_tenant_policy_record
  BEGIN SELECT RAISE(ABORT, 'records of policies are never changed'); END;
CREATE TRIGGER idp_tenant_policy_record_kept BEFORE DELETE ON idp_tenant_policy_record
  BEGIN SELECT RAISE(ABORT, 'records of policies are kept'); END;
CREATE TRIGGER idp_tenant_policy_record_not_replaced BEFORE INSERT ON idp_tenant_policy_record
  WHEN EXISTS (SELECT 1 FROM idp_tenant_policy_record WHERE id = NEW.id)
  BEGIN SELECT RAISE(ABORT, 'records of policies are never changed'); END;

-- How often a tenant was split off from a lane or merged with it; 0 without a row.
CREATE TABLE idp_lane_tracks (
  reader TEXT NOT NULL,
  lane INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  PRIMARY KEY (reader, lane)
) STRICT, WITHOUT ROWID;

-- How far each tenant is that is split off. What is purged must have been passed by these, too.
CREATE TABLE idp_tenant_track (
  reader TEXT NOT NULL,
  lane INTEGER NOT NULL,
  tenant_id TEXT NOT NULL,
  generation INTEGER NOT NULL,
  "window" INTEGER NOT NULL,
  position INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  PRIMARY KEY (reader, lane, tenant_id)
) STRICT, WITHOUT ROWID;
