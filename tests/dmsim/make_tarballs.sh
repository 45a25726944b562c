#!/bin/bash
# Writes component tarballs as PingCAP publishes them, of the stand-in and of Debian's real
# prometheus, alertmanager and exporters.
#
#   make_tarballs.sh BIN_DIR VERSION OUT_DIR [PAD_MB]
#
# BIN_DIR   where dm-master, dm-worker, dmctl, grafana-server and grafana-cli were built
# VERSION   vX.Y.Z: what these programs will say of themselves
# PAD_MB    megabytes to add to dm-master and to dm-worker (real ones have 160)
#
# Debian's packages are fetched once, into ${DMGR_CACHE:-/var/cache/dmgr}, and only unpacked.
# Debian's alertmanager reads /usr/share/prometheus/alertmanager/*.tmpl whatever its flags say, and
# exits without them: a host of a test needs the files of OUT_DIR/alertmanager-templates/ there.
set -euo pipefail

if [ $# -lt 3 ]; then
  sed -n '2,15s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
bin_dir=$(realpath "$1")
version=$2
pad_mb=${4:-0}
mkdir -p "$3"
out_dir=$(realpath "$3")
here=$(dirname "$(realpath "$0")")
cache=${DMGR_CACHE:-/var/cache/dmgr}
work=$(mktemp -d "$out_dir/.work.XXXXXX")
trap 'rm -rf "$work"' EXIT

# Fills $cache/debian/NAME with the unpacked package; complete or not there.
unpack_debian() {
  local name=$1 target=$cache/debian/$1 temporary
  [ -d "$target" ] && return
  mkdir -p "$cache/debian"
  temporary=$(mktemp -d "$cache/debian/.$name.XXXXXX")
  # _apt may not enter a private folder; as root apt then says so and downloads all the same.
  (cd "$temporary" && apt-get -qq download "$name" 2>/dev/null && dpkg -x "$name"_*.deb root)
  mv -T "$temporary/root" "$target" 2>/dev/null || [ -d "$target" ]
  rm -rf "$temporary"
}

# A copy of a program with padding and the version that it will show.
place() {
  local from=$1 to=$2 megabytes=$3
  mkdir -p "$(dirname "$to")"
  cp "$from" "$to"
  if [ "$megabytes" -gt 0 ]; then padding "$megabytes" >> "$to"; fi
  printf '\nDMSIM-VERSION=%s\n' "$version" >> "$to"
  chmod 755 "$to"
}

# Real program code, so that it compresses as code does.
padding() {
  local left=$(($1 * 1024 * 1024)) file size
  while [ "$left" -gt 0 ]; do
    for file in "$cache"/debian/*/usr/bin/*; do
      size=$(stat -c %s "$file")
      [ "$size" -lt "$left" ] || size=$left
      head -c "$size" "$file"
      left=$((left - size))
    done
  done
}

pack() {
  local name=$1
  shift
  tar -C "$work/$name" --owner=0 --group=0 --sort=name --mtime=@1700000000 -c "$@" \
    | gzip -1 -n > "$out_dir/.$name.part"
  mv "$out_dir/.$name.part" "$out_dir/$name-$version-linux-amd64.tar.gz"
}

make_dm() {
  local top=$work/dm-master/dm-master
  place "$bin_dir/dm-master" "$top/dm-master" "$pad_mb"
  mkdir -p "$top/conf" "$top/scripts"
  cp "$here/package/dm_worker.rules.yml" "$top/conf/"
  printf '# dm-master Configuration.\nlog-level = "info"\n' > "$top/conf/dm-master.toml"
  cp "$here"/package/dashboards/*.json "$top/scripts/"
  pack dm-master dm-master

  place "$bin_dir/dm-worker" "$work/dm-worker/dm-worker/dm-worker" "$pad_mb"
  mkdir -p "$work/dm-worker/dm-worker/conf"
  printf '# dm-worker Configuration.\nlog-level = "info"\n' \
    > "$work/dm-worker/dm-worker/conf/dm-worker.toml"
  pack dm-worker dm-worker

  place "$bin_dir/dmctl" "$work/dmctl/dmctl/dmctl" 0
  mkdir -p "$work/dmctl/dmctl/conf"
  cp "$here"/package/task_*.yaml "$work/dmctl/dmctl/conf/"
  pack dmctl dmctl
}

make_monitoring() {
  local top=$work/prometheus/prometheus
  mkdir -p "$top"
  cp "$cache"/debian/prometheus/usr/bin/{prometheus,promtool} "$top/"
  cp "$here/package/dm_worker.rules.yml" "$top/"
  pack prometheus prometheus

  top=$work/alertmanager/alertmanager
  mkdir -p "$top" "$out_dir/alertmanager-templates"
  cp "$cache/debian/prometheus-alertmanager/usr/bin/amtool" "$top/"
  cp "$cache/debian/prometheus-alertmanager/usr/bin/prometheus-alertmanager" "$top/alertmanager"
  pack alertmanager alertmanager
  cp "$cache"/debian/prometheus-alertmanager/usr/share/prometheus/alertmanager/*.tmpl \
     "$out_dir/alertmanager-templates/"
}

make_exporters() {
  local name top
  for name in node blackbox; do
    top=$work/${name}_exporter/${name}_exporter
    mkdir -p "$top"
    cp "$cache/debian/prometheus-$name-exporter/usr/bin/prometheus-$name-exporter" \
       "$top/${name}_exporter"
    pack "${name}_exporter" "${name}_exporter"
  done
}

# A whole home at the root, as in Grafana's own tarball.
make_grafana() {
  local home=$work/grafana
  mkdir -p "$home"/{bin,conf/provisioning/{dashboards,datasources},public/{img,views},scripts}
  mkdir -p "$home/plugins-bundled"
  cp "$bin_dir/grafana-server" "$bin_dir/grafana-cli" "$home/bin/"
  cp "$here/package/defaults.ini" "$home/conf/"
  printf '<!DOCTYPE html><title>Grafana</title>\n' > "$home/public/views/index.html"
  printf 'User-agent: *\nDisallow: /\n' > "$home/public/robots.txt"
  cp "$here"/package/dashboards/*.json "$home/"
  echo "7.5.17" > "$home/VERSION"
  (cd "$home" && pack grafana -- *)
}

unpack_debian prometheus
unpack_debian prometheus-alertmanager
unpack_debian prometheus-node-exporter
unpack_debian prometheus-blackbox-exporter
make_dm
make_monitoring
make_exporters
make_grafana
ls -l "$out_dir"/*.tar.gz
