#!/usr/bin/env bash
# Docker Compose 2.40.3 to compare with: prints the path of its program.
set -euo pipefail
# shellcheck source=scripts/machine.sh
source "$(dirname "${BASH_SOURCE[0]}")/machine.sh"
# shellcheck source=scripts/debian.sh
source "$(dirname "${BASH_SOURCE[0]}")/debian.sh"

readonly VERSION=2.40.3
readonly DIR="${XDG_CACHE_HOME:-$HOME/.cache}/devstack/compose-$VERSION"

usage() {
  cat <<'TEXT'
Usage: scripts/compose.sh

Prints the path of docker-compose 2.40.3. Unless it is there already, it is
unpacked from Debian unstable's package into the cache folder; nothing of it is
installed. It needs no docker client: `"$(scripts/compose.sh)" config`.
TEXT
}

case "${1:-}" in
  "") ;;
  --help | -h)
    usage
    exit 0
    ;;
  *) die "unknown argument: $1" "see $0 --help" ;;
esac

program() { find "$DIR/root" -type f -name docker-compose -perm -u+x -print -quit 2>/dev/null; }

found=$(program || true)
if [ -z "$found" ]; then
  printf 'Downloading docker-compose %s of Debian unstable into %s\n' "$VERSION" "$DIR" >&2
  mkdir -p "$DIR"
  unpack_debian "$DIR" unstable docker-compose
  found=$(program || true)
  [ -n "$found" ] || die "Debian's docker-compose holds no program docker-compose"
fi
answered=$("$found" version --short) || die "$found cannot run on this machine"
[[ $answered == "$VERSION"* ]] || die "Debian unstable has docker-compose $answered by now, not $VERSION"
printf '%s\n' "$found"
