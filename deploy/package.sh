#!/bin/bash
# Makes Debian packages of what was built. See usage below.
set -euo pipefail
export LC_ALL=C
umask 022

REPO=$(cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/.." && pwd)
DEBIAN=$REPO/deploy/debian
# The version that the embedded database is made with, as in install-deps.sh.
POSTGRESQL=postgresql-15

usage() {
  cat <<TEXT
usage: deploy/package.sh [--arm64] [--build-dir DIR] [--output DIR] [--revision N]

Makes dmgrd_VERSION-N_ARCH.deb (dmgrd, the program for hosts, unit, configuration, monitoring) and
dmgrctl_VERSION-N_ARCH.deb (dmgrctl, completion, manual) of the programs in BUILD/bin, and prints their
paths. Nothing else is built. The same programs give the same files, by SOURCE_DATE_EPOCH or the time of the
last commit.

  --arm64           with the program for hosts of arm64, which is made first (deploy/arm64.sh)
  --build-dir DIR   what \`cmake --preset release\` made (build)
  --output DIR      where the packages go (the build folder's packages/)
  --revision N      of the package, for another one of the same version (1)

DEBFULLNAME and DEBEMAIL name who makes them, for a package that others are given.
TEXT
}

die() {
  printf 'package: %s\n' "$*" >&2
  exit 1
}

# ---- What goes into them ----

# place MODE SOURCE TARGET: a file, in the tree under way.
place() {
  install -D -m "$1" "$2" "$TREE/$3"
}

program() {
  place 755 "$BIN/$1" "$2"
  # The far end is stripped by its build.
  strip --remove-section=.comment --remove-section=.note "$TREE/$2"
}

# set_key KEY VALUE: of the example's configuration, which has each key once.
set_key() {
  local file=$TREE/etc/dmgr/dmgrd.toml
  (($(grep -c "^$1 = " "$file") == 1)) || die "deploy/dmgrd.toml has not one line of '$1'"
  sed -i "s|^$1 = .*|$1 = \"$2\"|" "$file"
}

fill_dmgrd() {
  local far
  # Beside dmgrd, which looks for it where its own file is.
  program dmgrd usr/lib/dmgr/dmgrd
  for far in "$BIN"/dmgr-host "$BIN"/dmgr-host-*; do
    # One of an earlier day would not understand this dmgrd.
    [[ $far != */dmgr-host-aarch64 || -n $ARM64 ]] || continue
    [[ ! -f $far ]] || place 755 "$far" "usr/lib/dmgr/${far##*/}"
  done
  install -d "$TREE/usr/sbin"
  ln -s ../lib/dmgr/dmgrd "$TREE/usr/sbin/dmgrd"
  place 644 "$REPO/deploy/dmgrd.toml" etc/dmgr/dmgrd.toml
  set_key mode release
  set_key tls_cert /var/lib/dmgrd/tls/dmgrd.pem
  set_key tls_key /var/lib/dmgrd/tls/dmgrd.key
  printf '/etc/dmgr/dmgrd.toml\n' >"$TREE/DEBIAN/conffiles"
  place 644 "$REPO/deploy/dmgrd.service" lib/systemd/system/dmgrd.service
  sed -i 's|^ExecStart=/usr/local/bin/|ExecStart=/usr/sbin/|' "$TREE/lib/systemd/system/dmgrd.service"
  place 644 "$DEBIAN/package.conf" lib/systemd/system/dmgrd.service.d/package.conf
  place 644 "$DEBIAN/dmgrd-tls.service" lib/systemd/system/dmgrd-tls.service
  place 644 "$DEBIAN/dmgrd.8" usr/share/man/man8/dmgrd.8
  for far in "$REPO"/deploy/monitoring/*; do
    place 644 "$far" "usr/share/dmgr/monitoring/${far##*/}"
  done
  place 644 "$REPO/deploy/README.md" usr/share/doc/dmgrd/README.md
  place 644 "$REPO/deploy/SECURITY.md" usr/share/doc/dmgrd/SECURITY.md
  for far in postinst prerm postrm; do
    place 755 "$DEBIAN/dmgrd_$far.sh" "DEBIAN/$far"
  done
}

fill_dmgrctl() {
  local shares=usr/share
  program dmgrctl usr/bin/dmgrctl
  install -d "$TREE/$shares"/{bash-completion/completions,zsh/vendor-completions,fish/vendor_completions.d} \
    "$TREE/$shares/man/man1"
  "$BIN/dmgrctl" completion bash >"$TREE/$shares/bash-completion/completions/dmgrctl"
  "$BIN/dmgrctl" completion zsh >"$TREE/$shares/zsh/vendor-completions/_dmgrctl"
  "$BIN/dmgrctl" completion fish >"$TREE/$shares/fish/vendor_completions.d/dmgrctl.fish"
  "$BIN/dmgrctl" __man-pages "$TREE/$shares/man/man1"
}

control_dmgrd() {
  cat <<CONTROL
Depends: $(libraries_of usr/lib/dmgr/dmgrd), adduser, $POSTGRESQL
Recommends: dmgrctl
Description: control plane for clusters of TiDB Data Migration
 dmgrd deploys and runs clusters of TiDB Data Migration on hosts that it
 reaches over SSH. It keeps what it knows in PostgreSQL, one of its own
 unless it is given another, and serves a gRPC API.
CONTROL
}

control_dmgrctl() {
  cat <<CONTROL
Depends: $(libraries_of usr/bin/dmgrctl)
Description: command line of dmgrd
 dmgrctl asks a dmgrd, on this machine or another one, to deploy, change and
 watch clusters of TiDB Data Migration.
CONTROL
}

# ---- How they are made ----

# The packages of the libraries that a program of the tree is linked with.
libraries_of() {
  local dir=$WORK/shlibs
  install -d "$dir/debian"
  printf 'Source: dmgr\n\nPackage: %s\nArchitecture: any\n' "$NAME" >"$dir/debian/control"
  (cd "$dir" && dpkg-shlibdeps -O "$TREE/$1") | sed -n 's/^shlibs:Depends=//p'
}

# What every package of Debian says of itself.
add_documents() {
  local doc=$TREE/usr/share/doc/$NAME
  place 644 "$DEBIAN/copyright" "usr/share/doc/$NAME/copyright"
  cat >"$doc/changelog.Debian" <<TEXT
dmgr ($FULL_VERSION) unstable; urgency=medium

  * dmgr $VERSION${COMMIT:+, of commit $COMMIT}.

 -- $MAINTAINER  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
TEXT
  find "$TREE/usr/share/man" -type f -exec gzip -9n {} +
  gzip -9n "$doc/changelog.Debian"
  if [[ -f $DEBIAN/$NAME.lintian-overrides ]]; then
    place 644 "$DEBIAN/$NAME.lintian-overrides" "usr/share/lintian/overrides/$NAME"
  fi
}

write_control() {
  cat >"$TREE/DEBIAN/control" <<CONTROL
Package: $NAME
Source: dmgr
Version: $FULL_VERSION
Architecture: $ARCH
Maintainer: $MAINTAINER
Installed-Size: $(du -sk --apparent-size --exclude=DEBIAN "$TREE" | cut -f1)
Section: database
Priority: optional
$("control_$NAME")
CONTROL
  (cd "$TREE" && find . -type f -not -path './DEBIAN/*' -printf '%P\0' | sort -z |
    xargs -0 md5sum) >"$TREE/DEBIAN/md5sums"
}

make_package() {
  local file
  NAME=$1
  TREE=$WORK/$NAME
  install -d "$TREE/DEBIAN"
  "fill_$NAME"
  add_documents
  write_control
  find "$TREE" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
  file=${NAME}_${FULL_VERSION}_$ARCH.deb
  # The highest levels save a tenth of the size for three times the time.
  dpkg-deb --root-owner-group -Zxz -z2 --build "$TREE" "$WORK/$file" >/dev/null
  mv "$WORK/$file" "$OUTPUT/$file"
  printf '%s\n' "$OUTPUT/$file"
}

require() {
  local tool program
  for tool in dpkg-deb dpkg-shlibdeps strip gzip; do
    command -v "$tool" >/dev/null || die "no $tool: deploy/install-deps.sh, or apt-get install dpkg-dev"
  done
  for program in dmgrd dmgrctl dmgr-host; do
    [[ -x $BIN/$program ]] || die "no $BIN/$program: cmake --preset release && ninja -C build dmgrd dmgrctl"
  done
}

# ---- Command line ----

BUILD=$REPO/build OUTPUT='' REVISION=1 ARM64=''
while (($#)); do
  case $1 in
    --arm64) ARM64=1 ;;
    --build-dir | --output | --revision)
      (($# >= 2)) || die "$1 needs a value"
      case $1 in
        --build-dir) BUILD=$2 ;;
        --output) OUTPUT=$2 ;;
        --revision) REVISION=$2 ;;
      esac
      shift
      ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
  esac
  shift
done
[[ $REVISION =~ ^[1-9][0-9]{0,8}$ ]] || die "--revision takes a number"
BIN=$(realpath -m "$BUILD")/bin
require
[[ -z $ARM64 ]] || "$REPO/deploy/arm64.sh" --build-dir "$BUILD" >/dev/null
mkdir -p "${OUTPUT:=$BUILD/packages}"
OUTPUT=$(realpath "$OUTPUT")
VERSION=$("$BIN/dmgrctl" --version)
VERSION=${VERSION##* }
[[ $VERSION =~ ^[0-9][0-9.]*$ ]] || die "dmgrctl says a strange version: '$VERSION'"
FULL_VERSION=$VERSION-$REVISION
ARCH=$(dpkg --print-architecture)
COMMIT=$(git -C "$REPO" rev-parse --short HEAD 2>/dev/null) || COMMIT=''
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$REPO" log -1 --format=%ct 2>/dev/null)} ||
  die "this is no clone: set SOURCE_DATE_EPOCH"
export SOURCE_DATE_EPOCH
MAINTAINER="${DEBFULLNAME:-dmgr} <${DEBEMAIL:-root@localhost}>"
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
trap 'exit 130' INT TERM

make_package dmgrd
make_package dmgrctl
