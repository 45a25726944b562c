-- What the dm-masters of clusters keep, so that a cluster can be brought back when they are lost.
CREATE TABLE cluster_copy (
  copy_id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  cluster_uuid     uuid NOT NULL REFERENCES cluster_meta (cluster_uuid) ON DELETE CASCADE,
  -- The same for equal copies.
  content_hash     text COLLATE "C" NOT NULL,
  -- Of the etcd that it is from: another one has begun anew.
  etcd_cluster_id  text COLLATE "C" NOT NULL,
  source_count     integer NOT NULL CHECK (source_count >= 0),
  subtask_count    integer NOT NULL CHECK (subtask_count >= 0),
  -- Empty: given up with its key.
  sealed_copy      bytea NOT NULL,
  take_time        timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- When the dm-masters were last seen to keep just this.
  confirm_time     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX cluster_copy_of ON cluster_copy (cluster_uuid, copy_id DESC);
CREATE TRIGGER copy_seal BEFORE INSERT OR UPDATE OF sealed_copy ON cluster_copy
  FOR EACH ROW EXECUTE FUNCTION refuse_foreign_seal('sealed_copy');

-- When somebody last began to look whether there is anything new: of several dmgrd one does.
CREATE TABLE cluster_copy_look (
  cluster_uuid  uuid PRIMARY KEY REFERENCES cluster_meta (cluster_uuid) ON DELETE CASCADE,
  look_time     timestamptz NOT NULL
);

ALTER DOMAIN operation_kind DROP CONSTRAINT operation_kind_check;
ALTER DOMAIN operation_kind ADD CONSTRAINT operation_kind_check
  CHECK (VALUE IN ('DEPLOY', 'START', 'STOP', 'DESTROY', 'SCALE_OUT', 'SCALE_IN', 'RELOAD',
                   'UPGRADE', 'PATCH', 'RESTART', 'ENABLE', 'DISABLE', 'REPAIR', 'PRUNE', 'CLEAN',
                   'MOVE_MACHINE', 'TUNE', 'ROTATE_KEY', 'CREATE_SOURCE', 'UPDATE_SOURCE',
                   'DELETE_SOURCE', 'TRANSFER_SOURCE', 'CREATE_TASK', 'START_TASK', 'STOP_TASK',
                   'PAUSE_TASK', 'RESUME_TASK', 'UPDATE_TASK', 'DELETE_TASK', 'REBUILD')) NOT VALID;
