-- While the master key is changed there are two: what is sealed with the former one is sealed with the
-- next one, part by part. From the first part to the last nothing may be sealed with the former one.
ALTER TABLE seal_key
  ADD COLUMN next_key_id text CHECK (length(next_key_id) = 32),
  ADD COLUMN next_canary bytea,
  ADD CONSTRAINT seal_key_next CHECK ((next_key_id IS NULL) = (next_canary IS NULL));

-- By which key audit records up to one were chained, and calls told from others. Empty: the key is lost.
CREATE TABLE former_key (
  last_audit_id           bigint PRIMARY KEY,
  key_id                  text NOT NULL,
  sealed_fingerprint_key  bytea NOT NULL,
  end_time                timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Its secrets were given up with their key: they have to be given again.
ALTER TABLE cluster_meta ADD COLUMN secrets_forgotten boolean NOT NULL DEFAULT false;

-- A dmgrd that has the former key and does not know yet that it is the former one writes nothing with it.
-- A sealed text begins with 02 and the id of its key; what begins otherwise is older.
CREATE FUNCTION refuse_foreign_seal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  sealed bytea;
  former bytea;
  wanted text;
BEGIN
  EXECUTE format('SELECT ($1).%I', TG_ARGV[0]) INTO sealed USING NEW;
  IF TG_OP = 'UPDATE' THEN
    EXECUTE format('SELECT ($1).%I', TG_ARGV[0]) INTO former USING OLD;
  END IF;
  IF sealed IS NULL OR length(sealed) < 17 OR get_byte(sealed, 0) <> 2 OR sealed = former THEN
    RETURN NEW;
  END IF;
  SELECT coalesce(next_key_id, key_id) INTO wanted FROM seal_key;
  IF encode(substring(sealed from 2 for 16), 'hex') <> wanted THEN
    RAISE EXCEPTION 'sealed with another master key than that of this database'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'seal_key_in_use';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER machine_seal_credential BEFORE INSERT OR UPDATE OF sealed_credential ON machine
  FOR EACH ROW EXECUTE FUNCTION refuse_foreign_seal('sealed_credential');
CREATE TRIGGER cluster_seal_key BEFORE INSERT OR UPDATE OF sealed_private_key ON cluster_meta
  FOR EACH ROW EXECUTE FUNCTION refuse_foreign_seal('sealed_private_key');
CREATE TRIGGER cluster_seal_grafana BEFORE INSERT OR UPDATE OF sealed_grafana_password ON cluster_meta
  FOR EACH ROW EXECUTE FUNCTION refuse_foreign_seal('sealed_grafana_password');
CREATE TRIGGER cluster_seal_options BEFORE INSERT OR UPDATE OF sealed_options ON cluster_meta
  FOR EACH ROW EXECUTE FUNCTION refuse_foreign_seal('sealed_options');
CREATE TRIGGER cluster_seal_pending BEFORE INSERT OR UPDATE OF sealed_pending ON cluster_meta
  FOR EACH ROW EXECUTE FUNCTION refuse_foreign_seal('sealed_pending');
