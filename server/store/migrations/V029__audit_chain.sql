-- A call that changes something is recorded before it does, and with its outcome: what has no outcome
-- was cut off. Each row carries a keyed hash of itself and of the one before it, so that a row that was
-- changed, put in or taken out is noticed.
ALTER TABLE audit_log ADD COLUMN begun boolean NOT NULL DEFAULT false;
ALTER TABLE audit_log ADD COLUMN outcome_of bigint NOT NULL DEFAULT 0;
ALTER TABLE audit_log ADD COLUMN chain text NOT NULL DEFAULT '';
CREATE INDEX audit_log_outcome ON audit_log (outcome_of) WHERE outcome_of <> 0;
