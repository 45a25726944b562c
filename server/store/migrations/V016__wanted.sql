-- What the last operation about an instance wanted of it: that it runs, that its host starts it at
-- boot. Of instances from before it follows from the newest step about each that has succeeded, else
-- from the state of the cluster; a deploy enables.
ALTER TABLE cluster_topology
  ADD COLUMN wanted_running boolean NOT NULL DEFAULT false,
  ADD COLUMN wanted_enabled boolean NOT NULL DEFAULT true;

UPDATE cluster_topology t SET
  wanted_running = t.membership <> 'Joining' AND m.cluster_status = 'Up' AND coalesce(
    (SELECT s.runner NOT IN ('host.stop', 'host.end')
     FROM operation o JOIN operation_step s USING (operation_id)
     WHERE o.cluster_uuid = m.cluster_uuid AND s.state = 'SUCCEEDED'
       AND s.runner IN ('host.start', 'host.stop', 'host.end', 'host.restart', 'host.upgrade',
                        'host.patch')
       AND (s.payload::jsonb -> 'instances' ? t.instance_name
            OR s.payload::jsonb -> 'turn' ->> 'instance' = t.instance_name)
     ORDER BY o.create_time DESC, s.position DESC LIMIT 1), true),
  wanted_enabled = coalesce(
    (SELECT s.runner = 'host.enable'
     FROM operation o JOIN operation_step s USING (operation_id)
     WHERE o.cluster_uuid = m.cluster_uuid AND s.state = 'SUCCEEDED'
       AND s.runner IN ('host.enable', 'host.disable')
       AND s.payload::jsonb -> 'instances' ? t.instance_name
     ORDER BY o.create_time DESC, s.position DESC LIMIT 1), true)
FROM cluster_meta m WHERE m.cluster_name = t.cluster_name;
