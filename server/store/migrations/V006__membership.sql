-- How an instance came: with the deploy, or by a scale-out; Joining ones are not part of the cluster
-- yet, but hold their ports and directories.
ALTER TABLE cluster_topology ADD COLUMN membership text NOT NULL DEFAULT 'Founder'
  CHECK (membership IN ('Founder', 'Joining', 'Joined'));
