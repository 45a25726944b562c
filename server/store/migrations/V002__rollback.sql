-- Whether the steps of an operation are done or undone.
ALTER TABLE operation
  ADD COLUMN phase text NOT NULL DEFAULT 'FORWARD' CHECK (phase IN ('FORWARD', 'ROLLBACK')),
  -- It was resumed: what succeeded before is looked at before others rely on it.
  ADD COLUMN resumed boolean NOT NULL DEFAULT false,
  -- Somebody took the cluster from it by word, with nothing undone.
  ADD COLUMN abandoned boolean NOT NULL DEFAULT false,
  ADD CONSTRAINT operation_phase CHECK (CASE state
    WHEN 'ROLLING_BACK' THEN phase = 'ROLLBACK'
    WHEN 'ROLLED_BACK' THEN phase = 'ROLLBACK'
    WHEN 'FAILED' THEN true
    ELSE phase = 'FORWARD' END),
  ADD CONSTRAINT operation_abandoned CHECK
    (NOT abandoned OR (NOT holds_cluster AND state IN ('FAILED', 'CANCELLED')));
