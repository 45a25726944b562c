#!/bin/bash
set -e

# During an upgrade it serves until the new one is in its place.
if [[ $1 == remove && -d /run/systemd/system ]]; then
  deb-systemd-invoke stop dmgrd.service >/dev/null || true
fi
