-- Ends the statement with an error of its own SQLSTATE: how a commit asserts what it found.
CREATE OR REPLACE FUNCTION idp_raise(code text, detail text) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = code, MESSAGE = detail;
END
$$
