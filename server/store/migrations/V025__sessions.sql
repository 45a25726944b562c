-- A session is one row, whatever tokens it has had: who shows an old one of them ends it. It ends
-- when it is not used, and some days after the login. Those from before end: who they are is not
-- in their tokens.
DROP TABLE session;
CREATE TABLE session (
  -- Hash of that part of a token that all tokens of the session have.
  session_id   text PRIMARY KEY CHECK (session_id <> ''),
  -- Of its present token.
  token_hash   text NOT NULL CHECK (token_hash <> ''),
  user_name    text COLLATE "C" NOT NULL REFERENCES "user" ON DELETE CASCADE,
  create_time  timestamptz NOT NULL DEFAULT clock_timestamp(),
  expire_time  timestamptz NOT NULL,
  -- When it ends unless it is used.
  idle_time    timestamptz NOT NULL
);
CREATE INDEX session_owner ON session (user_name, create_time);
CREATE INDEX session_end ON session (least(expire_time, idle_time));

-- Counts the changes of what the user may do.
ALTER TABLE "user" ADD COLUMN access_version bigint NOT NULL DEFAULT 1;

-- Streams that are open are looked at when somebody may have lost a session or a role.
CREATE FUNCTION tell_access() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('dmgr_access', '');
  RETURN NULL;
END
$$;
CREATE TRIGGER session_told AFTER DELETE ON session
  FOR EACH STATEMENT EXECUTE FUNCTION tell_access();
CREATE TRIGGER user_told AFTER UPDATE OR DELETE ON "user"
  FOR EACH STATEMENT EXECUTE FUNCTION tell_access();
