-- Relay logs of sources, and sources and tasks that others have made.
ALTER DOMAIN operation_kind DROP CONSTRAINT operation_kind_check;
ALTER DOMAIN operation_kind ADD CONSTRAINT operation_kind_check
  CHECK (VALUE IN ('DEPLOY', 'START', 'STOP', 'DESTROY', 'SCALE_OUT', 'SCALE_IN', 'RELOAD',
                   'UPGRADE', 'PATCH', 'RESTART', 'ENABLE', 'DISABLE', 'REPAIR', 'PRUNE', 'CLEAN',
                   'MOVE_MACHINE', 'TUNE', 'ROTATE_KEY', 'CREATE_SOURCE', 'UPDATE_SOURCE',
                   'DELETE_SOURCE', 'TRANSFER_SOURCE', 'CREATE_TASK', 'START_TASK', 'STOP_TASK',
                   'PAUSE_TASK', 'RESUME_TASK', 'UPDATE_TASK', 'DELETE_TASK', 'REBUILD',
                   'SET_SOURCE_RELAY', 'PURGE_SOURCE_RELAY', 'ADOPT_SOURCE', 'ADOPT_TASK')) NOT VALID;
