-- Which components there are is said in one place, the program's records of them.
ALTER TABLE cluster_topology DROP CONSTRAINT cluster_topology_component_check;
ALTER TABLE patch DROP CONSTRAINT patch_component_check;
ALTER TABLE cluster_patch DROP CONSTRAINT cluster_patch_component_check;
