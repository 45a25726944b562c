-- What forgetting old operations asks for: which there are, and who names them (also by the foreign
-- key, for each that goes).
CREATE INDEX operation_ended ON operation (end_time) WHERE end_time IS NOT NULL AND NOT holds_cluster;
CREATE INDEX operation_superseded_by ON operation (superseded_by) WHERE superseded_by IS NOT NULL;
