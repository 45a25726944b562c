-- What the topology says of the monitoring beyond the columns of cluster_topology: a v1.Topology,
-- sealed, since it may hold passwords. Empty in clusters that are older than this column.
ALTER TABLE cluster_meta ADD COLUMN sealed_options bytea NOT NULL DEFAULT '';
