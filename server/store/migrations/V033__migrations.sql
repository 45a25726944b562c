-- What is migrated: sources, targets and tasks, each with the configurations that it had.
CREATE TABLE migration_object (
  cluster_uuid  uuid NOT NULL REFERENCES cluster_meta (cluster_uuid) ON DELETE CASCADE,
  kind          text COLLATE "C" NOT NULL CHECK (kind IN ('source', 'target', 'task')),
  name          text COLLATE "C" NOT NULL CHECK (name <> ''),
  -- The configuration in effect.
  revision      positive_bigint NOT NULL,
  -- What a task was last brought to.
  wanted        text CHECK (wanted IN ('running', 'paused', 'stopped')),
  -- That a task names.
  target_name   text COLLATE "C",
  target_kind   text COLLATE "C" GENERATED ALWAYS AS
                  (CASE WHEN target_name IS NOT NULL THEN 'target' END) STORED,
  -- What of the configuration is no secret, for lists.
  details       jsonb NOT NULL CHECK (jsonb_typeof(details) = 'object'),
  PRIMARY KEY (cluster_uuid, kind, name),
  CONSTRAINT migration_object_task CHECK ((wanted IS NOT NULL) = (kind = 'task')),
  CONSTRAINT migration_object_target FOREIGN KEY (cluster_uuid, target_kind, target_name)
    REFERENCES migration_object (cluster_uuid, kind, name)
);
CREATE INDEX migration_object_by_target ON migration_object (cluster_uuid, target_name)
  WHERE target_name IS NOT NULL;

-- Also such as are not in effect yet, or never came to be: the operation that stores one has its
-- number, and the secrets stay here.
CREATE TABLE migration_revision (
  cluster_uuid   uuid NOT NULL REFERENCES cluster_meta (cluster_uuid) ON DELETE CASCADE,
  kind           text COLLATE "C" NOT NULL CHECK (kind IN ('source', 'target', 'task')),
  name           text COLLATE "C" NOT NULL CHECK (name <> ''),
  revision       positive_bigint NOT NULL,
  -- Empty: given up with its key.
  sealed_config  bytea NOT NULL,
  user_name      text NOT NULL,
  create_time    timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (cluster_uuid, kind, name, revision)
);
ALTER TABLE migration_object ADD CONSTRAINT migration_object_revision
  FOREIGN KEY (cluster_uuid, kind, name, revision) REFERENCES migration_revision
  DEFERRABLE INITIALLY DEFERRED;
CREATE TRIGGER migration_seal_config BEFORE INSERT OR UPDATE OF sealed_config ON migration_revision
  FOR EACH ROW EXECUTE FUNCTION refuse_foreign_seal('sealed_config');

-- A change of what is migrated is one of the cluster: no plan is made from what was before.
CREATE FUNCTION touch_cluster_by_uuid() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE cluster_meta SET revision = revision
    WHERE cluster_uuid = coalesce(NEW.cluster_uuid, OLD.cluster_uuid);
  RETURN NULL;
END
$$;
CREATE TRIGGER migration_object_revision_count AFTER INSERT OR UPDATE OR DELETE ON migration_object
  FOR EACH ROW EXECUTE FUNCTION touch_cluster_by_uuid();

-- All kinds that the API has.
ALTER DOMAIN operation_kind DROP CONSTRAINT operation_kind_check;
ALTER DOMAIN operation_kind ADD CONSTRAINT operation_kind_check
  CHECK (VALUE IN ('DEPLOY', 'START', 'STOP', 'DESTROY', 'SCALE_OUT', 'SCALE_IN', 'RELOAD',
                   'UPGRADE', 'PATCH', 'RESTART', 'ENABLE', 'DISABLE', 'REPAIR', 'PRUNE', 'CLEAN',
                   'MOVE_MACHINE', 'TUNE', 'ROTATE_KEY', 'CREATE_SOURCE', 'UPDATE_SOURCE',
                   'DELETE_SOURCE', 'TRANSFER_SOURCE', 'CREATE_TASK', 'START_TASK', 'STOP_TASK',
                   'PAUSE_TASK', 'RESUME_TASK', 'UPDATE_TASK', 'DELETE_TASK')) NOT VALID;
