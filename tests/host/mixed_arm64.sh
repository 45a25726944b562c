#!/bin/bash
# A cluster on a host of amd64 and one of arm64, both lab hosts: DM's stand-in on the first, Debian's Prometheus
# and Alertmanager for arm64 on the second, where the far end and they run under an emulator of the processor:
#
#   tests/host/mixed_arm64.sh [--build-dir DIR]
#
# Needs root, dmgrd, dmgrctl, dmgr-host and dmsim in BUILD, g++-aarch64-linux-gnu and qemu-user-static. Without the
# emulator, or where binfmt_misc cannot be had, it says so and ends with 77. All of the machine's programs for arm64
# run under the emulator meanwhile. Nothing of DM runs on the host of arm64: the stand-in is made for amd64 only.
set -euo pipefail
export LC_ALL=C
umask 022

REPO=$(cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../.." && pwd)
BUILD=$REPO/build
if [[ ${1-} == --build-dir ]]; then
  BUILD=$(realpath "$2")
  shift 2
fi
LAB=arm
ADDRESS=127.0.0.1:19527
BINFMT=/proc/sys/fs/binfmt_misc
FORMAT=dmgr-aarch64
# The head of a program for aarch64, and which bits of it count.
MAGIC='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
MASK='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'

say() { printf 'mixed_arm64: %s\n' "$*"; }
skip() { say "$*" >&2 && exit 77; }
die() { say "FAILED: $*" >&2 && exit 1; }
lab() { "$REPO/tests/lab/lab.sh" --lab "$LAB" "$@"; }
dmgrctl() { HOME=$work "$BUILD/bin/dmgrctl" --server "$ADDRESS" "$@"; }

# check WORDS PATTERN COMMAND...: it succeeds, and what it says has the pattern.
check() {
  local words=$1 pattern=$2
  shift 2
  "$@" >"$work/out" 2>&1 || { cat "$work/out" >&2 && die "$words"; }
  grep -Eq -- "$pattern" "$work/out" || { cat "$work/out" >&2 && die "$words: no $pattern"; }
  say "ok: $words"
}

# refused WORDS PATTERN COMMAND...: it fails with these words.
refused() {
  local words=$1 pattern=$2
  shift 2
  ! "$@" >"$work/out" 2>&1 || die "$words: was not refused"
  grep -Eq -- "$pattern" "$work/out" || { cat "$work/out" >&2 && die "$words: no $pattern"; }
  say "ok: $words: $(grep -E -m 1 -- "$pattern" "$work/out")"
}

# eventually WORDS PATTERN COMMAND...: within a minute it says the pattern.
eventually() {
  local words=$1 pattern=$2 i
  shift 2
  for ((i = 0; i < 60; i++)); do
    "$@" >"$work/out" 2>&1 && grep -Eq -- "$pattern" "$work/out" && say "ok: $words" && return
    sleep 1
  done
  cat "$work/out" >&2
  die "$words: no $pattern"
}

clean_up() {
  local status=$?
  trap - EXIT
  if [[ -n $dmgrd ]]; then
    kill -TERM "$dmgrd" 2>/dev/null || true
    wait "$dmgrd" || true
  fi
  ((!status)) || [[ ! -f $work/dmgrd.log ]] || tail -n 20 "$work/dmgrd.log" >&2
  [[ -z $lab_is_up ]] || lab down >/dev/null || true
  [[ ! -e $BINFMT/$FORMAT ]] || printf -- -1 >"$BINFMT/$FORMAT"
  [[ -z $mounted ]] || umount "$BINFMT" || true
  rm -rf --one-file-system "$work"
  exit "$status"
}

# With flag F the emulator need not be on the hosts.
register_emulator() {
  local emulator
  emulator=$(command -v qemu-aarch64-static) || skip 'no qemu-aarch64-static: apt-get install qemu-user-static'
  if [[ ! -e $BINFMT/register ]]; then
    mount -t binfmt_misc binfmt_misc "$BINFMT" 2>/dev/null || skip 'this kernel has no binfmt_misc'
    mounted=1
  fi
  ! grep -qs '^flags:.*F' "$BINFMT/qemu-aarch64" || return 0
  printf '%s' ":$FORMAT:M::$MAGIC:$MASK:$emulator:F" >"$BINFMT/register" || skip 'binfmt_misc takes no program'
}

apt_arm64() {
  apt-get -q -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o APT::Sandbox::User=root \
    -o Dir::State="$work/apt" -o Dir::State::status="$work/apt/status" -o Dir::Cache="$work/apt" \
    -o Debug::NoLocking=1 "$@"
}

fetch_debian() {
  local deb
  mkdir -p "$work"/{apt/lists/partial,apt/archives/partial,debs}
  : >"$work/apt/status"
  apt_arm64 update >"$work/apt.log" 2>&1 || true
  (cd "$work/debs" && apt_arm64 download busybox-static libc6 prometheus prometheus-alertmanager) \
    >>"$work/apt.log" 2>&1 || { tail -n 5 "$work/apt.log" >&2 && die 'no packages of arm64'; }
  for deb in "$work"/debs/*.deb; do dpkg-deb -x "$deb" "$work/debian"; done
}

# tarball COMPONENT: of arm64, of that of amd64 with other programs in it. DM's and Grafana's are busybox: a package
# must have them, and no host gets them here.
tarball() {
  local component=$1 top=$work/tree/$1 file from
  mkdir -p "$top"
  tar -C "$top" -xzf "$work/tarballs/$component-v7.5.1-linux-amd64.tar.gz"
  while read -r file; do
    [[ $(head -c 4 "$file") == $'\x7fELF' ]] || continue
    from=$work/debian/usr/bin/${file##*/}
    [[ ${file##*/} != alertmanager ]] || from=$work/debian/usr/bin/prometheus-alertmanager
    [[ -f $from ]] || from=$work/debian/bin/busybox
    install -m 755 "$from" "$file"
  done < <(find "$top" -type f -perm -u+x)
  tar -C "$top" --owner=0 --group=0 -czf "$work/tarballs/$component-v7.5.1-linux-arm64.tar.gz" .
}

package() {
  check "package $1 for $2 is built" '^/.*tar.gz$' "$BUILD/bin/dmgrctl" package build --components "$work/tarballs" \
    --version "$1" --arch "$2" --output "$work"
  check "package $1 is uploaded" 'in the warehouse' dmgrctl package upload "$work/dm-$1.tar.gz"
  rm "$work/dm-$1.tar.gz"
}

# The host says aarch64 by a program of its own, and has what Debian's programs for arm64 are linked with.
make_arm64() {
  tar -C "$work/debian" --owner=0 --group=0 -c lib usr/share/prometheus |
    lab ssh "$1" -- 'tar -C / -x --keep-directory-symlink'
  lab ssh "$1" -- 'mv /usr/bin/uname /usr/bin/uname.amd64; cat >/usr/bin/uname; chmod 755 /usr/bin/uname' \
    <"$work/debian/bin/busybox"
  check "$1 says that it is arm64" '^aarch64$' lab ssh "$1" -- uname -m
}

machine_of() { lab ssh "$1" -- "od -An -tx1 -j18 -N1 $2"; }
programs_on() { lab ssh "$1" -- 'for f in /opt/dm/*/bin/*; do printf "%s " "$f"; od -An -tx1 -j18 -N1 "$f"; done'; }

((EUID == 0)) || die 'must run as root'
unset DMGR_TOKEN DMGR_TOKEN_FILE DMGR_MODE
dmgrd='' lab_is_up='' mounted='' work=$(mktemp -d /var/tmp/mixed_arm64.XXXXXX)
trap clean_up EXIT
trap 'exit 130' INT TERM
chmod 755 "$work"
register_emulator
"$REPO/deploy/arm64.sh" --build-dir "$BUILD" >/dev/null
fetch_debian
"$REPO/tests/dmsim/make_tarballs.sh" "$BUILD/dmsim" v7.5.1 "$work/tarballs" >/dev/null
rm "$work"/tarballs/*_exporter-*
for component in dm-master dm-worker dmctl prometheus alertmanager grafana; do tarball "$component"; done

lab_is_up=1
lab up --hosts 2 >/dev/null
make_arm64 h2
h1=$(lab address h1) h2=$(lab address h2)
printf '[server]\nlisten = "%s"\n[paths]\ndata_dir = "%s/data"\n' "$ADDRESS" "$work" >"$work/dmgrd.toml"
(umask 077 && head -c 18 /dev/urandom | base64 >"$work/password")
"$BUILD/bin/dmgrd" --config "$work/dmgrd.toml" --init-admin "admin:$work/password" >"$work/dmgrd.log" 2>&1 &
dmgrd=$!
login() { dmgrctl login --user admin <"$work/password"; }
eventually 'dmgrd answers' 'logged in' login
check 'h1 is added as amd64' 'amd64' dmgrctl machine add "$h1" --id h1 --user root --key "$(lab key)"
check 'h2 is added as arm64' 'arm64' dmgrctl machine add "$h2" --id h2 --user root --key "$(lab key)"
package v7.5.1 amd64
package v7.5.1+2 both
package v7.5.1+3 both
package v7.5.1+4 amd64

cat >"$work/topology.yaml" <<YAML
global: {user: dm, deploy_dir: /opt/dm, data_dir: /var/lib/dm}
master_servers: [{host: $h1}]
worker_servers: [{host: $h1}]
monitoring_servers: [{host: $h2}]
alertmanager_servers: [{host: $h2}]
YAML
refused 'a package without arm64 is refused' 'arm64' dmgrctl cluster deploy mixed v7.5.1 "$work/topology.yaml" --yes
check 'and nothing was changed' '^none$' lab ssh h2 -- 'ls -d /opt/dm 2>/dev/null || echo none'
check 'deploy' 'succeeded' dmgrctl cluster deploy mixed v7.5.1+2 "$work/topology.yaml" --yes
check 'h2 has programs for arm64' 'prometheus +b7' programs_on h2
! grep -q ' 3e' "$work/out" || die 'h2 has programs for amd64'
check 'the far end on h2 is one for arm64' 'b7' machine_of h2 '/var/lib/dmgr/*/dmgr-host'
check 'h1 has programs for amd64' 'dm-worker +3e' programs_on h1
check 'start' 'succeeded' dmgrctl cluster start mixed --yes
eventually 'all is healthy' 'up +healthy' dmgrctl cluster status mixed
cat "$work/out"
check 'the configuration is changed' '' dmgrctl cluster edit-config mixed \
  --set 'server_configs.worker.keepalive-ttl=60' --yes
check 'reload' 'succeeded' dmgrctl cluster reload mixed --yes

cp "$work/tree/prometheus/prometheus/prometheus" "$work/prometheus.arm64"
tar -C "$work" --strip-components=1 -xzf "$work/tarballs/prometheus-v7.5.1-linux-amd64.tar.gz" prometheus/prometheus
refused 'a patch for amd64 is refused' 'arm64' \
  dmgrctl cluster patch mixed "$work/prometheus" --role prometheus --yes
printf 'patched' >>"$work/prometheus.arm64"
check 'patch' 'succeeded' dmgrctl cluster patch mixed "$work/prometheus.arm64" --role prometheus --yes
eventually 'all is healthy after it' 'up +healthy' dmgrctl cluster status mixed
check 'the patch is taken back' 'succeeded' dmgrctl cluster patch mixed --revert --role prometheus --yes
check 'verify finds no difference' '' dmgrctl cluster verify mixed
refused 'an upgrade to a package without arm64 is refused' 'arm64' dmgrctl cluster upgrade mixed v7.5.1+4 --yes
check 'and the cluster is as it was' 'v7\.5\.1\+2 +up +healthy' dmgrctl cluster status mixed
check 'upgrade' 'succeeded' dmgrctl cluster upgrade mixed v7.5.1+3 --yes
eventually 'all is healthy after it' 'v7\.5\.1\+3 +up +healthy' dmgrctl cluster status mixed
check 'scale-in' 'succeeded' dmgrctl cluster scale-in mixed --role alertmanager --yes
check 'destroy' 'succeeded' dmgrctl cluster destroy mixed --yes
check 'nothing is left on h2' '^none$' lab ssh h2 -- 'ls -d /opt/dm/* /etc/systemd/system/prometheus* 2>/dev/null || echo none'

# Its far end too is of what the host says now.
lab ssh h2 -- 'mv /usr/bin/uname.amd64 /usr/bin/uname; rm -r /var/lib/dmgr'
refused 'a host whose architecture has changed is refused' 'is amd64, and was arm64' \
  dmgrctl cluster deploy mixed v7.5.1+2 "$work/topology.yaml" --yes
check 'it is looked at again' 'amd64' dmgrctl machine update h2 --key "$(lab key)"
check 'and deployed to' 'succeeded' dmgrctl cluster deploy mixed v7.5.1+2 "$work/topology.yaml" --yes
check 'h2 has programs for amd64' 'prometheus +3e' programs_on h2
say 'all is well'
