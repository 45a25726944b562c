-- The cluster's key lets its holder log in to the hosts.
ALTER TABLE cluster_meta ADD COLUMN user_login boolean NOT NULL DEFAULT false;

-- Accounts that dmgr did not make and that clusters may run as there all the same.
ALTER TABLE machine ADD COLUMN allowed_users jsonb NOT NULL DEFAULT '[]'
  CHECK (jsonb_typeof(allowed_users) = 'array');

-- What runs as such an account by the record may go on.
UPDATE machine SET allowed_users = used.names
FROM (
  SELECT machine_id, jsonb_agg(DISTINCT account) AS names
  FROM (
    SELECT h.machine_id, c.os_user AS account
    FROM cluster_host h JOIN cluster_meta c USING (cluster_name)
    WHERE h.before ->> 'user_existed' = 'true'
    UNION
    SELECT h.machine_id, c.os_group
    FROM cluster_host h JOIN cluster_meta c USING (cluster_name)
    WHERE h.before ->> 'group_existed' = 'true' AND c.os_group <> ''
  ) AS accounts
  GROUP BY machine_id
) AS used
WHERE used.machine_id = machine.machine_id;
