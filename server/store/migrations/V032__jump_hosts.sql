-- A machine may be reached through another one, which then cannot go before it does.
ALTER TABLE machine ADD COLUMN via text COLLATE "C" REFERENCES machine
  CHECK (via <> machine_id);
CREATE INDEX machine_via ON machine (via) WHERE via IS NOT NULL;
