-- Clusters that begin to speak TLS, or cease to.
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
                   'ROTATE_TLS', 'IMPORT', 'RELEASE', 'TAKE_OVER',
                   'ENABLE_TLS', 'DISABLE_TLS')) NOT VALID;
