-- Exporters of other clusters that serve a cluster as well: one that listens on this port of this host.
CREATE TABLE cluster_borrowed (
  cluster_name   text COLLATE "C" NOT NULL REFERENCES cluster_meta ON DELETE CASCADE ON UPDATE CASCADE,
  -- What it is called in this cluster.
  instance_name  text NOT NULL CHECK (instance_name <> ''),
  component      text NOT NULL,
  host           text NOT NULL,
  manage_host    text NOT NULL,
  machine_id     text COLLATE "C" NOT NULL REFERENCES machine,
  host_identity  text NOT NULL CHECK (host_identity <> ''),
  port           integer NOT NULL CHECK (port BETWEEN 1 AND 65535),
  PRIMARY KEY (cluster_name, instance_name)
);
CREATE INDEX cluster_borrowed_host ON cluster_borrowed (host_identity, port);
CREATE INDEX cluster_borrowed_machine ON cluster_borrowed (machine_id);
CREATE TRIGGER cluster_borrowed_revision AFTER INSERT OR UPDATE OR DELETE ON cluster_borrowed
  FOR EACH ROW EXECUTE FUNCTION touch_cluster();
