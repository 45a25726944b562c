-- A host may be registered at several addresses. Which machines may share an identity is checked by
-- whoever writes them, under an advisory lock on it.
ALTER TABLE machine DROP CONSTRAINT machine_identity;
CREATE INDEX machine_identity ON machine (identity);
