-- Hosts that an operation has left out, since they did not answer: they are not as the record says
-- until a later one brings them there.
CREATE TABLE cluster_behind (
  cluster_name  text COLLATE "C" NOT NULL REFERENCES cluster_meta ON DELETE CASCADE,
  machine_id    text COLLATE "C" NOT NULL REFERENCES machine ON DELETE CASCADE,
  -- The first that left it out. It may be pruned: therefore no foreign key.
  operation_id  uuid NOT NULL,
  reason        text NOT NULL,
  create_time   timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (cluster_name, machine_id)
);
CREATE INDEX cluster_behind_machine ON cluster_behind (machine_id);
CREATE TRIGGER cluster_behind_revision AFTER INSERT OR UPDATE OR DELETE ON cluster_behind
  FOR EACH ROW EXECUTE FUNCTION touch_cluster();

-- What the operation leaves out: a list of v1.SkippedMachine as protobuf JSON.
ALTER TABLE operation ADD COLUMN skipped json NOT NULL DEFAULT '[]';

ALTER DOMAIN operation_kind DROP CONSTRAINT operation_kind_check;
ALTER DOMAIN operation_kind ADD CONSTRAINT operation_kind_check
  CHECK (VALUE IN ('DEPLOY', 'START', 'STOP', 'DESTROY', 'SCALE_OUT', 'SCALE_IN', 'RELOAD',
                   'UPGRADE', 'PATCH', 'RESTART', 'ENABLE', 'DISABLE', 'REPAIR', 'PRUNE', 'CLEAN',
                   'MOVE_MACHINE', 'TUNE', 'ROTATE_KEY')) NOT VALID;
