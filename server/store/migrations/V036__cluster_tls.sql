-- TLS between the processes of a cluster: what is trusted, what vouches for its instances, since when
-- (seconds since 1970), and the sealed keys. All are empty where there is none.
ALTER TABLE cluster_meta
  ADD COLUMN tls_trusted text NOT NULL DEFAULT '',
  ADD COLUMN tls_issuer text NOT NULL DEFAULT '',
  ADD COLUMN tls_issue_time bigint NOT NULL DEFAULT 0,
  ADD COLUMN sealed_tls bytea NOT NULL DEFAULT '';
CREATE TRIGGER cluster_seal_tls BEFORE INSERT OR UPDATE OF sealed_tls ON cluster_meta
  FOR EACH ROW EXECUTE FUNCTION refuse_foreign_seal('sealed_tls');
