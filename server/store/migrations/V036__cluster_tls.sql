-- TLS between the processes of a cluster: what is trusted, what vouches for its instances, since when
-- (seconds since 1970), and the sealed keys. All are empty where there is none.
ALTER TABLE cluster_meta
  ADD COLUMN tls_trusted text NOT NULL DEFAULT '',
  ADD COLUMN tls_issuer text NOT NULL DEFAULT '',
  ADD COLUMN tls_issue_time bigint NOT NULL DEFAULT 0,
  ADD COLUMN sealed_tls bytea NOT NULL DEFAULT '';
CREATE TRIGGER cluster_seal_tls BEFORE INSERT OR UPDATE OF sealed_tls ON cluster_meta
  FOR EACH ROW EXECUTE FUNCTION refuse_foreign_seal('sealed_tls');
ALTER DOMAIN operation_kind DROP CONSTRAINT operation_kind_check;
ALTER DOMAIN operation_kind ADD CONSTRAINT operation_kind_check
  CHECK (VALUE IN ('DEPLOY', 'START', 'STOP', 'DESTROY', 'SCALE_OUT', 'SCALE_IN', 'RELOAD',
                   'UPGRADE', 'PATCH', 'RESTART', 'ENABLE', 'DISABLE', 'REPAIR', 'PRUNE', 'CLEAN',
                   'MOVE_MACHINE', 'TUNE', 'ROTATE_KEY', 'CREATE_SOURCE', 'UPDATE_SOURCE',
                   'DELETE_SOURCE', 'TRANSFER_SOURCE', 'CREATE_TASK', 'START_TASK', 'STOP_TASK',
                   'PAUSE_TASK', 'RESUME_TASK', 'UPDATE_TASK', 'DELETE_TASK', 'REBUILD',
                   'HANDLE_TASK_ERROR', 'UNLOCK_SHARD_LOCK', 'CHANGE_TABLE_STRUCTURE',
                   'START_VALIDATION', 'STOP_VALIDATION', 'CHANGE_VALIDATION', 'SET_SOURCE_RELAY',
                   'PURGE_SOURCE_RELAY', 'ADOPT_SOURCE', 'ADOPT_TASK', 'RESTORE', 'ROTATE_TLS')) NOT VALID;
