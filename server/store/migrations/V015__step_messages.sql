-- Parameters and results of steps are messages of dmgr.plan.v1 from here on, in JSON of another shape.
-- Those of an operation that can still go on are not read any more. One that has ended for good is
-- only shown.
DO $$
DECLARE
  active text;
BEGIN
  SELECT string_agg(format('%s of cluster %s (%s, %s)', kind, cluster_name, state, operation_id), '; '
                    ORDER BY create_time)
    INTO active FROM operation WHERE holds_cluster;
  IF active IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'DM001',
      MESSAGE = 'operations that an older dmgrd has planned can still go on: ' || active;
  END IF;
END
$$;
