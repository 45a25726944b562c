-- Times are timestamptz by the database's clock; enums are readable text. Names that lists are
-- sorted by have the collation "C", so that pages are cut alike on every server.

CREATE TABLE warehouse (
  version      text COLLATE "C" PRIMARY KEY CHECK (version <> ''),
  file_name    text NOT NULL,
  size_bytes   bigint NOT NULL CHECK (size_bytes >= 0),
  sha256       text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
  arch         text NOT NULL CHECK (arch IN ('amd64', 'arm64')),
  -- v1.PackageComponent[] as protobuf JSON.
  components   jsonb NOT NULL CHECK (jsonb_typeof(components) = 'array'),
  create_time  timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE machine (
  machine_id            text COLLATE "C" PRIMARY KEY
                        CHECK (machine_id ~ '^[a-zA-Z0-9._:-]{1,128}$'),
  host                  text NOT NULL CHECK (host <> ''),
  ssh_port              integer NOT NULL CHECK (ssh_port BETWEEN 1 AND 65535),
  login_user            text NOT NULL CHECK (login_user <> ''),
  privilege             text NOT NULL CHECK (privilege IN ('ROOT', 'SUDO', 'SUDO_PASSWORD')),
  host_key              text NOT NULL CHECK (host_key <> ''),
  host_key_fingerprint  text NOT NULL,
  far_end_dir           text NOT NULL,
  credential_kind       text NOT NULL CHECK (credential_kind IN ('PASSWORD', 'PRIVATE_KEY')),
  sealed_credential     bytea NOT NULL,
  -- Content of /etc/machine-id; NULL when the host has none.
  identity              text CHECK (identity <> ''),
  -- v1.Facts as protobuf JSON.
  facts                 jsonb NOT NULL CHECK (jsonb_typeof(facts) = 'object'),
  -- Counts the updates; the etag of the API.
  row_version           bigint NOT NULL DEFAULT 1 CHECK (row_version > 0),
  create_time           timestamptz NOT NULL DEFAULT clock_timestamp(),
  update_time           timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT machine_address UNIQUE (host, ssh_port),
  CONSTRAINT machine_identity UNIQUE (identity)
);

CREATE TABLE cluster_meta (
  cluster_name             text COLLATE "C" PRIMARY KEY
                           CHECK (cluster_name ~ '^[a-zA-Z0-9._-]{1,64}$'),
  cluster_uuid             uuid NOT NULL UNIQUE,
  cluster_version          text COLLATE "C" NOT NULL REFERENCES warehouse (version),
  cluster_status           text NOT NULL
                           CHECK (cluster_status IN ('Deploying', 'Offline', 'Up', 'Destroying')),
  os_user                  text NOT NULL,
  os_group                 text NOT NULL,
  cluster_path             text NOT NULL,
  skip_create_user         boolean NOT NULL,
  -- v1.Topology as it was asked for, without secrets, as protobuf JSON.
  topology                 jsonb NOT NULL CHECK (jsonb_typeof(topology) = 'object'),
  public_key               text NOT NULL,
  sealed_private_key       bytea NOT NULL,
  sealed_grafana_password  bytea NOT NULL,
  create_time              timestamptz NOT NULL DEFAULT clock_timestamp(),
  update_time              timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX cluster_meta_version ON cluster_meta (cluster_version);

CREATE TABLE cluster_topology (
  cluster_name       text COLLATE "C" NOT NULL REFERENCES cluster_meta ON DELETE CASCADE,
  instance_name      text NOT NULL CHECK (instance_name <> ''),
  -- Place in the list of instances, from 0.
  position           integer NOT NULL CHECK (position >= 0),
  component          text NOT NULL CHECK (component IN ('dm-master', 'dm-worker', 'prometheus',
                                                        'alertmanager', 'grafana')),
  host               text NOT NULL,
  manage_host        text NOT NULL,
  machine_id         text COLLATE "C" NOT NULL REFERENCES machine,
  -- What tells hosts apart: the machine's identity or, where it has none, its machine_id.
  host_identity      text NOT NULL CHECK (host_identity <> ''),
  -- The port that it serves; peer_port is dm-master's, cluster_port alertmanager's, else NULL.
  port               integer NOT NULL CHECK (port BETWEEN 1 AND 65535),
  peer_port          integer CHECK (peer_port BETWEEN 1 AND 65535),
  cluster_port       integer CHECK (cluster_port BETWEEN 1 AND 65535),
  listen_host        text NOT NULL,
  deploy_dir         text NOT NULL CHECK (deploy_dir LIKE '/%'),
  data_dir           text NOT NULL CHECK (data_dir LIKE '/%' OR data_dir = ''),
  log_dir            text NOT NULL CHECK (log_dir LIKE '/%' OR log_dir = ''),
  numa_node          text NOT NULL,
  -- v1.ResourceControl and google.protobuf.Struct as protobuf JSON.
  resource_control   jsonb NOT NULL CHECK (jsonb_typeof(resource_control) = 'object'),
  config             jsonb NOT NULL CHECK (jsonb_typeof(config) = 'object'),
  v1_source_path     text NOT NULL,
  storage_retention  text NOT NULL,
  grafana_user       text NOT NULL,
  hotfix             text NOT NULL DEFAULT 'Normal'
                     CHECK (hotfix IN ('Normal', 'Reload', 'Patched')),
  PRIMARY KEY (cluster_name, instance_name),
  UNIQUE (cluster_name, position),
  -- For the foreign key of instance_port.
  UNIQUE (cluster_name, instance_name, host_identity)
);
CREATE INDEX cluster_topology_machine ON cluster_topology (machine_id);
CREATE INDEX cluster_topology_host ON cluster_topology (host_identity);

-- No two instances bind the same port of a host, whatever clusters they are of.
CREATE TABLE instance_port (
  host_identity  text NOT NULL,
  port           integer NOT NULL CHECK (port BETWEEN 1 AND 65535),
  cluster_name   text COLLATE "C" NOT NULL,
  instance_name  text NOT NULL,
  PRIMARY KEY (host_identity, port),
  FOREIGN KEY (cluster_name, instance_name, host_identity)
    REFERENCES cluster_topology (cluster_name, instance_name, host_identity)
    ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX instance_port_instance ON instance_port (cluster_name, instance_name);

-- What was on a host before the cluster came.
CREATE TABLE cluster_host (
  cluster_name  text COLLATE "C" NOT NULL REFERENCES cluster_meta ON DELETE CASCADE,
  machine_id    text COLLATE "C" NOT NULL REFERENCES machine,
  before        json NOT NULL,
  create_time   timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (cluster_name, machine_id)
);

-- Given to every claim of an operation and checked on the hosts: never reset.
CREATE SEQUENCE operation_epoch AS bigint;

-- Stays as history when its cluster goes: therefore no foreign key to cluster_meta.
CREATE TABLE operation (
  operation_id         uuid PRIMARY KEY,
  kind                 text NOT NULL CHECK (kind IN ('DEPLOY', 'START', 'STOP', 'DESTROY')),
  cluster_name         text COLLATE "C" NOT NULL CHECK (cluster_name <> ''),
  cluster_uuid         uuid NOT NULL,
  state                text NOT NULL
                       CHECK (state IN ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLING',
                                        'CANCELLED', 'ROLLING_BACK', 'ROLLED_BACK')),
  holds_cluster        boolean NOT NULL,
  -- Serialised google.rpc.Status; NULL when there is none.
  error                bytea,
  user_name            text NOT NULL,
  request_id           uuid,
  request_fingerprint  text NOT NULL,
  plan_format          integer NOT NULL CHECK (plan_format > 0),
  -- Of the last claim; 0 before the first.
  epoch                bigint NOT NULL DEFAULT 0 CHECK (epoch >= 0),
  lease_owner          text,
  lease_until          timestamptz,
  -- Of its newest event.
  last_sequence        bigint NOT NULL CHECK (last_sequence > 0),
  create_time          timestamptz NOT NULL DEFAULT clock_timestamp(),
  start_time           timestamptz,
  end_time             timestamptz,
  superseded_by        uuid REFERENCES operation DEFERRABLE INITIALLY DEFERRED,
  CONSTRAINT operation_lease CHECK ((lease_owner IS NULL) = (lease_until IS NULL)),
  CONSTRAINT operation_lease_active CHECK
    (lease_until IS NULL OR state IN ('RUNNING', 'CANCELLING', 'ROLLING_BACK')),
  -- An active one holds its cluster, an ended one may only while it can be resumed.
  CONSTRAINT operation_hold CHECK (CASE
    WHEN state IN ('QUEUED', 'RUNNING', 'CANCELLING', 'ROLLING_BACK') THEN holds_cluster
    WHEN state IN ('SUCCEEDED', 'ROLLED_BACK') THEN NOT holds_cluster
    ELSE true END),
  CONSTRAINT operation_superseded CHECK
    (superseded_by IS NULL OR (NOT holds_cluster AND state IN ('FAILED', 'CANCELLED'))),
  CONSTRAINT operation_end CHECK
    ((end_time IS NOT NULL) = (state IN ('SUCCEEDED', 'FAILED', 'CANCELLED', 'ROLLED_BACK')))
);
CREATE UNIQUE INDEX operation_one_holder ON operation (cluster_name) WHERE holds_cluster;
CREATE UNIQUE INDEX operation_request ON operation (user_name, request_id)
  WHERE request_id IS NOT NULL;
CREATE INDEX operation_newest ON operation (create_time, operation_id);
CREATE INDEX operation_cluster ON operation (cluster_name, create_time, operation_id);
CREATE INDEX operation_active ON operation (create_time)
  WHERE state IN ('QUEUED', 'RUNNING', 'CANCELLING', 'ROLLING_BACK');

CREATE TABLE operation_step (
  operation_id        uuid NOT NULL REFERENCES operation ON DELETE CASCADE,
  step_id             text NOT NULL CHECK (step_id <> ''),
  -- Place in the plan, from 0.
  position            integer NOT NULL CHECK (position >= 0),
  title               text NOT NULL,
  host                text NOT NULL,
  runner              text NOT NULL CHECK (runner <> ''),
  state               text NOT NULL
                      CHECK (state IN ('PENDING', 'RUNNING', 'SUCCEEDED', 'FAILED', 'SKIPPED',
                                       'CANCELLED', 'UNDONE')),
  attempts            integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  payload             json NOT NULL,
  result              json NOT NULL,
  weight              double precision NOT NULL
                      CHECK (weight >= 0 AND weight < 'infinity'::double precision),
  bytes_done          bigint NOT NULL DEFAULT 0 CHECK (bytes_done >= 0),
  bytes_total         bigint NOT NULL DEFAULT 0 CHECK (bytes_total >= 0),
  -- Ids of steps.
  depends_on          jsonb NOT NULL CHECK (jsonb_typeof(depends_on) = 'array'),
  point_of_no_return  boolean NOT NULL,
  error               bytea,
  start_time          timestamptz,
  end_time            timestamptz,
  PRIMARY KEY (operation_id, step_id),
  UNIQUE (operation_id, position)
);

CREATE TABLE operation_event (
  operation_id  uuid NOT NULL REFERENCES operation ON DELETE CASCADE,
  -- 1, 2, 3, ...: counted in the operation's row by the transaction that inserts the event.
  sequence      bigint NOT NULL CHECK (sequence > 0),
  event_time    timestamptz NOT NULL DEFAULT clock_timestamp(),
  kind          text NOT NULL
                CHECK (kind IN ('OPERATION_STATE', 'STEP_STATE', 'STEP_PROGRESS', 'LOG')),
  step_id       text,
  state         text,
  attempt       integer,
  bytes_done    bigint,
  bytes_total   bigint,
  level         text CHECK (level IN ('INFO', 'WARNING', 'ERROR')),
  message       text,
  error         bytea,
  PRIMARY KEY (operation_id, sequence),
  CONSTRAINT operation_event_fields CHECK (CASE kind
    WHEN 'OPERATION_STATE' THEN state IS NOT NULL
    WHEN 'STEP_STATE' THEN step_id IS NOT NULL AND state IS NOT NULL AND attempt IS NOT NULL
    WHEN 'STEP_PROGRESS' THEN
      step_id IS NOT NULL AND bytes_done IS NOT NULL AND bytes_total IS NOT NULL
    ELSE level IS NOT NULL AND message IS NOT NULL END)
);

CREATE TABLE "user" (
  user_name      text COLLATE "C" PRIMARY KEY CHECK (user_name <> ''),
  role           text NOT NULL CHECK (role IN ('VIEWER', 'OPERATOR', 'ADMIN')),
  password_hash  text NOT NULL CHECK (password_hash LIKE '$argon2id$%'),
  create_time    timestamptz NOT NULL DEFAULT clock_timestamp(),
  update_time    timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- At most one row: the hash of the one-time secret that makes the first user.
CREATE TABLE bootstrap_secret (
  only_one     boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  secret_hash  text NOT NULL,
  create_time  timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE session (
  token_hash   text PRIMARY KEY CHECK (token_hash <> ''),
  user_name    text COLLATE "C" NOT NULL REFERENCES "user" ON DELETE CASCADE,
  create_time  timestamptz NOT NULL DEFAULT clock_timestamp(),
  expire_time  timestamptz NOT NULL
);
CREATE INDEX session_owner ON session (user_name);
CREATE INDEX session_expire ON session (expire_time);

-- Names users and operations as they were then: therefore without foreign keys.
CREATE TABLE audit_log (
  audit_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  audit_time    timestamptz NOT NULL DEFAULT clock_timestamp(),
  user_name     text NOT NULL,
  peer          text NOT NULL,
  method        text NOT NULL CHECK (method <> ''),
  target        text NOT NULL,
  code          integer NOT NULL CHECK (code BETWEEN 0 AND 16),
  operation_id  text NOT NULL
);
CREATE INDEX audit_log_time ON audit_log (audit_time);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
