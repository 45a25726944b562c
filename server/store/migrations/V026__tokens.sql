-- API tokens, what services call with. Of one only the hash is kept: it is random.
CREATE TABLE api_token (
  user_name      text COLLATE "C" NOT NULL REFERENCES "user" ON DELETE CASCADE,
  token_name     text COLLATE "C" NOT NULL CHECK (token_name <> ''),
  token_hash     text NOT NULL UNIQUE CHECK (token_hash <> ''),
  role           text NOT NULL CHECK (role IN ('UNSPECIFIED', 'VIEWER', 'OPERATOR', 'ADMIN')),
  create_time    timestamptz NOT NULL DEFAULT clock_timestamp(),
  expire_time    timestamptz NOT NULL,
  last_use_time  timestamptz,
  PRIMARY KEY (user_name, token_name)
);
CREATE INDEX api_token_end ON api_token (expire_time);
CREATE TRIGGER api_token_told AFTER DELETE ON api_token
  FOR EACH STATEMENT EXECUTE FUNCTION tell_access();

-- Of the token that a call came with.
ALTER TABLE audit_log ADD COLUMN token_name text NOT NULL DEFAULT '';
ALTER TABLE audit_log ADD CONSTRAINT audit_log_token CHECK (length(token_name) <= 64) NOT VALID;
