-- PostgreSQL parses a table's CHECKs anew with every statement that writes a row. Where an
-- operation's progress is written they were a third of the server's time: what one column alone
-- must be is a domain from here on, as in V009, and what columns must be together a trigger, which
-- is compiled once in a session and is not called for a statement that sets none of them.
--
-- As in V009 no row is read or written for a column's new type: the domains get their rules after it.
CREATE DOMAIN non_empty_text AS text;
CREATE DOMAIN non_negative_integer AS integer;
CREATE DOMAIN positive_integer AS integer;
CREATE DOMAIN non_negative_bigint AS bigint;
CREATE DOMAIN positive_bigint AS bigint;
CREATE DOMAIN step_weight AS double precision;
CREATE DOMAIN json_array AS jsonb;

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
  -- Where V009 was applied when it kept this one.
  DROP CONSTRAINT IF EXISTS operation_event_fields,
  DROP CONSTRAINT operation_event_sequence_check,
  ALTER COLUMN sequence TYPE positive_bigint;

ALTER DOMAIN non_empty_text ADD CONSTRAINT non_empty_text_check CHECK (VALUE <> '') NOT VALID;
ALTER DOMAIN non_negative_integer ADD CONSTRAINT non_negative_integer_check
  CHECK (VALUE >= 0) NOT VALID;
ALTER DOMAIN positive_integer ADD CONSTRAINT positive_integer_check CHECK (VALUE > 0) NOT VALID;
ALTER DOMAIN non_negative_bigint ADD CONSTRAINT non_negative_bigint_check
  CHECK (VALUE >= 0) NOT VALID;
ALTER DOMAIN positive_bigint ADD CONSTRAINT positive_bigint_check CHECK (VALUE > 0) NOT VALID;
ALTER DOMAIN step_weight ADD CONSTRAINT step_weight_check
  CHECK (VALUE >= 0 AND VALUE < 'infinity'::double precision) NOT VALID;
ALTER DOMAIN json_array ADD CONSTRAINT json_array_check
  CHECK (jsonb_typeof(VALUE) = 'array') NOT VALID;

CREATE FUNCTION refuse_row(broken_rule text, table_name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a row of % breaks the rule %', table_name, broken_rule
    USING ERRCODE = 'check_violation', CONSTRAINT = broken_rule, TABLE = table_name;
END
$$;

ALTER TABLE operation
  DROP CONSTRAINT operation_lease,
  DROP CONSTRAINT operation_lease_active,
  DROP CONSTRAINT operation_hold,
  DROP CONSTRAINT operation_superseded,
  DROP CONSTRAINT operation_end,
  DROP CONSTRAINT operation_phase,
  DROP CONSTRAINT operation_abandoned;
CREATE FUNCTION check_operation() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  broken_rule constant text := CASE
    WHEN (NEW.lease_owner IS NULL) <> (NEW.lease_until IS NULL) THEN 'operation_lease'
    WHEN NEW.lease_until IS NOT NULL
      AND NEW.state NOT IN ('RUNNING', 'CANCELLING', 'ROLLING_BACK') THEN 'operation_lease_active'
    -- An active one holds its cluster, an ended one may only while it can be resumed.
    WHEN NEW.state IN ('QUEUED', 'RUNNING', 'CANCELLING', 'ROLLING_BACK')
      AND NOT NEW.holds_cluster THEN 'operation_hold'
    WHEN NEW.state IN ('SUCCEEDED', 'ROLLED_BACK') AND NEW.holds_cluster THEN 'operation_hold'
    WHEN NEW.superseded_by IS NOT NULL
      AND (NEW.holds_cluster OR NEW.state NOT IN ('FAILED', 'CANCELLED')) THEN 'operation_superseded'
    WHEN (NEW.end_time IS NOT NULL)
      <> (NEW.state IN ('SUCCEEDED', 'FAILED', 'CANCELLED', 'ROLLED_BACK')) THEN 'operation_end'
    WHEN NEW.state <> 'FAILED'
      AND (NEW.phase = 'ROLLBACK') <> (NEW.state IN ('ROLLING_BACK', 'ROLLED_BACK'))
      THEN 'operation_phase'
    WHEN NEW.abandoned
      AND (NEW.holds_cluster OR NEW.state NOT IN ('FAILED', 'CANCELLED')) THEN 'operation_abandoned'
    END;
BEGIN
  IF broken_rule IS NOT NULL THEN PERFORM refuse_row(broken_rule, TG_TABLE_NAME); END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER operation_rules
  AFTER INSERT OR UPDATE OF state, phase, holds_cluster, lease_owner, lease_until, end_time,
                            superseded_by, abandoned ON operation
  FOR EACH ROW EXECUTE FUNCTION check_operation();

CREATE FUNCTION check_operation_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT (CASE NEW.kind
    WHEN 'OPERATION_STATE' THEN NEW.state IS NOT NULL
    WHEN 'STEP_STATE' THEN
      NEW.step_id IS NOT NULL AND NEW.state IS NOT NULL AND NEW.attempt IS NOT NULL
    WHEN 'STEP_PROGRESS' THEN
      NEW.step_id IS NOT NULL AND NEW.bytes_done IS NOT NULL AND NEW.bytes_total IS NOT NULL
    ELSE NEW.level IS NOT NULL AND NEW.message IS NOT NULL END)
  THEN
    PERFORM refuse_row('operation_event_fields', TG_TABLE_NAME);
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER operation_event_rules
  BEFORE INSERT OR UPDATE ON operation_event
  FOR EACH ROW EXECUTE FUNCTION check_operation_event();
