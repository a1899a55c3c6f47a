-- Who is alive, so that the living share the lanes.
CREATE TABLE idp_reader_worker (
  reader text COLLATE "C" NOT NULL,
  worker uuid NOT NULL,
  alive_until timestamptz NOT NULL,
  PRIMARY KEY (reader, worker)
)
