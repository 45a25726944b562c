-- The rest of what one column alone must be, where an operation's progress is written: domains for
-- the reason that V009 has.
CREATE DOMAIN non_empty_text AS text CHECK (VALUE <> '');
CREATE DOMAIN non_negative_integer AS integer CHECK (VALUE >= 0);
CREATE DOMAIN positive_integer AS integer CHECK (VALUE > 0);
CREATE DOMAIN non_negative_bigint AS bigint CHECK (VALUE >= 0);
CREATE DOMAIN positive_bigint AS bigint CHECK (VALUE > 0);
CREATE DOMAIN step_weight AS double precision
  CHECK (VALUE >= 0 AND VALUE < 'infinity'::double precision);
CREATE DOMAIN json_array AS jsonb CHECK (jsonb_typeof(VALUE) = 'array');

ALTER TABLE operation
  DROP CONSTRAINT operation_cluster_name_check,
  DROP CONSTRAINT operation_plan_format_check,
  DROP CONSTRAINT operation_epoch_check,
  DROP CONSTRAINT operation_last_sequence_check,
  ALTER COLUMN cluster_name TYPE non_empty_text COLLATE "C",
  ALTER COLUMN plan_format TYPE positive_integer,
  ALTER COLUMN epoch TYPE non_negative_bigint,
  ALTER COLUMN last_sequence TYPE positive_bigint;
ALTER TABLE operation_step
  DROP CONSTRAINT operation_step_step_id_check,
  DROP CONSTRAINT operation_step_position_check,
  DROP CONSTRAINT operation_step_runner_check,
  DROP CONSTRAINT operation_step_attempts_check,
  DROP CONSTRAINT operation_step_weight_check,
  DROP CONSTRAINT operation_step_bytes_done_check,
  DROP CONSTRAINT operation_step_bytes_total_check,
  DROP CONSTRAINT operation_step_depends_on_check,
  ALTER COLUMN step_id TYPE non_empty_text,
  ALTER COLUMN position TYPE non_negative_integer,
  ALTER COLUMN runner TYPE non_empty_text,
  ALTER COLUMN attempts TYPE non_negative_integer,
  ALTER COLUMN weight TYPE step_weight,
  ALTER COLUMN bytes_done TYPE non_negative_bigint,
  ALTER COLUMN bytes_total TYPE non_negative_bigint,
  ALTER COLUMN depends_on TYPE json_array;
ALTER TABLE operation_event
  DROP CONSTRAINT operation_event_sequence_check,
  ALTER COLUMN sequence TYPE positive_bigint;
