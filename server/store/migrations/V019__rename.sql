-- What belongs to a cluster goes with its name. Operations keep the one that it had then.
ALTER TABLE cluster_topology DROP CONSTRAINT cluster_topology_cluster_name_fkey,
  ADD CONSTRAINT cluster_topology_cluster_name_fkey FOREIGN KEY (cluster_name)
    REFERENCES cluster_meta ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE cluster_host DROP CONSTRAINT cluster_host_cluster_name_fkey,
  ADD CONSTRAINT cluster_host_cluster_name_fkey FOREIGN KEY (cluster_name)
    REFERENCES cluster_meta ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE cluster_patch DROP CONSTRAINT cluster_patch_cluster_name_fkey,
  ADD CONSTRAINT cluster_patch_cluster_name_fkey FOREIGN KEY (cluster_name)
    REFERENCES cluster_meta ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE cluster_behind DROP CONSTRAINT cluster_behind_cluster_name_fkey,
  ADD CONSTRAINT cluster_behind_cluster_name_fkey FOREIGN KEY (cluster_name)
    REFERENCES cluster_meta ON DELETE CASCADE ON UPDATE CASCADE;
