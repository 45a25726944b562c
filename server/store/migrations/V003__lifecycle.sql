-- The operations of a cluster's whole life.
ALTER TABLE operation DROP CONSTRAINT operation_kind_check;
ALTER TABLE operation ADD CONSTRAINT operation_kind_check CHECK
  (kind IN ('DEPLOY', 'START', 'STOP', 'DESTROY', 'SCALE_OUT', 'SCALE_IN', 'RELOAD', 'UPGRADE',
            'PATCH', 'RESTART', 'ENABLE', 'DISABLE'));
