-- Clusters of another tool whose files dmgr has taken over.
ALTER TABLE cluster_meta DROP CONSTRAINT cluster_meta_origin_check;
ALTER TABLE cluster_meta ADD CONSTRAINT cluster_meta_origin_check
  CHECK (origin IN ('UNSPECIFIED', 'TIUP', 'TAKEN_OVER'));
ALTER DOMAIN operation_kind DROP CONSTRAINT operation_kind_check;
ALTER DOMAIN operation_kind ADD CONSTRAINT operation_kind_check
  CHECK (VALUE IN ('DEPLOY', 'START', 'STOP', 'DESTROY', 'SCALE_OUT', 'SCALE_IN', 'RELOAD',
                   'UPGRADE', 'PATCH', 'RESTART', 'ENABLE', 'DISABLE', 'REPAIR', 'PRUNE', 'CLEAN',
                   'MOVE_MACHINE', 'TUNE', 'ROTATE_KEY', 'CREATE_SOURCE', 'UPDATE_SOURCE',
                   'DELETE_SOURCE', 'TRANSFER_SOURCE', 'CREATE_TASK', 'START_TASK', 'STOP_TASK',
                   'PAUSE_TASK', 'RESUME_TASK', 'UPDATE_TASK', 'DELETE_TASK', 'REBUILD',
                   'HANDLE_TASK_ERROR', 'UNLOCK_SHARD_LOCK', 'CHANGE_TABLE_STRUCTURE',
                   'START_VALIDATION', 'STOP_VALIDATION', 'CHANGE_VALIDATION', 'SET_SOURCE_RELAY',
                   'PURGE_SOURCE_RELAY', 'ADOPT_SOURCE', 'ADOPT_TASK', 'RESTORE',
                   'ROTATE_TLS', 'IMPORT', 'RELEASE', 'TAKE_OVER')) NOT VALID;
