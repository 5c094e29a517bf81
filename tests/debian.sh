#!/usr/bin/env bash
# debian.sh PACKAGE PROGRAM …: finds programs that tests need, or unpacks the Debian package that has them. Prints their directory, and that of
# their libraries if it is not the system's. Nothing of the system is changed and no rights are needed: apt works in directories of its own, and
# installs nothing. PELTON_DEBIAN_STATUS names what apt believes to be installed; it is for trying this script where the package is.
set -euo pipefail
package=$1
shift

has() { # DIRECTORY: all programs are in it
  local program
  for program in "${programs[@]}"; do [ -x "$1/$program" ] || return 1; done
}
programs=("$@")

if [ -z "${PELTON_DEBIAN_STATUS:-}" ]; then
  # PostgreSQL's are not on the path.
  for bin in $(tr : ' ' <<<"$PATH") /usr/lib/postgresql/*/bin; do
    has "$bin" && printf '%s\n\n' "$bin" && exit
  done
fi

# A server does not run as root: what root unpacks has to be where others can read it.
if [ "$(id -u)" = 0 ]; then cache=/var/cache/pelton; else cache=${XDG_CACHE_HOME:-$HOME/.cache}/pelton; fi
place=${PELTON_DEBIAN_CACHE:-$cache}/$package

found() {
  local bin
  for bin in "$place"/usr/bin "$place"/usr/lib/postgresql/*/bin; do
    has "$bin" && printf '%s\n%s\n' "$bin" "$(ls -d "$place"/usr/lib/*-linux-* 2>/dev/null | head -n 1)" && return
  done
  return 1
}
found && exit

if ! { command -v apt-get && command -v dpkg-deb; } >/dev/null; then
  echo "$* missing, and this is no Debian whose package could be unpacked: install $package" >&2
  exit 1
fi
echo "unpacking Debian's package $package into $place" >&2
mkdir -p "$(dirname "$place")"
beside=$(mktemp -d "$place.XXXXXX")
trap 'rm -rf "$beside"' EXIT
mkdir -p "$beside/apt/state/lists/partial" "$beside/apt/cache/archives/partial"
apt=(apt-get -q -y -o "Dir::State=$beside/apt/state" -o "Dir::State::status=${PELTON_DEBIAN_STATUS:-/var/lib/dpkg/status}"
     -o "Dir::Cache=$beside/apt/cache" -o APT::Sandbox::User= -o Debug::NoLocking=1)
"${apt[@]}" update >&2
"${apt[@]}" --no-install-recommends --download-only install "$package" >&2
for archive in "$beside"/apt/cache/archives/*.deb; do
  dpkg-deb -x "$archive" "$beside"
done
rm -rf "$beside/apt"
chmod 755 "$beside"
mv -T "$beside" "$place" 2>/dev/null || true # another test may have been first
found
