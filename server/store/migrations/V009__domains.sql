-- The values of an enum, as a domain: PostgreSQL parses a table's CHECKs anew with every statement
-- that writes a row, but those of a domain once in a session. They were half of what it takes to
-- record a step.
--
-- No row is read or written for it, however many there are: a column's type becomes a domain without
-- a rule, which is the same in the table and in its indexes, and only then the domain gets its rule,
-- NOT VALID, that is for what comes from now on. What is there obeyed the same rule as a CHECK.
CREATE DOMAIN operation_kind AS text;
CREATE DOMAIN operation_state AS text;
CREATE DOMAIN operation_phase AS text;
CREATE DOMAIN step_state AS text;
CREATE DOMAIN event_kind AS text;
CREATE DOMAIN log_level AS text;

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
  -- It names columns whose types change, and so every row would be looked at for it. V010 has it as a
  -- trigger.
  DROP CONSTRAINT operation_event_fields,
  ALTER COLUMN kind TYPE event_kind,
  ALTER COLUMN level TYPE log_level;

ALTER DOMAIN operation_kind ADD CONSTRAINT operation_kind_check
  CHECK (VALUE IN ('DEPLOY', 'START', 'STOP', 'DESTROY', 'SCALE_OUT', 'SCALE_IN', 'RELOAD',
                   'UPGRADE', 'PATCH', 'RESTART', 'ENABLE', 'DISABLE')) NOT VALID;
ALTER DOMAIN operation_state ADD CONSTRAINT operation_state_check
  CHECK (VALUE IN ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLING', 'CANCELLED',
                   'ROLLING_BACK', 'ROLLED_BACK')) NOT VALID;
ALTER DOMAIN operation_phase ADD CONSTRAINT operation_phase_check
  CHECK (VALUE IN ('FORWARD', 'ROLLBACK')) NOT VALID;
ALTER DOMAIN step_state ADD CONSTRAINT step_state_check
  CHECK (VALUE IN ('PENDING', 'RUNNING', 'SUCCEEDED', 'FAILED', 'SKIPPED', 'CANCELLED', 'UNDONE'))
  NOT VALID;
ALTER DOMAIN event_kind ADD CONSTRAINT event_kind_check
  CHECK (VALUE IN ('OPERATION_STATE', 'STEP_STATE', 'STEP_PROGRESS', 'LOG')) NOT VALID;
ALTER DOMAIN log_level ADD CONSTRAINT log_level_check
  CHECK (VALUE IN ('INFO', 'WARNING', 'ERROR')) NOT VALID;
