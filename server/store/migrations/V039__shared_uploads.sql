-- Files of the warehouse that several dmgrd share: who is putting one there, and which have lost
-- their last row. What is overdue is looked at by whichever dmgrd comes by.
CREATE TABLE shared_upload (
  sha256       text COLLATE "C" NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
  -- Of one start of a dmgrd; empty: the file's row was deleted.
  owner        text COLLATE "C" NOT NULL,
  lease_until  timestamptz NOT NULL,
  -- A dmgrd removes the file, for as long as the lease lasts: nobody may rely on it.
  removing     boolean NOT NULL DEFAULT false,
  PRIMARY KEY (sha256, owner)
);

CREATE FUNCTION shared_file_freed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO shared_upload (sha256, owner, lease_until)
    VALUES (OLD.sha256, '', clock_timestamp()) ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER warehouse_freed AFTER DELETE ON warehouse
  FOR EACH ROW EXECUTE FUNCTION shared_file_freed();
CREATE TRIGGER patch_freed AFTER DELETE ON patch
  FOR EACH ROW EXECUTE FUNCTION shared_file_freed();

-- The schema's version that a dmgrd must know to go on with this one; NULL: the migration's own.
ALTER TABLE schema_migration ADD COLUMN min_reader integer;
