-- Machines on which dmgr is nobody but the login.
ALTER TABLE machine DROP CONSTRAINT machine_privilege_check;
ALTER TABLE machine ADD CONSTRAINT machine_privilege_check
  CHECK (privilege IN ('ROOT', 'SUDO', 'SUDO_PASSWORD', 'NONE'));
