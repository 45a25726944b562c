-- The master key that this database's sealed values need: its id, and a text sealed with it. One
-- row, made with the key; of several dmgrd that start at once, who inserts it has made the key.
CREATE TABLE seal_key (
  only_row     boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  key_id       text NOT NULL CHECK (length(key_id) = 32),
  canary       bytea NOT NULL,
  create_time  timestamptz NOT NULL DEFAULT clock_timestamp()
);
