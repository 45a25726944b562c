-- Users may be disabled; the answers to calls that carry a request_id; labels and descriptions; the
-- request of an operation; components as the enum of the API.
ALTER TABLE "user" ADD COLUMN disabled boolean NOT NULL DEFAULT false;
CREATE INDEX audit_log_user ON audit_log (user_name, audit_id);

CREATE TABLE api_request (
  user_name    text COLLATE "C" NOT NULL,
  request_id   uuid NOT NULL,
  -- Keyed: a request may hold a secret.
  fingerprint  text NOT NULL,
  -- Serialised, without what is sensitive.
  response     bytea NOT NULL,
  create_time  timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (user_name, request_id)
);
CREATE INDEX api_request_time ON api_request (create_time);

-- labels: an object of texts.
ALTER TABLE cluster_meta
  ADD COLUMN description text NOT NULL DEFAULT '',
  ADD COLUMN labels jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(labels) = 'object');
ALTER TABLE machine
  ADD COLUMN description text NOT NULL DEFAULT '',
  ADD COLUMN labels jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(labels) = 'object');

-- Serialised google.protobuf.Any, without what is sensitive; NULL for operations from before.
ALTER TABLE operation ADD COLUMN request bytea;
-- They were plain hashes of requests that may hold a password.
UPDATE operation SET request_fingerprint = '' WHERE request_fingerprint <> '';

UPDATE warehouse SET components =
  (SELECT jsonb_agg(jsonb_set(c, '{component}', to_jsonb(
     'COMPONENT_' || upper(replace(c ->> 'component', '-', '_')))))
   FROM jsonb_array_elements(components) c)
  WHERE components <> '[]';
UPDATE patch SET release = jsonb_set(release, '{component}', to_jsonb(
  'COMPONENT_' || upper(replace(release ->> 'component', '-', '_'))));

-- A duration now; seen again at the next contact.
UPDATE machine SET facts = facts - 'clock_offset_ms';

-- Whether a reload waits follows from the pending topology, whether it is patched from patch_id.
ALTER TABLE cluster_topology DROP COLUMN hotfix, DROP COLUMN unpatched_hotfix;
