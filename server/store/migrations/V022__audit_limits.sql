-- Refusals of callers without a name are counted: so many calls a row stands for.
ALTER TABLE audit_log ADD COLUMN calls bigint NOT NULL DEFAULT 1;
-- For what is written from now on; nothing of the past is read for it.
ALTER TABLE audit_log ADD CONSTRAINT audit_log_calls CHECK (calls > 0) NOT VALID;
ALTER TABLE audit_log ADD CONSTRAINT audit_log_lengths CHECK
  (length(user_name) <= 256 AND length(peer) <= 256 AND length(method) <= 256
   AND length(target) <= 1024 AND length(operation_id) <= 64) NOT VALID;
