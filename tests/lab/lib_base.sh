# shellcheck shell=bash
# The root file system that all lab hosts share, made once per machine.

readonly BASE_SUITE=bookworm
# Raise it when the changes that finish_base makes to the tree change.
readonly BASE_FORMAT=2
# No zstd on purpose: a minimal Debian host has none.
BASE_PACKAGES=systemd,systemd-sysv,openssh-server,sudo,dbus
BASE_PACKAGES+=,iproute2,curl,ca-certificates,procps
readonly BASE_PACKAGES

CACHE_ROOT=${DMGR_LAB_CACHE:-/var/cache/dmgr-lab}

base_dir() {
  local key
  key=$(printf '%s' "$BASE_FORMAT $BASE_SUITE $(dpkg --print-architecture) $BASE_PACKAGES" |
    sha256sum | cut -c1-12)
  printf '%s/%s-%s\n' "$CACHE_ROOT" "$BASE_SUITE" "$key"
}

# Prints the packages of the control machine that the lab needs and that are missing.
missing_tools() {
  local pair
  for pair in debootstrap:debootstrap systemd-nspawn:systemd-container ip:iproute2 \
    ssh:openssh-client ssh-keygen:openssh-client nsenter:util-linux; do
    command -v "${pair%%:*}" >/dev/null || printf '%s\n' "${pair##*:}"
  done
}

install_tools() {
  local need
  mapfile -t need < <(missing_tools | sort -u)
  ((${#need[@]})) || return 0
  note "installing ${need[*]}"
  local install=(apt-get install -y --no-install-recommends "${need[@]}")
  export DEBIAN_FRONTEND=noninteractive
  "${install[@]}" >&2 </dev/null || { apt-get update >&2 && "${install[@]}" >&2 </dev/null; }
}

# The mirror this machine is configured for: the default one may be out of reach from here.
apt_mirror() {
  local url=${DMGR_LAB_MIRROR:-}
  if [[ -z $url ]]; then
    # shellcheck disable=SC2016
    url=$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' \
      'Created-By: Packages' 2>/dev/null |
      awk -v suite="$BASE_SUITE" '$1 == suite && $2 == "main" { print $3; exit }') || true
  fi
  printf '%s\n' "${url:-http://deb.debian.org/debian}"
}

apt_proxy() {
  local value
  eval "$(apt-config shell value Acquire::http::Proxy)"
  printf '%s\n' "${value:-}"
}

# What every host needs and no host owns. Identities go: clones would share them.
finish_base() {
  local root=$1
  rm -f "$root"/etc/ssh/ssh_host_*
  : >"$root/etc/machine-id"
  # systemd would take this one over for an empty machine-id.
  rm -f "$root/var/lib/dbus/machine-id"
  install -m 644 /dev/null "$root/etc/resolv.conf"
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
  systemctl --root="$root" --quiet enable systemd-networkd.service
  cat >"$root/etc/ssh/sshd_config.d/dmgr-lab.conf" <<'CONF'
PasswordAuthentication yes
PermitRootLogin prohibit-password
CONF
}

build_base() {
  local final=$1 partial proxy
  partial=$(mktemp -d "$CACHE_ROOT/.partial-XXXXXX")
  chmod 755 "$partial"
  proxy=$(apt_proxy)
  note "building $final (about a minute)"
  if ! env ${proxy:+"http_proxy=$proxy"} debootstrap --variant=minbase \
    --include="$BASE_PACKAGES" "$BASE_SUITE" "$partial" "$(apt_mirror)" \
    >"$partial.log" 2>&1 </dev/null; then
    tail -n 30 "$partial.log" >&2
    rm -rf "$partial"
    die "debootstrap failed; see $partial.log"
  fi
  finish_base "$partial"
  mv -T "$partial" "$final"
  rm -f "$partial.log"
}

cmd_base() {
  local final
  final=$(base_dir)
  if [[ ! -d $final || -n $(missing_tools) ]]; then
    mkdir -p "$CACHE_ROOT"
    (
      take_lock "$CACHE_ROOT/.lock"
      install_tools
      [[ ! -d $final ]] || exit 0
      # With the lock held, a partial tree is one that a dead builder left.
      rm -rf "$CACHE_ROOT"/.partial-*
      build_base "$final"
    )
  fi
  printf '%s\n' "$final"
}
