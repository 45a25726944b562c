-- What clusters left on machines that could not be reached when they gave it up.
CREATE TABLE machine_leftover (
  leftover_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  machine_id     text COLLATE "C" NOT NULL REFERENCES machine ON DELETE CASCADE,
  -- Of the host at that time: another one in the machine's place has nothing of it.
  host_identity  text COLLATE "C" NOT NULL,
  -- Of a cluster that may be gone.
  cluster_name   text COLLATE "C" NOT NULL,
  cluster_uuid   uuid NOT NULL,
  operation_id   uuid NOT NULL,
  -- dmgr.plan.v1.HostRemoval as protobuf JSON.
  removal        jsonb NOT NULL CHECK (jsonb_typeof(removal) = 'object'),
  create_time    timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- The step that records it may be run again.
  UNIQUE (machine_id, cluster_uuid, operation_id)
);
CREATE INDEX machine_leftover_cluster ON machine_leftover (cluster_uuid);

-- All kinds that the API has.
ALTER DOMAIN operation_kind DROP CONSTRAINT operation_kind_check;
ALTER DOMAIN operation_kind ADD CONSTRAINT operation_kind_check
  CHECK (VALUE IN ('DEPLOY', 'START', 'STOP', 'DESTROY', 'SCALE_OUT', 'SCALE_IN', 'RELOAD',
                   'UPGRADE', 'PATCH', 'RESTART', 'ENABLE', 'DISABLE', 'REPAIR', 'PRUNE', 'CLEAN',
                   'MOVE_MACHINE', 'TUNE', 'ROTATE_KEY')) NOT VALID;
