-- Counts the changes of what is recorded of a cluster: a plan is stored only while the record is still
-- what it was made from.
ALTER TABLE cluster_meta ADD COLUMN revision positive_bigint NOT NULL DEFAULT 1;

CREATE FUNCTION count_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.revision := OLD.revision + 1;
  RETURN NEW;
END
$$;
CREATE TRIGGER cluster_meta_revision BEFORE UPDATE ON cluster_meta
  FOR EACH ROW EXECUTE FUNCTION count_change();

-- A change of a row that belongs to a cluster is one of the cluster, which the trigger above counts.
CREATE FUNCTION touch_cluster() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE cluster_meta SET revision = revision
    WHERE cluster_name = coalesce(NEW.cluster_name, OLD.cluster_name);
  RETURN NULL;
END
$$;
CREATE TRIGGER cluster_topology_revision AFTER INSERT OR UPDATE OR DELETE ON cluster_topology
  FOR EACH ROW EXECUTE FUNCTION touch_cluster();
CREATE TRIGGER cluster_patch_revision AFTER INSERT OR UPDATE OR DELETE ON cluster_patch
  FOR EACH ROW EXECUTE FUNCTION touch_cluster();
CREATE TRIGGER cluster_host_revision AFTER INSERT OR UPDATE OR DELETE ON cluster_host
  FOR EACH ROW EXECUTE FUNCTION touch_cluster();
