-- What must never change while there are events.
CREATE TABLE idp_meta (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  lanes integer NOT NULL
)
