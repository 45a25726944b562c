-- What a cluster was called before, the first name first: what has it by one of them elsewhere, as
-- Grafana its data sources, is told to forget it.
ALTER TABLE cluster_meta ADD COLUMN former_names jsonb NOT NULL DEFAULT '[]';
