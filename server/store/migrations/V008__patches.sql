-- Programs that instances run in place of their package's. The file is
-- {warehouse}/patches/{patch_id}.tar.zst.
CREATE TABLE patch (
  -- The release's hash.
  patch_id     text COLLATE "C" PRIMARY KEY CHECK (patch_id ~ '^[0-9a-f]{64}$'),
  component    text NOT NULL CHECK (component IN ('dm-master', 'dm-worker', 'prometheus',
                                                  'alertmanager', 'grafana')),
  file_name    text NOT NULL,
  size_bytes   bigint NOT NULL CHECK (size_bytes >= 0),
  sha256       text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
  arch         text NOT NULL CHECK (arch IN ('amd64', 'arm64')),
  -- v1.PackageComponent as protobuf JSON.
  release      jsonb NOT NULL CHECK (jsonb_typeof(release) = 'object'),
  -- A cluster has used it: it goes when the last one lets it go, others a day after they came.
  used         boolean NOT NULL DEFAULT false,
  create_time  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What an instance runs; hotfix is 'Patched' then, and unpatched_hotfix what it was before.
ALTER TABLE cluster_topology
  ADD COLUMN patch_id text COLLATE "C" REFERENCES patch,
  ADD COLUMN unpatched_hotfix text NOT NULL DEFAULT 'Normal'
    CHECK (unpatched_hotfix IN ('Normal', 'Reload'));
CREATE INDEX cluster_topology_patch ON cluster_topology (patch_id) WHERE patch_id IS NOT NULL;

-- What new instances of a component get.
CREATE TABLE cluster_patch (
  cluster_name  text COLLATE "C" NOT NULL REFERENCES cluster_meta ON DELETE CASCADE,
  component     text NOT NULL CHECK (component IN ('dm-master', 'dm-worker', 'prometheus',
                                                   'alertmanager', 'grafana')),
  patch_id      text COLLATE "C" NOT NULL REFERENCES patch,
  PRIMARY KEY (cluster_name, component)
);
CREATE INDEX cluster_patch_patch ON cluster_patch (patch_id);
