-- The values of an enum, as a domain: PostgreSQL parses a table's CHECKs anew with every statement
-- that writes a row, but those of a domain once in a session. They were half of what it takes to
-- record a step.
CREATE DOMAIN operation_kind AS text
  CHECK (VALUE IN ('DEPLOY', 'START', 'STOP', 'DESTROY', 'SCALE_OUT', 'SCALE_IN', 'RELOAD',
                   'UPGRADE', 'PATCH', 'RESTART', 'ENABLE', 'DISABLE'));
CREATE DOMAIN operation_state AS text
  CHECK (VALUE IN ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLING', 'CANCELLED',
                   'ROLLING_BACK', 'ROLLED_BACK'));
CREATE DOMAIN operation_phase AS text CHECK (VALUE IN ('FORWARD', 'ROLLBACK'));
CREATE DOMAIN step_state AS text
  CHECK (VALUE IN ('PENDING', 'RUNNING', 'SUCCEEDED', 'FAILED', 'SKIPPED', 'CANCELLED', 'UNDONE'));
CREATE DOMAIN event_kind AS text
  CHECK (VALUE IN ('OPERATION_STATE', 'STEP_STATE', 'STEP_PROGRESS', 'LOG'));
CREATE DOMAIN log_level AS text CHECK (VALUE IN ('INFO', 'WARNING', 'ERROR'));

ALTER TABLE operation
  DROP CONSTRAINT operation_kind_check,
  DROP CONSTRAINT operation_state_check,
  DROP CONSTRAINT operation_phase_check,
  ALTER COLUMN kind TYPE operation_kind,
  ALTER COLUMN state TYPE operation_state,
  ALTER COLUMN phase TYPE operation_phase;
ALTER TABLE operation_step
  DROP CONSTRAINT operation_step_state_check,
  ALTER COLUMN state TYPE step_state;
ALTER TABLE operation_event
  DROP CONSTRAINT operation_event_kind_check,
  DROP CONSTRAINT operation_event_level_check,
  ALTER COLUMN kind TYPE event_kind,
  ALTER COLUMN level TYPE log_level;
