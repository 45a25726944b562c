-- A cluster of another tool needs the package of its version from its takeover on. The table has a row
-- a cluster: it may be written anew.
ALTER TABLE cluster_meta DROP CONSTRAINT cluster_meta_cluster_version_fkey;
ALTER TABLE cluster_meta ADD COLUMN package_version text COLLATE "C"
  GENERATED ALWAYS AS (CASE WHEN origin <> 'TIUP' THEN cluster_version END) STORED
  REFERENCES warehouse (version);
