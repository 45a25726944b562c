-- The configuration that a cluster is to have, and its hosts do not have yet: as it is shown, and
-- sealed as a whole, since it may hold passwords. Both or none.
ALTER TABLE cluster_meta ADD COLUMN pending_topology jsonb;
ALTER TABLE cluster_meta ADD COLUMN sealed_pending bytea;
ALTER TABLE cluster_meta ADD CONSTRAINT cluster_meta_pending
  CHECK ((pending_topology IS NULL) = (sealed_pending IS NULL));
-- The instance's files are other ones by the pending configuration.
ALTER TABLE cluster_topology ADD COLUMN needs_reload boolean NOT NULL DEFAULT false;
