#!/bin/bash
set -e

if [[ $1 == configure ]]; then
  getent group dmgr >/dev/null || addgroup --quiet --system dmgr
  # The state is made by the unit, which knows its mode.
  getent passwd dmgr >/dev/null ||
    adduser --quiet --system --ingroup dmgr --home /var/lib/dmgrd --no-create-home --gecos dmgrd dmgr
fi

case $1 in
  configure | abort-upgrade | abort-deconfigure | abort-remove)
    deb-systemd-helper unmask dmgrd.service >/dev/null || true
    if deb-systemd-helper --quiet was-enabled dmgrd.service; then
      deb-systemd-helper enable dmgrd.service >/dev/null || true
    else
      deb-systemd-helper update-state dmgrd.service >/dev/null || true
    fi
    if [[ -d /run/systemd/system ]]; then
      systemctl --system daemon-reload >/dev/null || true
      # An operation that is under way goes on with the new dmgrd.
      if [[ -n $2 ]]; then action=restart; else action=start; fi
      deb-systemd-invoke "$action" dmgrd.service >/dev/null || true
    fi
    ;;
esac

if [[ $1 == configure && -z $2 ]]; then
  cat <<'TEXT'
dmgrd: on this machine, as root, within an hour (later: systemctl restart dmgrd first):
  dmgrctl context add here --server localhost:9527 --ca /var/lib/dmgrd/tls/ca.pem --user admin
  dmgrctl login --first-secret-file /var/lib/dmgrd/first-secret
For other machines and all else: /usr/share/doc/dmgrd/README.md
TEXT
fi
