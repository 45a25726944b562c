#!/bin/bash
set -e

if [[ -d /run/systemd/system ]]; then
  systemctl --system daemon-reload >/dev/null || true
fi

if [[ $1 == purge ]]; then
  deb-systemd-helper purge dmgrd.service >/dev/null 2>&1 || true
  # Of a link only the link, of a mounted disk only what is on it. Other folders of dmgrd.toml are not
  # known here; the user stays, since files of it may.
  rm -rf --one-file-system /var/lib/dmgrd /var/log/dmgrd || true
fi
